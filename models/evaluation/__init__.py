"""How good it is: events, rankings and backtests against the truth."""
