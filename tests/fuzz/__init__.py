"""Our own parsers, given bytes that nobody has written: each takes them, or refuses them with an error of its own."""
