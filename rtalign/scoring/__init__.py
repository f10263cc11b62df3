"""Predictions to R(layer, lag), its null, and the peaks that may be called latencies."""
