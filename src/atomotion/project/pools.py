"""Where leaves are run: in this process, in local processes, or on a cluster through Dask. One interface."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from atomotion.data import AtomotionError, UsageError
from atomotion.project.leaf import read_status, write_json
from atomotion.project.worker import run_leaf

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


_UNFINISHED = ("new", "waiting", "running")


class Pool(Protocol):
    """Runs leaves."""

    @property
    def slots(self) -> int:
        """How many leaves it takes at once."""
        ...

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
    """One leaf at a time in a thread of this process: for single commands, scripts and the debugger."""

    slots = 1

    def __init__(self, threads: int = 1, device: str = "auto") -> None:
        self.threads, self.device = threads, device
        self._running: dict[Path, Future[Any]] = {}

    def submit(self, folder: Path) -> None:
        """Run the leaf beside the caller, who goes on hearing of its progress."""
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(run_leaf(folder, threads=self.threads, device=self.device))
            except BaseException as error:
                future.set_exception(error)

        # a daemon: Ctrl-C ends the program without waiting for the leaf, which goes on from its checkpoint next time
        threading.Thread(target=work, daemon=True).start()
        self._running[folder] = future

    def finished(self) -> list[Path]:
        """The leaves that ended since the last call."""
        ended = [folder for folder, future in self._running.items() if future.done()]
        for folder in ended:
            self._running.pop(folder).result()
        return ended

    def stop(self) -> None:
        """Mark what is running as stopped; a thread cannot be ended from outside."""
        for folder in self._running:
            write_json(folder / "status.json", {**read_status(folder), "state": "stopped"})


class _Worker:
    """A process that runs one leaf after the other, and ends with this one."""

    def __init__(self, threads: int, device: str) -> None:
        # threads that spin long while they wait take the cores of other workers, those that never spin wake up late
        environment = {"GOMP_SPINCOUNT": "20000", **os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "atomotion.project.worker", str(threads), device],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
            # Ctrl-C in the terminal is for the parent, which then ends its workers in order
            start_new_session=True,
        )
        self.folder: Path | None = None

    def give(self, folder: Path) -> None:
        """Hand it a leaf."""
        self.folder = folder
        assert self.process.stdin is not None
        self.process.stdin.write(f"{folder}\n".encode())
        self.process.stdin.flush()

    def ended(self) -> Path | None:
        """The leaf that it was given, once that has ended; a worker that died says so in the leaf's status."""
        if self.folder is None:
            return None
        if self.process.poll() is not None:
            if read_status(self.folder)["state"] in _UNFINISHED:
                record_death(self.folder, self.process.returncode)
        elif read_status(self.folder)["state"] in _UNFINISHED:
            return None
        folder, self.folder = self.folder, None
        return folder

    def close(self) -> None:
        """End the process, gently first."""
        assert self.process.stdin is not None
        if self.folder is not None:
            self.process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class LocalPool:
    """Processes on this machine, so that a crash or a lack of memory takes one leaf and not the others."""

    def __init__(self, jobs: int, threads: int, device: str = "auto") -> None:
        self.slots = jobs
        self.threads, self.device = threads, device
        self._workers: list[_Worker] = []

    def submit(self, folder: Path) -> None:
        """Give the leaf to an idle process, or to a new one."""
        self._workers = [each for each in self._workers if each.process.poll() is None or each.folder is not None]
        idle = next((each for each in self._workers if each.folder is None), None)
        if idle is None:
            idle = _Worker(self.threads, self.device)
            self._workers.append(idle)
        idle.give(folder)

    def finished(self) -> list[Path]:
        """The leaves that have ended, or whose process has."""
        return [folder for folder in (each.ended() for each in self._workers) if folder is not None]

    def stop(self) -> None:
        """End all processes; an unfinished leaf is marked as stopped."""
        for worker in self._workers:
            folder = worker.folder
            worker.close()
            if folder is not None and read_status(folder)["state"] in _UNFINISHED:
                write_json(folder / "status.json", {**read_status(folder), "state": "stopped"})
        self._workers.clear()


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

    def __init__(
        self, where: str, options: Mapping[str, Any] | None = None, threads: int = 1, device: str = "auto"
    ) -> None:
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise AtomotionError("--cluster needs Dask; pip install 'atomotion[cluster]'") from error
        self.threads, self.device = threads, device
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
        self._running[folder] = self._client.submit(
            run_leaf, folder, threads=self.threads, device=self.device, pure=False, retries=2
        )

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
