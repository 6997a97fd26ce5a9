"""Alerts within seconds: what is stored is followed, and judged reading by reading."""
