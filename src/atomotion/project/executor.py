"""Run leaves in the order of their needs; finished ones are kept, a failed one costs only what needs it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from atomotion.data import AtomotionError
from atomotion.project.events import EventTail
from atomotion.project.leaf import describe, is_finished, read_status, write_json
from atomotion.project.plan import Leaf
from atomotion.project.pools import Pool

Outcome = Literal["kept", "done", "failed", "blocked"]
_POLL = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """Something that the user may want to see: a leaf's change of state, its progress, a warning."""

    leaf: Leaf
    kind: Literal["waiting", "started", "progress", "warning", "kept", "done", "failed", "blocked"]
    text: str = ""
    done: int = 0
    total: int = 0


class Stopped(AtomotionError):
    """The run was stopped from outside; what was finished stays."""

    exit_code = 130


def run_leaves(
    plan: Callable[[], Sequence[Leaf]],
    *,
    pool: Pool,
    listen: Callable[[Happening], None] = lambda happening: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[Leaf, Outcome]:
    """What became of every leaf.

    Parameters
    ----------
    plan : callable
        The leaves, with all that they need; asked again when a leaf has ended whose stage decides what comes after it.
    pool : Pool
        Where they are run.
    listen : callable
        Is told what happens.
    should_stop : callable
        Asked often; once it says yes, running leaves are stopped and `Stopped` is raised.

    Raises
    ------
    Stopped
        When `should_stop` said so.
    """
    run = _Run(plan, pool, listen)
    try:
        while run.advance():
            if should_stop():
                raise Stopped("stopped; run again to go on from here")
            time.sleep(_POLL)
    finally:
        pool.stop()
    return run.outcomes


class _Run:
    """The state of one call of `run_leaves`."""

    def __init__(self, plan: Callable[[], Sequence[Leaf]], pool: Pool, listen: Callable[[Happening], None]) -> None:
        self.plan = plan
        self.waiting = list(plan())
        self.pool = pool
        self.listen = listen
        self.outcomes: dict[Leaf, Outcome] = {}
        self.running: dict[Path, tuple[Leaf, EventTail]] = {}

    def advance(self) -> bool:
        """Start what can be started, hear what has ended; whether anything is left."""
        for leaf in list(self.waiting):
            if not any(leaf is each for each in self.waiting):
                continue  # a new plan has taken its place meanwhile
            needs = leaf.needs()
            if not leaf.tolerant and any(self.outcomes.get(each) in ("failed", "blocked") for each in needs):
                self._block(leaf, needs)
            elif all(each in self.outcomes for each in needs) and len(self.running) < self.pool.slots:
                self._start(leaf)
        for folder in self.pool.finished():
            leaf, tail = self.running.pop(folder)
            self._hear(leaf, tail)
            self._settle(leaf, read_status(folder))
        for leaf, tail in self.running.values():
            self._hear(leaf, tail)
        return bool(self.waiting or self.running)

    def _start(self, leaf: Leaf) -> None:
        self.waiting.remove(leaf)
        try:
            description = describe(leaf)
        except AtomotionError as error:
            leaf.folder.mkdir(parents=True, exist_ok=True)
            status = {"state": "failed", "error": str(error), "exit_code": error.exit_code}
            write_json(leaf.folder / "status.json", status)
            self._settle(leaf, status)
            return
        if is_finished(leaf.folder, description["hash"]):
            # the folder may have been moved: the relative paths of its inputs are brought up to date
            write_json(leaf.folder / "leaf.json", description)
            self._settle(leaf, {"state": "kept"})
            return
        write_json(leaf.folder / "leaf.json", description)
        write_json(leaf.folder / "status.json", {"state": "waiting", "hash": description["hash"]})
        tail = EventTail(leaf.folder / "events.jsonl", from_end=True)
        self.listen(Happening(leaf=leaf, kind="started"))
        self.running[leaf.folder] = leaf, tail
        self.pool.submit(leaf.folder)

    def _block(self, leaf: Leaf, needs: list[Leaf]) -> None:
        self.waiting.remove(leaf)
        cause = next(each for each in needs if self.outcomes.get(each) in ("failed", "blocked"))
        status = {"state": "blocked", "error": f"it needs {cause}, which has {self.outcomes[cause]}"}
        write_json(leaf.folder / "status.json", status)
        self._settle(leaf, status)

    def _settle(self, leaf: Leaf, status: dict[str, Any]) -> None:
        state: Outcome = status["state"] if status["state"] in ("kept", "done", "blocked") else "failed"
        self.outcomes[leaf] = state
        self.listen(Happening(leaf=leaf, kind=state, text=status.get("error", "")))
        if leaf.stage.branches:
            known = {*self.outcomes, *(running for running, _ in self.running.values())}
            self.waiting = [each for each in self.plan() if each not in known]

    def _hear(self, leaf: Leaf, tail: EventTail) -> None:
        for event in tail.new():
            if event["kind"] == "progress":
                self.listen(
                    Happening(leaf=leaf, kind="progress", text=event["step"], done=event["done"], total=event["total"])
                )
            elif event["kind"] == "warning":
                self.listen(Happening(leaf=leaf, kind="warning", text=event["text"]))
