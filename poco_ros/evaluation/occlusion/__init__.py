"""What estimates are worth while something passes before a person, against the same pictures without it."""
