"""Denoising of a series of boxes by what its frames have in common: kernel PCA, probabilistic PCA, diffusion maps."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "component_count": "spectrum",
        "cosine_kernel_pca": "kernel_pca",
        "diffusion_maps": "diffusion",
        "noise_edge": "noise_law",
        "probabilistic_pca": "probabilistic",
        "shrinkage_weights": "noise_law",
        "shrunk_pca": "shrunken",
        "truncation_threshold": "noise_law",
    },
)
