"""How long the program takes to start, beside an interpreter that imports numpy only.

Goals: ``import atomotion`` under 0.3 s, ``atomotion --help`` under 0.5 s.
"""

import statistics
import subprocess
import sys
import time

RUNS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import atomotion": ["-c", "import atomotion"],
    "import atomotion.data": ["-c", "import atomotion.data"],
    "atomotion --help": ["-m", "atomotion", "--help"],
    "atomotion order --help": ["-m", "atomotion", "order", "--help"],
}


def seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    for arguments in COMMANDS.values():
        seconds(arguments)  # files into the cache
    # in turn, so that a slow moment of the machine falls on all
    measured = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, arguments in COMMANDS.items():
            measured[name].append(seconds(arguments))
    bare = statistics.median(measured["python -c pass"])
    for name, values in measured.items():
        middle = statistics.median(values)
        print(f"{name:26} {middle:6.3f} s   {middle / bare:5.1f} x the bare interpreter")


if __name__ == "__main__":
    main()
