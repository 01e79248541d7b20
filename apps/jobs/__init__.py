"""Safe settings: workspaces next to the approved data, their runs, and what hosts tell of them."""
