"""Leaves: finished ones are kept, changed ones run again, failed ones cost only what needs them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from atomotion.data import InputError, parameter
from atomotion.project import worker
from atomotion.project.events import EventTail
from atomotion.project.executor import Stopped, run_leaves
from atomotion.project.leaf import read_status
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.plan import Leaf
from atomotion.project.pools import InlinePool
from atomotion.project.stage import Stage, Task
from atomotion.report.page import Section

CALLS: list[str] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class AddConfig:
    """Add a number to every line."""

    number: int = parameter(1, "What is added.")
    fail: bool = parameter(False, "Whether to fail.")


def add(task: Task) -> None:
    CALLS.append(task.stage.name)
    if task.config.fail:
        raise InputError("asked to fail")
    values = [int(line) for line in task.inputs["numbers"].read_text().split()]
    for done in range(len(values)):
        task.steps("lines")(done + 1, len(values))
    task.output("result.txt").write_text("\n".join(str(value + task.config.number) for value in values))
    task.write_json("result.json", {"lines": len(values)})


def stage(name: str) -> Stage:
    return Stage(
        name=name,
        title=name,
        config=AddConfig,
        run=add,
        section=lambda folder: Section(title=name),
        outputs=(
            OutputFile(name="result.txt", about="The sums."),
            OutputFile(name="result.json", about="How many.", columns=(Column("lines", "How many."),)),
            OutputFile(name="never.txt", about="Never written.", optional=True),
        ),
    )


STAGES = {name: stage(name) for name in ("first", "second", "other")}


@pytest.fixture(autouse=True)
def stages_by_name(monkeypatch):
    monkeypatch.setattr(worker, "load_stage", STAGES.__getitem__)
    CALLS.clear()


def chain(root: Path, *, number: int = 1, fail: bool = False) -> list[Leaf]:
    first = Leaf(
        stage=STAGES["first"],
        subject="m",
        folder=root / "01_first" / "m",
        config=AddConfig(number=number, fail=fail),
        inputs={"numbers": root / "numbers.txt", "absent": None},
    )
    second = Leaf(
        stage=STAGES["second"],
        subject="m",
        folder=root / "02_second" / "m",
        config=AddConfig(number=10),
        inputs={"numbers": first.result("result.txt"), "optional": first.result("never.txt")},
    )
    other = Leaf(
        stage=STAGES["other"],
        subject="m",
        folder=root / "03_other" / "m",
        config=AddConfig(),
        inputs={"numbers": root / "numbers.txt"},
    )
    return [first, second, other]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "numbers.txt").write_text("1\n2\n3")
    return folder


def outcomes(leaves: list[Leaf], **options) -> list[str]:
    result = run_leaves(lambda: leaves, pool=InlinePool(), **options)
    return [result[leaf] for leaf in leaves]


def test_results_flow_from_leaf_to_leaf(root):
    leaves = chain(root)
    assert outcomes(leaves) == ["done", "done", "done"]
    assert (leaves[1].folder / "out" / "result.txt").read_text().split() == ["12", "13", "14"]
    description = json.loads((leaves[1].folder / "leaf.json").read_text())
    assert description["inputs"]["numbers"] == {"path": "../../01_first/m/out/result.txt"}
    assert description["inputs"]["optional"] is None
    status = read_status(leaves[1].folder)
    assert status["outputs"] == {"result.txt": 8, "result.json": 16}


def test_finished_leaves_are_kept(root):
    outcomes(chain(root))
    CALLS.clear()
    assert outcomes(chain(root)) == ["kept", "kept", "kept"]
    assert CALLS == []


def test_a_moved_project_keeps_its_leaves(root):
    outcomes(chain(root))
    CALLS.clear()
    moved = root.with_name("elsewhere")
    shutil.move(root, moved)
    assert outcomes(chain(moved)) == ["kept", "kept", "kept"]
    assert CALLS == []


def test_a_changed_parameter_runs_the_leaf_and_what_follows(root):
    outcomes(chain(root))
    assert outcomes(chain(root, number=2)) == ["done", "done", "kept"]


def test_a_parameter_without_effect_stops_there(root):
    (root / "numbers.txt").write_text("")
    outcomes(chain(root))
    # nothing to add to: the first leaf runs again, but its result is the same for the second
    assert outcomes(chain(root, number=2)) == ["done", "kept", "kept"]


def test_a_changed_input_runs_again(root):
    outcomes(chain(root))
    (root / "numbers.txt").write_text("1\n2\n4")
    assert outcomes(chain(root)) == ["done", "done", "done"]


def test_a_lost_result_is_made_again(root):
    leaves = chain(root)
    outcomes(leaves)
    (leaves[0].folder / "out" / "result.txt").unlink()
    assert outcomes(chain(root)) == ["done", "kept", "kept"]


def test_a_failed_leaf_costs_only_what_needs_it(root):
    leaves = chain(root, fail=True)
    assert outcomes(leaves) == ["failed", "blocked", "done"]
    status = read_status(leaves[0].folder)
    assert status["error"] == "asked to fail"
    assert status["exit_code"] == 3
    assert "first/m" in read_status(leaves[1].folder)["error"]
    assert not (leaves[0].folder / "out").exists()
    assert outcomes(chain(root)) == ["done", "done", "kept"]


def test_a_missing_file_fails_its_leaf(root):
    (root / "numbers.txt").unlink()
    assert outcomes(chain(root)) == ["failed", "blocked", "failed"]
    assert "does not exist" in read_status(root / "01_first" / "m")["error"]


def test_an_unexpected_error_is_written_down(root):
    (root / "numbers.txt").write_text("one")
    leaves = chain(root)
    assert outcomes(leaves)[0] == "failed"
    assert "ValueError" in read_status(leaves[0].folder)["error"]
    assert "Traceback" in (leaves[0].folder / "log.txt").read_text()


def test_what_happens_is_told(root):
    happenings = []
    outcomes(chain(root), listen=happenings.append)
    told = [(str(each.leaf), each.kind) for each in happenings]
    assert ("first/m", "started") in told
    assert told[-1] == ("other/m", "done")
    progress = [each for each in happenings if each.kind == "progress"]
    assert progress
    assert progress[-1].done == progress[-1].total == 3


def test_a_run_can_be_stopped_between_leaves(root):
    with pytest.raises(Stopped):
        first = root / "01_first" / "m"
        run_leaves(lambda: chain(root), pool=InlinePool(), should_stop=lambda: read_status(first)["state"] == "done")
    assert outcomes(chain(root))[0] == "kept"


def test_undeclared_columns_are_refused(root, monkeypatch):
    def wrong(task: Task) -> None:
        task.output("result.txt").write_text("")
        task.write_json("result.json", {"rows": 3})

    monkeypatch.setitem(
        STAGES, "first", Stage(**{**{name: getattr(STAGES["first"], name) for name in Stage.__slots__}, "run": wrong})
    )
    assert outcomes(chain(root))[0] == "failed"
    assert "missing ['lines'], unknown ['rows']" in read_status(root / "01_first" / "m")["error"]


def test_half_a_line_of_events_waits(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"a": 1}\n{"b"')
    tail = EventTail(path)
    assert list(tail.new()) == [{"a": 1}]
    with path.open("a") as stream:
        stream.write(": 2}\n")
    assert list(tail.new()) == [{"b": 2}]


def split(task: Task) -> None:
    add(task)
    for number in range(1, task.config.number + 1):
        task.output(f"part_{number:02d}.txt").write_text(str(number))


def branching(root: Path, parts: int) -> Callable[[], list[Leaf]]:
    """A leaf that makes parts, a leaf for every part that is there, and one that adds them up."""

    def plan() -> list[Leaf]:
        first = Leaf(
            stage=STAGES["split"],
            subject="m",
            folder=root / "01_split" / "m",
            config=AddConfig(number=parts),
            inputs={"numbers": root / "numbers.txt"},
        )
        leaves = [first]
        for path in sorted((first.folder / "out").glob("part_*.txt")):
            leaves.append(
                Leaf(
                    stage=STAGES["first"],
                    subject=f"m/{path.stem}",
                    folder=root / "02_first" / "m" / path.stem,
                    config=AddConfig(),
                    inputs={"numbers": first.result(path.name)},
                )
            )
        return leaves

    return plan


def test_leaves_that_are_known_only_later_are_run(root, monkeypatch):
    family = OutputFile(name="part_NN.txt", about="The parts.")
    splitting = replace(stage("split"), run=split, branches=True, outputs=(*stage("split").outputs, family))
    monkeypatch.setitem(STAGES, "split", splitting)
    three = branching(root, 3)
    assert len(three()) == 1
    result = run_leaves(three, pool=InlinePool())
    assert [str(leaf) for leaf in result] == ["split/m", "first/m/part_01", "first/m/part_02", "first/m/part_03"]
    assert set(result.values()) == {"done"}
    assert set(read_status(root / "01_split" / "m")["outputs"]) >= {"part_01.txt", "part_03.txt"}
    assert (root / "02_first" / "m" / "part_03" / "out" / "result.txt").read_text() == "4"
    CALLS.clear()
    assert set(run_leaves(three, pool=InlinePool()).values()) == {"kept"}
    assert CALLS == []
    # with fewer parts the leaves of those that are gone are not run
    fewer = run_leaves(branching(root, 2), pool=InlinePool())
    assert [(str(leaf), outcome) for leaf, outcome in fewer.items()] == [
        ("split/m", "done"), ("first/m/part_01", "kept"), ("first/m/part_02", "kept"),
    ]  # fmt: skip


def test_a_family_of_outputs_has_numbers():
    family = OutputFile(name="part_NN.txt", about="The parts.")
    assert family.covers("part_07.txt") and family.covers("part_123.txt")
    assert not family.covers("part_x.txt") and not family.covers("part_1.txtx") and not family.covers("part_.txt")
