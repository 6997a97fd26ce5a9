"""Whether a sensor can be believed."""
