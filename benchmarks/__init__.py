"""Speed and memory, each beside a peer in the same run: these machines are noisy, ratios are not. `make bench`."""
