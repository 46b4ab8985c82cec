"""Where things are in a movie over time: the rigid drift of its content."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Drift": "drift",
        "DriftConfig": "config",
        "estimate_drift": "drift",
        "shift_polygon": "drift",
        "translate": "drift",
    },
)
