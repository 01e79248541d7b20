"""Pages of projects, by what they are about."""
