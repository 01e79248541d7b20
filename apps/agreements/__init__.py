"""Safe people: data-use agreements between centers, their signatures, and the terms that each researcher accepts."""
