"""Pages of workspaces, and the inner addresses that hosts ask."""
