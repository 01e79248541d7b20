"""Pages of the alliance, by subject: people, centers, training."""
