"""`python -m cli` is `songradar`."""

from cli.main import main

main(prog_name="songradar")
