"""Pages of jobs, and what their hosts ask."""
