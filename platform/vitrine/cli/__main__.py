"""`python -m vitrine.cli`: the command line of exactly this interpreter."""

from vitrine.cli import main

main(prog_name="vitrine")
