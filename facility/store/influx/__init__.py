"""Readings in an InfluxDB 2.x."""
