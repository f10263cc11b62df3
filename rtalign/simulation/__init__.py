"""A simulated listener with planted latencies."""
