"""What detectors look at: hourly and daily figures, windows, and what explains them away."""
