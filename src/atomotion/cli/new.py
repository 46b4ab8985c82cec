"""``atomotion new``: make a project folder."""

from itertools import takewhile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atomotion.cli.flags import with_flags
from atomotion.data import InputError
from atomotion.io.config import MovieSource


@with_flags(source=MovieSource)
def new(
    folder: Annotated[Path, Parameter(help="The folder to make.")],
    /,
    *,
    movie: Annotated[
        list[str],
        Parameter(help="A movie: a file, a folder of frames, or a quoted pattern of many movies; repeatable."),
    ],
    polygon: Annotated[
        Path | None, Parameter(help="The particle's outline: JSON or Fiji .roi; found if not given.")
    ] = None,
    vacuum: Annotated[
        str | None, Parameter(help="An empty region: a polygon file, or FILE[:ARRAY] with frames of one.")
    ] = None,
    element: Annotated[str | None, Parameter(help="The particle's element, such as Pt.")] = None,
    route: Annotated[str, Parameter(help="The route to run.")] = "fluxionality",
    source: MovieSource,
) -> int:
    """Make a project folder; facts given here hold for all its movies."""
    from dataclasses import replace

    from atomotion.io.movie import open_movie
    from atomotion.project.settings import MovieEntry, movie_name, write_project
    from atomotion.stages.vacuum import vacuum_input

    entries: list[MovieEntry] = []
    for path in _paths(movie):
        own = replace(source, path=path)
        found = open_movie(own)
        name = movie_name(path)
        taken = [each.name for each in entries]
        number = 2
        while name in taken:
            name = f"{movie_name(path)}_{number}"
            number += 1
        entries.append(MovieEntry(name=name, source=own, polygon=polygon, vacuum=vacuum))
        print(f"{name}: {found.frames.shape[0]} frames of {found.frames.shape[1]} x {found.frames.shape[2]}")
        for missing, use in _missing(found.pixel_size, found.time_axis()):
            print(f"  {missing} is not known: {use}")
    for name, given in (("polygon", polygon), ("vacuum", vacuum_input(vacuum))):
        place = given if isinstance(given, Path) or given is None else given.path
        if place is not None and not place.exists():
            raise InputError(f"{place} does not exist; it was given with --{name}")
    write_project(
        folder,
        route=route,
        sample={"element": element} if element else {},
        acquisition=source,
        movies=entries,
    )
    print(f"project: {folder / 'project.toml'}   next: atomotion run {folder}")
    return 0


def _paths(movies: list[str]) -> list[Path]:
    """The movies that are named; a pattern that is no file by itself stands for all files it matches."""
    paths: list[Path] = []
    for each in movies:
        path = Path(each)
        if path.exists() or not any(mark in each for mark in "*?["):
            paths.append(path)
            continue
        # the pattern's fixed part is where the search begins
        fixed = Path(*takewhile(lambda part: not any(mark in part for mark in "*?["), path.parts))
        matches = sorted(fixed.glob(str(path.relative_to(fixed))))
        if not matches:
            raise InputError(f"no file matches {each}")
        paths += matches
    return paths


def _missing(pixel_size: float | None, times: object) -> list[tuple[str, str]]:
    missing = []
    if pixel_size is None:
        missing.append(
            ("pixel size", "no scale bars, sizes and spacings in pixels; give it with --pixel-size, e.g. 0.358A")
        )
    if times is None:
        missing.append(("frame time", "lifetimes in frames; give it with --frame-time, e.g. 2.5ms"))
    return missing
