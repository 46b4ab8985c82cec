"""Denoising of movies: networks that learn from the movie itself, filters, and components of a series."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "DenoiseConfig": "config",
        "METHODS": "methods",
        "Model": "model",
        "NetworkConfig": "config",
        "NoiseScale": "stabilise",
        "anscombe": "stabilise",
        "denoise": "blocks",
        "denoise_blocks": "blocks",
        "denoise_series": "series",
        "gaussian": "gaussian_filter",
        "gaussian_family": "gaussians",
        "gaussian_own_weight": "gaussians",
        "hole_radius": "hole",
        "inverse_anscombe": "stabilise",
        "measure_noise_scale": "stabilise",
        "nonlocal_means": "patches",
        "spline_smooth": "spline",
        "total_variation": "chambolle",
        "train_model": "learned",
    },
)
