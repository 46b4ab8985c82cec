"""The program ``atomotion``: its commands, and what happens when one fails."""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Group

from atomotion import __version__
from atomotion.data import AtomotionError

PROJECT = Group("A whole route, in a project folder", sort_key=1)
FILES = Group("Files in, files out", sort_key=2)
# name: (where, group, one sentence); a command's file is loaded when the command is used
COMMANDS = {
    "demo": ("atomotion.cli.demo:demo", PROJECT, "Simulate a movie, run the route on it, open the report."),
    "new": ("atomotion.cli.new:new", PROJECT, "Make a project folder for one or many movies."),
    "run": ("atomotion.cli.run:run", PROJECT, "Run the project's route; finished stages are skipped."),
    "status": ("atomotion.cli.status:status", PROJECT, "Show how far every movie has come."),
    "log": ("atomotion.cli.status:log", PROJECT, "Show what a stage wrote down while it ran."),
    "stop": ("atomotion.cli.status:stop", PROJECT, "Stop a running project; run goes on from there."),
    "report": ("atomotion.cli.report:report", PROJECT, "Write the project's report again from what is finished."),
    "info": ("atomotion.cli.info:info", FILES, "Say what a file holds: shape, units, facts, what is odd."),
    "convert": ("atomotion.cli.convert:convert", FILES, "Turn a movie into another format, keeping its facts."),
    "noise": ("atomotion.cli.noise:noise", FILES, "Measure the noise and say what it invalidates."),
    "drift": ("atomotion.cli.drift:drift", FILES, "Measure the rigid drift of a movie."),
    "region": ("atomotion.cli.region:region", FILES, "Find the particle and an empty region."),
    "background": ("atomotion.cli.background:background", FILES, "Find the graphene in a movie and remove it."),
    "track": ("atomotion.cli.track:track", FILES, "Find the particles of a movie, follow them, and cut them out."),
    "denoise": ("atomotion.cli.denoise:denoise", FILES, "Denoise a movie, with a network that learns from it."),
    "quality": ("atomotion.cli.quality:quality", FILES, "Say how well a movie was denoised, without a clean one."),
    "order": (
        "atomotion.cli.order:order",
        FILES,
        "Measure the order of every frame (ALPS), its periods and its trend.",
    ),
    "periods": ("atomotion.cli.periods:periods", FILES, "Find periods of order and disorder in a table of order."),
    "trend": ("atomotion.cli.trend:trend", FILES, "Compare the order of several particles with their size."),
    "atoms": ("atomotion.cli.atoms:atoms", FILES, "Find the atoms of a density map, and measure them."),
    "frames": (
        "atomotion.cli.frames:frames",
        FILES,
        "Judge the boxes of a particle, and propose windows to reconstruct.",
    ),
    "reconstruct": (
        "atomotion.cli.reconstruct:reconstruct",
        FILES,
        "Find the atoms of a tumbling particle in three dimensions.",
    ),
    "boundaries": (
        "atomotion.cli.boundaries:boundaries",
        FILES,
        "Settle the windows of a particle by the atoms that its images show.",
    ),
    "structure": ("atomotion.cli.structure:structure", FILES, "Measure every atom of a particle, and the particle."),
    "compare": ("atomotion.cli.compare:compare", FILES, "Compare the states of a particle, and name the dynamics."),
    "simulate": ("atomotion.cli.simulate:app", FILES, "Simulate movies and particles with known truth."),
    "doctor": ("atomotion.cli.doctor:doctor", FILES, "Check the installation and this machine."),
}

app = App(
    name="atomotion",
    version=__version__,
    help="See atoms move: from electron-microscopy movies of single nanoparticles to the motion of their atoms.",
    help_epilogue="Start with: atomotion demo. Values take units: 0.358A, 2.5ms, 300kV, 2px.",
)
for _name, (_where, _group, _help) in COMMANDS.items():
    app.command(_where, name=_name, group=_group, help=_help)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 done, 1 failed, 2 bad usage, 3 bad or missing input, 130 stopped."""
    try:
        result = app(
            sys.argv[1:] if arguments is None else list(arguments),
            exit_on_error=False,
            print_error=True,
            result_action="return_value",
        )
    except CycloptsError:
        return 2
    except AtomotionError as error:
        sys.stdout.flush()
        print(f"atomotion: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("atomotion: stopped", file=sys.stderr, flush=True)
        # a leaf may still be at work in a thread; leaving now is safe, since results are put in place by renaming
        os._exit(130)
    except BrokenPipeError:
        # the reader of our output has gone; nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"atomotion: {error}", file=sys.stderr)
        return 3
    return result if isinstance(result, int) else 0
