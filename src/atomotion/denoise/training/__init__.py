"""Training on the noisy movie itself, and exact prediction in tiles."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Crops": "crops",
        "Look": "fit",
        "Recipe": "recipe",
        "Scale": "scale",
        "Training": "fit",
        "measure_scale": "scale",
        "predict_blocks": "predict",
        "window_indices": "window",
    },
)
