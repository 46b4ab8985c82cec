"""What the noise of a movie is, and the Poisson noise that nulls and thinning are made of.

Units per electron, correlations between pixels and between frames, outlier frames, and what each of them forbids.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "NoiseConfig": "config",
        "NoiseFindings": "findings",
        "OutlierFrame": "findings",
        "measure_noise": "measure",
        "frame_statistics": "outliers",
        "find_outlier_frames": "outliers",
        "PoissonTest": "poisson",
        "empirical_frames": "poisson",
        "poisson_frames": "poisson",
        "poisson_test": "poisson",
        "thin": "poisson",
        "to_electrons": "poisson",
        "value_histogram": "poisson",
    },
)
