"""Language models from names, folders and caches."""
