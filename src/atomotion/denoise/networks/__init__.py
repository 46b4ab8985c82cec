"""The networks, by the names of their methods."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "BlindSpot": "blindspot",
        "Hybrid": "hybrid",
        "Network": "network",
        "UNet": "unet",
        "Udvd": "udvd",
        "build_network": "catalogue",
        "bytes_per_pixel": "footprint",
    },
)
