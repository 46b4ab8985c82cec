"""The command line. One thin file per command: parse, run the stages, say where the result is."""

from atomotion.cli.app import main

__all__ = ["main"]
