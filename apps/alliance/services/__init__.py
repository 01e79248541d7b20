"""The commands of the alliance, by subject: centers, people, grants, training."""
