"""Denoising of a series of boxes by what its frames have in common: kernel PCA, probabilistic PCA, diffusion maps."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "NoiseFit": "spectrum",
        "component_count": "spectrum",
        "cosine_kernel_pca": "kernel_pca",
        "diffusion_maps": "diffusion",
        "noise_edge": "noise_law",
        "probabilistic_pca": "probabilistic",
        "truncation_threshold": "noise_law",
    },
)
