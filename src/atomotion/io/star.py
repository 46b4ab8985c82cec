"""Poses in RELION's STAR files, the only place where Euler angles exist.

RELION's rotation matrix is ``scipy Rotation.from_euler("ZYZ", [rot, tilt, psi]).inv()``; it takes the particle to the
laboratory, x_lab = R x. Its origin offsets say by how much an image is to be moved so that the particle comes to the
centre, pixel n // 2: they are the negative of where the particle lies.
"""

import shlex
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from atomotion.data.errors import InputError
from atomotion.data.poses import Poses
from atomotion.geometry.rotations import matrices_from_quaternions, quaternions_from_matrices

_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_MM = 1e7  # Å


@dataclass(frozen=True, kw_only=True, slots=True)
class StarParticles:
    """The poses in a STAR file with the images they belong to.

    Parameters
    ----------
    poses : Poses
    images : tuple of str
        RELION's names, ``000001@stack.mrcs`` (counted from 1); empty where the file has none.
    pixel_size : float [Å] or None
    voltage : float [V] or None
    cs : float [Å] or None
    """

    poses: Poses
    images: tuple[str, ...]
    pixel_size: float | None
    voltage: float | None
    cs: float | None


def write_poses(
    path: str | Path,
    poses: Poses,
    *,
    stack: str,
    pixel_size: float,
    image_size: int | None = None,
    voltage: float | None = None,
    cs: float | None = None,
    numbers: ArrayLike | None = None,
) -> None:
    """Write poses as a STAR file in the layout of RELION 3.1 and later, with one optics group.

    Parameters
    ----------
    path : path
    poses : Poses
        `score` goes into rlnParticleFigureOfMerit, `weight` into a column of this program, which RELION leaves alone.
    stack : str
        Name of the stack of images; image i is ``00000i@stack``, counted from 1.
    numbers : (n,) int or None
        The images' numbers in the stack, from 1, where they are not all of it in order.
    pixel_size : float [Å]
    image_size : int or None
        Side of the images in pixels.
    voltage : float [V] or None
        None leaves the column out.
    cs : float [Å] or None
    """
    group: dict[str, list[str]] = {
        "rlnOpticsGroup": ["1"],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnImagePixelSize": [f"{pixel_size:.6f}"],
        "rlnImageDimensionality": ["2"],
    }
    if image_size is not None:
        group["rlnImageSize"] = [str(image_size)]
    if voltage is not None:
        group["rlnVoltage"] = [f"{voltage / 1e3:.6f}"]
    if cs is not None:
        group["rlnSphericalAberration"] = [f"{cs / _MM:.9f}"]
    own = range(1, len(poses) + 1) if numbers is None else np.asarray(numbers, dtype=int).tolist()
    columns: dict[str, list[str]] = {
        "rlnImageName": [f"{number:06d}@{stack}" for number in own],
        "rlnOpticsGroup": ["1"] * len(poses),
    }
    angles = _angles_deg(poses.quaternions)
    columns |= {name: [f"{value:.6f}" for value in angles[:, i]] for i, name in enumerate(_ANGLES)}
    for i, name in enumerate(("rlnOriginXAngst", "rlnOriginYAngst")):
        columns[name] = [f"{-value:.6f}" for value in poses.shifts[:, i]]
    for name, extra in (("rlnParticleFigureOfMerit", poses.score), ("atomotionWeight", poses.weight)):
        if extra is not None:
            columns[name] = [f"{value:.8g}" for value in extra]
    text = "\n# version 30001\n\n" + _loop("optics", group) + "\n# version 30001\n\n" + _loop("particles", columns)
    Path(path).write_text(text, encoding="utf-8")


def read_poses(path: str | Path, *, pixel_size: float | None = None) -> StarParticles:
    """The poses of a STAR file of RELION 3.0 (one table, offsets in pixels) or later (optics groups, offsets in Å).

    Parameters
    ----------
    path : path
    pixel_size : float [Å] or None
        Goes before the file's; offsets in pixels need one.

    Raises
    ------
    InputError
        Where the file is missing, has no table with Euler angles, or offsets in pixels without a pixel size.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    tables = dict(_tables(path))
    columns = next((table for table in tables.values() if all(name in table for name in _ANGLES)), None)
    if columns is None:
        raise InputError(f"{path} has no table with {', '.join(_ANGLES)}; it is no STAR file of refined particles")
    optics = _optics(tables, columns)
    size = pixel_size if pixel_size is not None else _pixel_size(optics)
    eulers = np.stack([_numbers(columns[name], name, path) for name in _ANGLES], axis=1)
    matrices = Rotation.from_euler("ZYZ", eulers, degrees=True).inv().as_matrix()
    score, weight = (
        _numbers(columns[name], name, path) if name in columns else None
        for name in ("rlnParticleFigureOfMerit", "atomotionWeight")
    )
    voltage, cs = optics.get("rlnVoltage"), optics.get("rlnSphericalAberration")
    return StarParticles(
        poses=Poses(
            quaternions=quaternions_from_matrices(matrices),
            shifts=_shifts(columns, size, path),
            score=score,
            weight=weight,
        ),
        images=tuple(columns.get("rlnImageName", ())),
        pixel_size=size,
        voltage=None if voltage is None else float(voltage) * 1e3,
        cs=None if cs is None else float(cs) * _MM,
    )


def _angles_deg(quaternions: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, 3) rot, tilt, psi [deg]."""
    with warnings.catch_warnings():
        # at tilt 0 and 180 only rot + psi is determined; scipy sets one of them to 0, which is as good as any
        warnings.simplefilter("ignore")
        inverse = Rotation.from_matrix(matrices_from_quaternions(quaternions)).inv()
        return np.asarray(inverse.as_euler("ZYZ", degrees=True)).reshape(-1, 3)


def _loop(name: str, columns: Mapping[str, list[str]]) -> str:
    head = "".join(f"_{column} #{number}\n" for number, column in enumerate(columns, start=1))
    rows = "".join(" ".join(_quoted(value) for value in row) + "\n" for row in zip(*columns.values(), strict=True))
    return f"data_{name}\n\nloop_\n{head}{rows}\n"


def _quoted(value: str) -> str:
    return f'"{value}"' if any(character.isspace() for character in value) else value


def _tables(path: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Every data block of a STAR file: its name, and its columns; a block of single values has columns of one."""
    name, table, in_loop, loop_names = "", dict[str, list[str]](), False, list[str]()
    for number, raw in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("data_"):
            if table:
                yield name, table
            name, table, in_loop, loop_names = line[5:], {}, False, []
        elif line.startswith("loop_"):
            in_loop, loop_names = True, []
        elif line.startswith("_"):
            label, *values = _words(line)
            column = table.setdefault(label[1:].split(".")[-1], [])
            if in_loop:
                loop_names.append(label[1:].split(".")[-1])
            else:
                column.extend(values[:1])
        elif in_loop:
            values = _words(line)
            if len(values) != len(loop_names):
                raise InputError(f"line {number} of {path} has {len(values)} values for {len(loop_names)} columns")
            for label, value in zip(loop_names, values, strict=True):
                table[label].append(value)
    if table:
        yield name, table


def _words(line: str) -> list[str]:
    if '"' not in line and "'" not in line:
        return line.split(" #", 1)[0].split() if line.startswith("_") else line.split()
    return shlex.split(line, comments=line.startswith("_"))


def _optics(tables: Mapping[str, Mapping[str, list[str]]], columns: Mapping[str, list[str]]) -> dict[str, str]:
    """The facts of the first optics group, or, where the file has none, of the first particle."""
    table = tables.get("optics", columns)
    return {label: values[0] for label, values in table.items() if values}


def _pixel_size(optics: Mapping[str, str]) -> float | None:
    for name in ("rlnImagePixelSize", "rlnMicrographPixelSize", "rlnPixelSize"):
        if name in optics:
            return float(optics[name])
    if "rlnDetectorPixelSize" in optics and "rlnMagnification" in optics:
        return 1e4 * float(optics["rlnDetectorPixelSize"]) / float(optics["rlnMagnification"])
    return None


def _shifts(columns: Mapping[str, list[str]], pixel_size: float | None, path: Path) -> NDArray[np.float64]:
    """(n, 2) where the particle lies relative to pixel n // 2 [Å]: the negative of the offsets."""
    n = len(columns[_ANGLES[0]])
    shifts = np.zeros((n, 2))
    for i, axis in enumerate("XY"):
        if f"rlnOrigin{axis}Angst" in columns:
            shifts[:, i] = -_numbers(columns[f"rlnOrigin{axis}Angst"], f"rlnOrigin{axis}Angst", path)
        elif f"rlnOrigin{axis}" in columns:
            if pixel_size is None:
                raise InputError(
                    f"the offsets of {path} are in pixels and its pixel size is missing; pass --pixel-size, e.g. 0.358A"
                )
            shifts[:, i] = -pixel_size * _numbers(columns[f"rlnOrigin{axis}"], f"rlnOrigin{axis}", path)
    return shifts


def _numbers(values: list[str], name: str, path: Path) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=float)
    except ValueError as error:
        raise InputError(f"{name} in {path} is not always a number: {error}") from error
