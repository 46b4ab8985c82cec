"""Figures, and the self-contained HTML page that holds them."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__, {"Page": "page", "Section": "page", "Table": "page", "Figure": "page", "render": "html"}
)
