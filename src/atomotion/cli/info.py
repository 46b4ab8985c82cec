"""``atomotion info``: what a file holds."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter


def info(
    file: Annotated[Path, Parameter(help="A movie, image or volume; a folder or quoted pattern of frames.")],
    /,
    *,
    array: Annotated[str | None, Parameter(help="Which array, in a file that holds several.")] = None,
    json: Annotated[bool, Parameter(help="As JSON.", negative=())] = False,
) -> int:
    """Say what a file holds, from its header and one frame; nothing is loaded."""
    from atomotion.io.description import describe

    values = describe(file, array)
    if json:
        from atomotion.project.outputs import plain

        print(json_module.dumps(plain(values), indent=1))
        return 0
    for name, text in _lines(values):
        print(f"{name:16} {text}")
    for warning in values.get("warnings", []):
        print(f"note: {warning}")
    return 0


def _lines(values: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("file", f"{values['path']} ({values['file_size_B'] / 1e6:.4g} MB)"), ("format", values["format"])]
    for member in values.get("members", []):
        lines.append(("array", f"{member['name']}: {' x '.join(map(str, member['shape']))} {member['dtype']}"))
    if "kind" not in values:
        return lines
    shape = " x ".join(map(str, values["shape"]))
    lines.append((values["kind"], f"{shape} {values['dtype']} (t, y, x)" if len(values["shape"]) == 3 else shape))
    sizes = values["pixel_sizes_A"]
    known = [f"{axis} {size:.5g} Å" for axis, size in sizes.items() if size is not None]
    lines.append(("pixel size", ", ".join(known) or "not known"))
    lines += [(key, str(value)) for key, value in values["facts"].items() if not key.startswith("pixel_size")]
    if "mean" in values["sample"]:
        sample = values["sample"]
        lines.append((f"frame {sample['frame']}", f"{sample['min']:g} to {sample['max']:g}, mean {sample['mean']:.5g}"))
    return lines
