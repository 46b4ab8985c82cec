"""What a run shows while it works: bars in a terminal, a line now and then in a pipe, nothing when asked."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from atomotion.project.executor import Happening
from atomotion.project.plan import Leaf

# a pipe gets a line about a running stage this often [s]
_PIPE_INTERVAL = 15.0


def _bars(*, transient: bool = True) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=transient,
    )


class LoopProgress:
    """The progress of one loop of this process: a context manager that gives an ``on_step(done, total)``."""

    def __init__(self, name: str, *, quiet: bool = False) -> None:
        self.name = name
        self.quiet = quiet
        self._shown: Any = None
        self._task: Any = None
        self._started = self._last = time.monotonic()

    def __enter__(self) -> Callable[[int, int], None]:
        if not self.quiet and sys.stderr.isatty():
            self._shown = _bars()
            self._task = self._shown.add_task(self.name, total=None, rate="")
            self._shown.start()
        return self._step

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()

    def _step(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._shown is not None:
            rate = f"{done / (now - self._started):.1f}/s" if now - self._started > 1 else ""
            self._shown.update(self._task, completed=done, total=total, rate=rate)
        elif not self.quiet and now - self._last > _PIPE_INTERVAL:
            self._last = now
            print(f"{self.name}: {done} of {total}", file=sys.stderr, flush=True)


class Progress:
    """Listens to a run; use it as a context manager and pass it as ``listen``.

    All of it goes to standard error, which leaves standard output to results.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False, several: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.several = several
        self.warnings: list[str] = []
        self._bars: Any = None
        self._tasks: dict[Leaf, Any] = {}
        self._last: dict[Leaf, float] = {}
        self._started: dict[Leaf, float] = {}

    def __enter__(self) -> "Progress":
        if not self.quiet and sys.stderr.isatty():
            self._bars = _bars()
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, happening: Happening) -> None:
        """Show one happening."""
        leaf, kind = happening.leaf, happening.kind
        name = str(leaf) if self.several else leaf.stage.name
        if kind == "started":
            self._started[leaf] = time.monotonic()
            if self._bars is not None:
                self._tasks[leaf] = self._bars.add_task(name, total=None, rate="")
            elif self.several:
                self._say(f"{name}: started")
        elif kind == "progress":
            self._advance(leaf, name, happening)
        elif kind == "warning":
            if happening.text not in self.warnings:
                self.warnings.append(happening.text)
                self._say(f"{name}: note: {happening.text}")
        else:
            if leaf in self._tasks:
                self._bars.remove_task(self._tasks.pop(leaf))
            self._end(leaf, name, happening)

    def _advance(self, leaf: Leaf, name: str, happening: Happening) -> None:
        seconds = time.monotonic() - self._started.get(leaf, time.monotonic())
        rate = f"{happening.done / seconds:.1f}/s" if seconds > 1 else ""
        if leaf in self._tasks:
            self._bars.update(
                self._tasks[leaf],
                description=f"{name}: {happening.text}",
                completed=happening.done,
                total=happening.total,
                rate=rate,
            )
        elif time.monotonic() - self._last.get(leaf, self._started.get(leaf, 0.0)) > _PIPE_INTERVAL:
            self._last[leaf] = time.monotonic()
            left = seconds * (happening.total - happening.done) / max(happening.done, 1)
            self._say(f"{name}: {happening.text} {happening.done} of {happening.total} {rate} {left:.0f} s left")

    def _end(self, leaf: Leaf, name: str, happening: Happening) -> None:
        if happening.kind == "kept":
            if self.verbose:
                self._say(f"{name}: finished before, kept")
        elif happening.kind == "done":
            if self.several:
                self._say(f"{name}: done in {time.monotonic() - self._started[leaf]:.1f} s")
        elif self.several:
            self._say(f"{name}: {happening.kind}: {happening.text}")

    def _say(self, line: str) -> None:
        if self.quiet:
            return
        if self._bars is not None:
            self._bars.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)
