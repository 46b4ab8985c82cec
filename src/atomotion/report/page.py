"""What a report is made of: a page of sections, each with sentences, pictures, tables and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A picture with its caption and the table behind it.

    Parameters
    ----------
    path : Path
        A PNG file, or a GIF that moves.
    caption : str
    data : Path or None
        The CSV file that the picture was drawn from; the report offers it for download.
    """

    path: Path
    caption: str
    data: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A small table to read: column names and rows of plain values."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One stage's part of the report."""

    title: str
    sentences: Sequence[str] = ()
    warnings: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    downloads: Sequence[Path] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    state: str = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """The sections of one movie, or of the project as a whole."""

    title: str
    sections: Sequence[Section]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A whole report."""

    title: str
    facts: Mapping[str, str]
    chapters: Sequence[Chapter]
    footer: str = ""
