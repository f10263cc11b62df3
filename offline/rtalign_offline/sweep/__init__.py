"""Models x contexts x people on Dask."""
