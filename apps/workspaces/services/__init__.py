"""Commands on workspaces and their runs, and what a host's heartbeat writes down."""
