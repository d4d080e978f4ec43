"""The HTTP interface, which `songradar serve` starts; it needs songradar[web]."""
