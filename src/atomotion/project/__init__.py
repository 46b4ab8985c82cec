"""The project folder: stages and leaves, resume, locks, provenance, and what runs them."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Column": "outputs",
        "Leaf": "plan",
        "OutputFile": "outputs",
        "Project": "settings",
        "Result": "plan",
        "Stage": "stage",
        "Task": "stage",
        "run_leaves": "executor",
    },
)
