"""Foreseeing outages from their history: labels, features, training, forecasts."""
