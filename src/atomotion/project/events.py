"""Progress as a file of lines, so that another process, or a later look, can follow a leaf."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# one line at most this often [s]; the last step of a loop is always written
INTERVAL = 0.2


class EventLog:
    """Appends the progress and warnings of one leaf to ``events.jsonl``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._last = 0.0
        self._step = ""
        path.parent.mkdir(parents=True, exist_ok=True)

    def progress(self, step: str, done: int, total: int) -> None:
        """Say that `done` of `total` parts of the step are ready."""
        now = time.monotonic()
        if step == self._step and done < total and now - self._last < INTERVAL:
            return
        self._step, self._last = step, now
        self.write({"kind": "progress", "step": step, "done": done, "total": total})

    def warning(self, sentence: str) -> None:
        """Keep a warning; the same one is kept once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
            self.write({"kind": "warning", "text": sentence})

    def write(self, event: Mapping[str, Any]) -> None:
        """Append one event with its time."""
        with self.path.open("a") as stream:
            stream.write(json.dumps({"time": round(time.time(), 3), **event}) + "\n")


class EventTail:
    """Reads what was added to an event log since the last look."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        self.path = path
        self._position = path.stat().st_size if from_end and path.exists() else 0

    def new(self) -> Iterator[dict[str, Any]]:
        """Whole lines that came since the last call."""
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            stream.seek(self._position)
            for line in stream:
                if not line.endswith(b"\n"):  # still being written
                    break
                self._position += len(line)
                yield json.loads(line)
