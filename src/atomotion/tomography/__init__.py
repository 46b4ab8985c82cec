"""From boxes of a tumbling nanocrystal to its atoms: orientations, density, and refinement against the images.

`reconstruct` does it all; the pieces that it is made of are functions on tensors on one device, float32 and complex64.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "AtomModel": "forward",
        "BoundariesConfig": "boundaries_config",
        "Coefficients": "coefficients",
        "HalfAgreement": "reconstruction",
        "HalfPlane": "half_plane",
        "Observations": "observations",
        "Optics": "response",
        "Reconstruction": "reconstruction",
        "ReconstructionConfig": "config",
        "Response": "response",
        "RotationOverTime": "turning",
        "ShellCorrelation": "fourier_shells",
        "TimeHalves": "halves_in_time",
        "WindowModel": "common_frame",
        "box_coefficients": "coefficients",
        "reconstruct": "chain",
        "rotation_over_time": "turning",
        "settle_windows": "settled_windows",
        "shell_correlation": "fourier_shells",
        "time_halves": "halves_in_time",
    },
)
