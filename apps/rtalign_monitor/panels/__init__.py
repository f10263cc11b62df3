"""The plots and the transcript."""
