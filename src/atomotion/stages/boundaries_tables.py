"""The tables of the stage ``boundaries``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from atomotion.data import InputError
from atomotion.stages.frames_outputs import WINDOWS
from atomotion.stages.window_boxes import Boxes

if TYPE_CHECKING:
    from atomotion.tomography.boundaries import Change
    from atomotion.tomography.settled_windows import SettledWindow, SettledWindows

_COLUMNS = [column.name for column in WINDOWS.columns]
_FAR = 60  # frames that a boundary may have moved and still be the same one


def given_windows(path: Path) -> pd.DataFrame:
    """The windows as they were proposed.

    Raises
    ------
    InputError
        Where the file is no such table, or has no window.
    """
    try:
        table = pd.read_csv(path)
        table = table[_COLUMNS].sort_values("frame_start", ignore_index=True)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is no table of windows: {error}; make one with: atomotion frames") from error
    if table.empty:
        raise InputError(f"{path} has no window")
    return table


def settled_table(
    found: "SettledWindows",
    windows: pd.DataFrame,
    numbers: Sequence[int],
    boxes: Boxes,
    frames: pd.DataFrame | None,
) -> pd.DataFrame:
    """``windows.csv``: the settled windows, and those without a model as they were, in the order of time."""
    rows = [_plain(row) for _, row in windows[~windows["window"].isin(numbers)].iterrows()]
    by_number = {int(row["window"]): row for _, row in windows.iterrows()}
    for each in found.windows:
        old = by_number[numbers[each.model]]
        if each.kept:
            rows.append({**_plain(old), "reason": _reason(each.change, str(old["reason"]))})
        else:
            rows.append(_row(each, old, boxes, frames))
    table = pd.DataFrame(rows, columns=_COLUMNS).sort_values("frame_start", ignore_index=True)
    table["window"] = np.arange(1, len(table) + 1)
    return table


def _plain(row: pd.Series) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _reason(change: "Change | None", old: str) -> str:
    if change is None or not change.changed.any():
        return old
    return f"{change.lost} atoms go and {change.gained} come (gain {change.gain:.3g}, needed {change.price:.3g})"


def _row(window: "SettledWindow", old: pd.Series, boxes: Boxes, frames: pd.DataFrame | None) -> dict[str, Any]:
    """A window whose frames have changed; measures of frames are taken anew where the table of frames is there."""
    first, last = int(boxes.frame[window.start]), int(boxes.frame[window.stop - 1]) + 1
    row = _plain(old) | {
        "frame_start": first,
        "frame_stop": last,
        "reason": _reason(window.change, "from here on the images fit other atoms better"),
    }
    length = last - first
    share = length / max(int(old["frames"]), 1)
    row |= {name: round(float(old[name]) * share) for name in ("crystalline_frames", "rejected_frames", "views")}
    row["frames"] = length
    if window.change is None and (first == int(old["frame_start"]) or window.start == 0):
        row["reason"] = old["reason"]
    if boxes.times is not None:
        step = float(np.median(np.diff(boxes.times)))
        row |= {"t0_s": float(boxes.times[window.start]), "t1_s": float(boxes.times[window.stop - 1]) + step}
    if frames is not None:
        inside = frames[(frames["frame"] >= first) & (frames["frame"] < last)]
        lattice = inside["lattice_parameter_A"]
        row |= {
            "frames": len(inside),
            "crystalline_frames": int(inside["crystalline"].sum()),
            "rejected_frames": int(inside["rejected"].sum()),
            "diameter_A": float(inside["diameter_A"].mean()),
            "diameter_error_A": float(old["diameter_error_A"]) / np.sqrt(share),
            "lattice_parameter_A": float(lattice.median()) if lattice.notna().any() else np.nan,
        }
    return row


def what_happened(
    found: "SettledWindows", windows: pd.DataFrame, table: pd.DataFrame, numbers: Sequence[int], boxes: Boxes
) -> dict[str, Any]:
    """``boundaries.json``."""
    settled = {int(boxes.frame[each.start]): each for each in found.windows}
    kept: list[int | None] = []
    nearest: list[int | None] = []
    for _, row in table.iterrows():
        each = settled.get(int(row["frame_start"]))
        own = windows[windows["frame_start"] == row["frame_start"]]
        if each is None:
            beside = _neighbour(int(row["frame_start"]), windows, numbers)
            kept.append(int(own["window"].iloc[0]) if beside is None else None)
            nearest.append(beside)
        else:
            kept.append(numbers[each.model] if each.kept else None)
            nearest.append(numbers[each.model])
    moved, merged, split = _fates(windows["frame_start"].tolist()[1:], table["frame_start"].tolist()[1:])
    changes = [
        {
            "frame": int(boxes.frame[each.start]),
            "lost": each.change.lost,
            "gained": each.change.gained,
            "gain": each.change.gain,
            "price": each.change.price,
        }
        for each in found.windows
        if each.change is not None
    ]
    return {
        "windows_before": len(windows),
        "windows": len(table),
        "with_model": len(numbers),
        "kept": kept,
        "nearest": nearest,
        "moved": moved,
        "merged": merged,
        "split": split,
        "changes": changes,
        "notes": list(found.notes),
    }


def _neighbour(start: int, windows: pd.DataFrame, numbers: Sequence[int]) -> int | None:
    """The window with a model that lies next to one without, whose atoms may be a start for it."""
    order = windows["window"].tolist()
    at = windows["frame_start"].tolist().index(start)
    return next((each for each in (order[at - 1] if at else None, *order[at + 1 : at + 2]) if each in numbers), None)


def _fates(old: list[int], new: list[int]) -> tuple[list[list[int]], list[int], list[int]]:
    """Boundaries that moved (before, after), that are gone, and that are new; the nearest ones are the same."""
    old_left, new_left = list(old), list(new)
    pairs = sorted((abs(a - b), a, b) for a in old for b in new if abs(a - b) <= _FAR)
    moved = []
    for distance, a, b in pairs:
        if a in old_left and b in new_left:
            old_left.remove(a)
            new_left.remove(b)
            if distance:
                moved.append([int(a), int(b)])
    return sorted(moved), [int(each) for each in old_left], [int(each) for each in new_left]
