"""The house's order: rooms import only rooms below them, and nothing heavy is loaded before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import atomotion

SOURCE = Path(atomotion.__file__).parent
SCIENCE = {
    "quality", "denoise", "order", "track", "frames", "tomography", "atoms", "structure", "stem",
    "environments", "md", "potentials", "simulate",
}  # fmt: skip
FLOORS: list[set[str]] = [
    {"cli"}, {"viewer"}, {"workflows"}, {"stages"}, {"project"}, {"report"}, SCIENCE,
    {"io"}, {"noise"}, {"particles"}, {"neighbours"}, {"scattering"}, {"geometry"}, {"data"},
]  # fmt: skip
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ALLOWED_BESIDE = {
    ("tomography", "atoms"), ("tomography", "structure"), ("stem", "potentials"), ("environments", "potentials"),
    ("md", "potentials"),
}  # fmt: skip
HEAVY = ("torch", "numba", "pandas", "ase", "dask", "scipy", "matplotlib", "skimage", "sklearn", "gudhi")


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "atomotion":
                names = [f"atomotion.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("atomotion.")}
    return rooms


MODULES = sorted(SOURCE.rglob("*.py"))


def test_every_room_has_a_floor():
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms <= set(FLOOR_OF)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path):
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    for other in imported_rooms(path) - {room, "__version__"}:
        below = FLOOR_OF[other] > FLOOR_OF[room]
        assert below or (room, other) in ALLOWED_BESIDE, f"{room} must not import {other}"
        assert not (room in SCIENCE and other == "io"), f"{room} is science and must not read files"


@pytest.mark.parametrize(
    "path", sorted(SOURCE.glob("*/*config.py")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_configs_import_only_the_standard_library_data_and_configs_of_their_room(path: Path):
    room = path.parent.name
    if path.name == "config.py":
        assert imported_rooms(path) <= {"data", room}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                assert not name.startswith(f"atomotion.{room}") or name.endswith("config"), name
                root = name.split(".")[0]
                assert root == "atomotion" or root in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_stay_short(path: Path):
    assert len(path.read_text().splitlines()) <= 400


def loaded_by(*arguments: str) -> set[str]:
    body = "import atomotion" if not arguments else "runpy.run_module('atomotion', run_name='__main__')"
    script = (
        f"import sys, runpy\nsys.argv = {['atomotion', *arguments]!r}\n"
        f"try:\n    {body}\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return set(output.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("arguments", [(), ("--help",), ("--version",), ("order", "--help")])
def test_nothing_heavy_is_loaded_early(arguments: tuple[str, ...]):
    loaded = loaded_by(*arguments)
    assert "atomotion" in loaded
    assert not loaded & set(HEAVY)
