"""The routes through the house: which stages, in which order, nothing else."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__, {"plan": "routes", "run": "routes", "write_report": "reporting", "ROUTES": "routes"}
)
