"""Run one leaf from its folder: in this process, in another one, or on another machine that sees the folder."""

import contextlib
import logging
import os
import queue
import shutil
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock

from atomotion.data import AtomotionError, from_mapping
from atomotion.project.events import EventLog
from atomotion.project.leaf import read_inputs, read_json, write_json
from atomotion.project.stage import Stage, Task


def load_stage(name: str) -> Stage:
    """The stage `name`, from the file of that name in ``atomotion.stages``."""
    # by name: a worker on another machine knows a leaf by its folder alone
    return import_module(f"atomotion.stages.{name}").STAGE


def run_leaf(folder: Path, *, threads: int = 1, device: str = "auto") -> dict[str, Any]:
    """Run the leaf that ``leaf.json`` in `folder` describes; the new status, which is also written.

    Results are made in ``attempt/`` and put in place at the end. What the stage keeps in ``work/`` survives a kill and
    is given again to a run with the same digest.
    """
    # a worker whose parent was killed may live a moment longer than the next run needs to come here
    with FileLock(folder / ".lock", timeout=60):
        return _run(folder, threads, device)


def _run(folder: Path, threads: int, device: str) -> dict[str, Any]:
    description = read_json(folder / "leaf.json", {})
    status: dict[str, Any] = {
        "state": "running",
        "hash": description["hash"],
        "started": time.time(),
        "pid": os.getpid(),
        "host": socket.gethostname(),
    }
    write_json(folder / "status.json", status)
    _forget_peak_memory()
    events = EventLog(folder / "events.jsonl")
    try:
        with _logging_to(folder / "log.txt"):
            status["outputs"] = _attempt(folder, description, events, threads, device)
        status["state"] = "done"
    except Exception as error:
        status["state"] = "failed"
        status["error"] = _sentence(error)
        status["exit_code"] = getattr(error, "exit_code", 1)
    except (KeyboardInterrupt, SystemExit):
        write_json(folder / "status.json", {**status, "state": "stopped", "warnings": events.warnings})
        raise
    status["seconds"] = round(time.time() - status["started"], 3)
    status["peak_memory_MB"] = _peak_memory_megabytes()
    status["warnings"] = events.warnings
    write_json(folder / "status.json", status)
    events.write({"kind": "state", "state": status["state"]})
    return status


def _attempt(
    folder: Path, description: dict[str, Any], events: EventLog, threads: int, device: str
) -> dict[str, int | None]:
    stage = load_stage(description["stage"])
    attempt, work = folder / "attempt", folder / "work"
    shutil.rmtree(attempt, ignore_errors=True)
    if read_json(work / "hash.json", {}).get("hash") != description["hash"]:
        shutil.rmtree(work, ignore_errors=True)
        write_json(work / "hash.json", {"hash": description["hash"]})
    attempt.mkdir(parents=True)
    stage.run(
        Task(
            stage=stage,
            config=from_mapping(stage.config, description["parameters"], where=str(folder / "leaf.json")),
            inputs={role: read_inputs(value, folder) for role, value in description["inputs"].items()},
            folder=attempt,
            work=work,
            events=events,
            threads=threads,
            device=device,
            subject=description["subject"],
        )
    )
    written = sorted((attempt / "out").glob("*"))
    for file in stage.outputs:
        if not (file.optional or file.is_family or any(file.name == path.name for path in written)):
            raise AtomotionError(f"stage {stage.name} did not write {file.name}")
    outputs = {
        path.name: path.stat().st_size if path.is_file() else None
        for path in written
        if any(file.covers(path.name) for file in stage.outputs)
    }
    for kind in ("out", "figures"):
        shutil.rmtree(folder / kind, ignore_errors=True)
        if (attempt / kind).exists():
            (attempt / kind).rename(folder / kind)
    shutil.rmtree(attempt, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    return outputs


@contextlib.contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(True)
    with warnings.catch_warnings():
        # a library's remark belongs in the leaf's log, not on the user's screen and not in the way of the work
        warnings.simplefilter("default")
        try:
            yield
        except BaseException:
            root.error(traceback.format_exc())
            raise
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)
            handler.close()


def _sentence(error: BaseException) -> str:
    if isinstance(error, AtomotionError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    return f"{type(error).__name__}: {error} (log.txt has the details)"


def _forget_peak_memory() -> None:
    # Linux: start the high-water mark anew, so that a leaf's peak is its own
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_megabytes() -> float | None:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e6, 1)
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def _read_folders(given: "queue.Queue[Path]", busy: threading.Event) -> None:
    for line in sys.stdin:
        busy.set()
        given.put(Path(line.rstrip("\n")))
    # the parent holds the other end: it closes when the parent ends, however it ends
    os._exit(1 if busy.is_set() else 0)


def main(arguments: list[str]) -> int:
    """``python -m atomotion.project.worker THREADS DEVICE``: run the leaves named on standard input until it closes."""
    threads, device = int(arguments[0]), arguments[1]
    given: queue.Queue[Path] = queue.Queue()
    busy = threading.Event()
    threading.Thread(target=_read_folders, args=(given, busy), daemon=True).start()
    while True:
        run_leaf(given.get(), threads=threads, device=device)
        busy.clear()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
