"""What was not admitted: why, what people do about it, and how it is understood once more."""
