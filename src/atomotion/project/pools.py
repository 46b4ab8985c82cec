"""Where leaves are run: in this process, in local processes, or on a cluster through Dask. One interface."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from atomotion.data import AtomotionError, UsageError
from atomotion.project.leaf import read_status, write_json
from atomotion.project.worker import run_leaf

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Pool(Protocol):
    """Runs leaves; `slots` is how many at once."""

    slots: int

    def submit(self, folder: Path) -> None:
        """Start the leaf in `folder`."""
        ...

    def finished(self) -> list[Path]:
        """Folders of the leaves that ended since the last call; their ``status.json`` says how."""
        ...

    def stop(self) -> None:
        """End whatever is running; results so far stay."""
        ...


class InlinePool:
    """One leaf at a time in this process; for scripts and the debugger."""

    slots = 1

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._done: list[Path] = []

    def submit(self, folder: Path) -> None:
        """Run the leaf now."""
        run_leaf(folder, threads=self.threads)
        self._done.append(folder)

    def finished(self) -> list[Path]:
        """The leaves that were run since the last call."""
        done, self._done = self._done, []
        return done

    def stop(self) -> None:
        """Nothing is running between calls."""


class LocalPool:
    """A process per leaf on this machine, so that a crash or a lack of memory takes one leaf and not the others."""

    def __init__(self, jobs: int, threads: int) -> None:
        self.slots = jobs
        self.threads = threads
        self._running: dict[Path, subprocess.Popen[bytes]] = {}

    def submit(self, folder: Path) -> None:
        """Start a process for the leaf."""
        environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(self.threads))}
        with (folder / "log.txt").open("ab") as log:
            self._running[folder] = subprocess.Popen(
                [sys.executable, "-m", "atomotion.project.worker", str(folder), str(self.threads)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                # Ctrl-C in the terminal is for the parent, which then ends its workers in order
                start_new_session=True,
            )

    def finished(self) -> list[Path]:
        """The leaves whose process has ended."""
        ended = [folder for folder, process in self._running.items() if process.poll() is not None]
        for folder in ended:
            process = self._running.pop(folder)
            if process.stdin is not None:
                process.stdin.close()
            if read_status(folder)["state"] in ("new", "running", "waiting"):
                record_death(folder, process.returncode)
        return ended

    def stop(self) -> None:
        """Ask the processes to end, and end those that do not within five seconds."""
        for process in self._running.values():
            process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        deadline = time.monotonic() + 5
        for folder, process in self._running.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
            status = read_status(folder)
            if status["state"] != "done":
                write_json(folder / "status.json", {**status, "state": "stopped"})
        self._running.clear()


def record_death(folder: Path, code: int) -> None:
    """Write down that the leaf's process ended without a word."""
    if code < 0:
        name = signal.Signals(-code).name
        reason = f"its process was ended by {name}" + (", perhaps for lack of memory" if name == "SIGKILL" else "")
    else:
        reason = f"its process ended with code {code} (log.txt has the details)"
    write_json(folder / "status.json", {**read_status(folder), "state": "failed", "error": reason, "exit_code": 1})


class DaskPool:
    """Leaves as Dask tasks; the workers must see the project folder under the same path.

    Parameters
    ----------
    where : str
        ``tcp://host:port`` of a running scheduler, or ``slurm`` to start workers through the batch system.
    options : mapping
        For ``slurm``: what ``dask_jobqueue.SLURMCluster`` takes (queue, cores, memory, walltime, ...) and ``jobs``,
        how many of them.
    """

    def __init__(self, where: str, options: Mapping[str, Any] | None = None, threads: int = 1) -> None:
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise AtomotionError("--cluster needs Dask; pip install 'atomotion[cluster]'") from error
        self.threads = threads
        self._cluster: Any = None
        if where == "slurm":
            from dask_jobqueue import SLURMCluster

            settings = dict(options or {})
            jobs = int(settings.pop("jobs", 1))
            self._cluster = SLURMCluster(**settings)
            self._cluster.scale(jobs=jobs)
            self._client = Client(self._cluster)
        elif "://" in where:
            self._client = Client(where, timeout="30s")
        else:
            raise UsageError(f"--cluster {where!r} is neither an address such as tcp://host:8786 nor slurm")
        self._running: dict[Path, Any] = {}

    @property
    def slots(self) -> int:
        """As many leaves at once as the cluster has threads, and one in waiting for each."""
        return max(1, 2 * sum(self._client.nthreads().values()))

    def submit(self, folder: Path) -> None:
        """Hand the leaf to the scheduler; a lost worker's leaf is run again by another."""
        self._running[folder] = self._client.submit(run_leaf, folder, threads=self.threads, pure=False, retries=2)

    def finished(self) -> list[Path]:
        """The leaves whose task has ended."""
        ended = [folder for folder, future in self._running.items() if future.done()]
        for folder in ended:
            future = self._running.pop(folder)
            if future.status != "finished":
                reason = f"its task was lost: {future.exception()}"
                write_json(
                    folder / "status.json",
                    {**read_status(folder), "state": "failed", "error": reason, "exit_code": 1},
                )
        return ended

    def stop(self) -> None:
        """Take back what waits and leave the cluster."""
        self._client.cancel(list(self._running.values()))
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
