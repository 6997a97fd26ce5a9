"""Sparkplug B 3.0, as a host application sees it."""
