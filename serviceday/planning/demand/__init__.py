"""What could be done on the day: duties, warnings, requests, goals."""
