"""The way to the broker and from it: addresses, the client, what arrives, the embedded broker, a broker's limits."""
