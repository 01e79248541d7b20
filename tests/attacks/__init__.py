"""What a hostile visitor, member or neighbour would try."""
