"""The residents' notice of a service day."""
