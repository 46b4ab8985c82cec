"""Ground truth: movies of simulated particles whose poses, states and clean frames are known."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "AdfConfig": "config",
        "CameraConfig": "config",
        "CameraCurves": "camera",
        "MovieConfig": "config",
        "MultisliceConfig": "config",
        "ParticleTruth": "movie",
        "SimulatedAdf": "adf",
        "RECIPES": "recipes",
        "SimulatedMovie": "movie",
        "SurroundingsConfig": "config",
        "curves_from_tables": "camera",
        "columns_of": "adf",
        "cross_sections_of": "adf",
        "exit_waves": "multislice",
        "liquid_cell": "recipes",
        "recipe": "recipes",
        "rotating_pt": "recipes",
        "simulate_adf": "adf",
        "simulate_movie": "movie",
        "switching_particle": "recipes",
        "vacuum_movie": "movie",
    },
)
