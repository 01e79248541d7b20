"""Commands of jobs, and what keeps them going."""
