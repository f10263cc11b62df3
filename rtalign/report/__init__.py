"""A folder of results and its HTML page."""
