"""The sums and the ridge of a fit on a GPU: what the processor has under the same names, in the same numbers."""
