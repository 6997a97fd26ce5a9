"""Who works on the day, and what they may do."""
