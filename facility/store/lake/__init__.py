"""Readings in Delta tables, in a folder or an object store."""
