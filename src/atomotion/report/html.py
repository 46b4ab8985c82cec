"""The report as one HTML file that needs no network: pictures and tables are inside it."""

import base64
from pathlib import Path

from atomotion.report.page import Page

_TYPES = {
    ".csv": "text/csv", ".gif": "image/gif", ".json": "application/json", ".png": "image/png", ".txt": "text/plain",
}  # fmt: skip
# larger files are named with their place instead of being carried in the page
LARGEST_DOWNLOAD = 4_000_000


def render(page: Page, *, root: Path) -> str:
    """The page as HTML text.

    Parameters
    ----------
    page : Page
    root : Path
        Folder that the paths of large files are shown relative to.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("atomotion.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = data_uri
    environment.filters["value"] = show_value
    environment.filters["within"] = lambda path: _relative(path, root)
    environment.tests["small"] = lambda path: path.stat().st_size <= LARGEST_DOWNLOAD
    return environment.get_template("page.html").render(page=page)


def data_uri(path: Path) -> str:
    """The file's content as a ``data:`` address."""
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def show_value(value: object) -> str:
    """A value as a reader wants it: four figures, a dash for nothing."""
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
