"""Euler angles exist in io/star.py and nowhere else."""

import ast
from pathlib import Path

import atomotion

SOURCE = Path(atomotion.__file__).parent


def names_in(path: Path) -> set[str]:
    """Every name that the code (not its comments and docstrings) uses, and every text it passes on."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
    return found


def test_no_other_module_speaks_of_euler_angles():
    with_euler = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if any("euler" in name.lower() for name in names_in(path)) or "rlnAngle" in path.read_text()
    }
    assert with_euler == {"io/star.py"}
