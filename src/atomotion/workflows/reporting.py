"""The project's report: every leaf tells its part, and one page holds them all."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from atomotion import __version__
from atomotion.data import to_mapping
from atomotion.project.leaf import read_json, read_status
from atomotion.project.plan import Leaf
from atomotion.project.repeat import command_to_repeat
from atomotion.project.settings import MovieEntry, Project
from atomotion.report.html import render
from atomotion.report.page import Chapter, Page, Section


def write_report(project: Project, leaves: Sequence[Leaf]) -> Path:
    """Write ``report.html`` from what is finished; the path."""
    chapters = []
    subjects = list(dict.fromkeys(leaf.subject for leaf in leaves))
    for subject in subjects:
        sections = [_section(leaf, project.root) for leaf in leaves if leaf.subject == subject]
        entry = next((each for each in project.movies if each.name == subject), None)
        if entry is not None:
            sections.insert(0, _facts(entry))
        title = "All movies" if subject == "all" else subject.replace("/", ", ").replace("_", " ")
        chapters.append(Chapter(title=subject if entry is not None else title, sections=sections))
    page = Page(
        title=project.root.resolve().name,
        facts={
            "route": project.route,
            **{key: str(value) for key, value in project.sample.items()},
            "movies": str(len(project.movies)),
            "written": time.strftime("%Y-%m-%d %H:%M"),
            "atomotion": __version__,
        },
        chapters=chapters,
        footer="Every number comes with the file it was read from; the commands repeat each step outside the project, "
        "run in the project's folder.",
    )
    path = project.root / "report.html"
    beside = path.with_suffix(".html.partial")
    beside.write_text(render(page, root=project.root))
    beside.replace(path)
    return path


def _section(leaf: Leaf, root: Path) -> Section:
    status = read_status(leaf.folder)
    description = read_json(leaf.folder / "leaf.json", {})
    if status["state"] != "done":
        reason = status.get("error", "it has not been run")
        return Section(title=leaf.stage.title, state=status["state"], sentences=[reason])
    section = leaf.stage.section(leaf.folder)
    return replace(
        section,
        warnings=[*status.get("warnings", []), *section.warnings],
        downloads=[path for path in sorted((leaf.folder / "out").glob("*")) if path.is_file()],
        parameters={
            **description["parameters"],
            "seconds": status["seconds"],
            "peak memory (MB)": status["peak_memory_MB"],
        },
        command=command_to_repeat(leaf.folder, root),
    )


def _facts(movie: MovieEntry) -> Section:
    facts: dict[str, Any] = to_mapping(movie.source, only_changed=True)
    return Section(title="The movie as it was given", sentences=[str(facts.pop("path"))], parameters=facts)
