"""How the cores of this machine are shared between leaves."""

import os

from atomotion.project.pools import LocalPool


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def local_pool(
    threads: int | None = None, jobs: int | None = None, *, tasks: int = 1, device: str = "auto"
) -> LocalPool:
    """Local processes: as many at once as there are tasks or cores, the cores shared evenly.

    Parameters
    ----------
    threads : int or None
        Cores to use in all.
    jobs : int or None
        Processes at once.
    tasks : int
        How many leaves can run beside each other at most.
    device : str
        Where networks are computed.
    """
    available = threads or cores()
    at_once = jobs or max(1, min(tasks, available))
    return LocalPool(at_once, max(1, available // at_once), device)
