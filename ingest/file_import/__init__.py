"""Files of readings: how their columns are understood, and how they are read piece by piece."""
