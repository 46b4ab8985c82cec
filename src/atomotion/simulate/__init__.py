"""Ground truth: movies of simulated particles whose poses, states and clean frames are known."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "MovieConfig": "config",
        "RECIPES": "recipes",
        "SimulatedMovie": "movie",
        "recipe": "recipes",
        "rotating_pt": "recipes",
        "simulate_movie": "movie",
        "switching_particle": "recipes",
        "vacuum_movie": "movie",
    },
)
