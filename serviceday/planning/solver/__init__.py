"""The search for the best rounds."""
