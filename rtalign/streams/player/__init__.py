"""A recording played as LSL streams, with rehearsed faults."""
