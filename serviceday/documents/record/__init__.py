"""Maintenance and inspection records: a page for each visit to an asset, to be filled in, signed and sealed."""
