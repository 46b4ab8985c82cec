"""Denoising of movies, streamed block by block: classical filters so far."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "DenoiseConfig": "config",
        "METHODS": "methods",
        "NoiseScale": "stabilise",
        "anscombe": "stabilise",
        "denoise": "blocks",
        "denoise_blocks": "blocks",
        "gaussian": "gaussian_filter",
        "inverse_anscombe": "stabilise",
        "measure_noise_scale": "stabilise",
        "nonlocal_means": "patches",
        "spline_smooth": "spline",
        "total_variation": "chambolle",
    },
)
