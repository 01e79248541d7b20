"""Pages of the catalog, by what they are about."""
