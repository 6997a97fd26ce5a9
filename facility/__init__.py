"""What stands in the buildings, what it measures, what we believe about it, and where all that is kept."""
