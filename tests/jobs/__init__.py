"""Jobs: their lives, whose turn it is, what hosts tell, and what pages show."""
