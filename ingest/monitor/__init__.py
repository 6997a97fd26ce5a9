"""Is data flowing? What was heard of every channel and clock, and how ingest is, for people and for probes."""
