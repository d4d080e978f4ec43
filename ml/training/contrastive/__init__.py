"""The shipped recipe: clean and degraded views of the same second, against many others."""
