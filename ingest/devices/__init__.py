"""Devices that speak other languages: which codecs are switched on, and which device is which asset."""
