"""How ordered every frame is, by persistent homology, and what becomes of the order with time and particle size.

ALPS per frame, its test against vacuum, periods of order and disorder, their lattice fringes, the particle's region,
the trend with size and the kind of particle.
"""

from atomotion.data.lazy import lazy_exports

# not lazy: these functions have the names of their modules, which would come first otherwise; they need numpy only
from atomotion.order.alps import alps
from atomotion.order.polygon_mask import polygon_mask

__getattr__, __dir__, _lazy = lazy_exports(
    __name__,
    {
        "AlpsReference": "relative",
        "Bars": "homology",
        "FrameOrder": "measure",
        "Fringes": "fringes",
        "FringesConfig": "config",
        "KindsConfig": "config",
        "OrderConfig": "config",
        "ParticleKind": "kinds",
        "Period": "periods",
        "PeriodsConfig": "config",
        "Region": "region",
        "RegionConfig": "config",
        "RegionEvidence": "region_evidence",
        "VacuumModel": "vacuum",
        "VacuumTest": "vacuum",
        "alps_relative": "relative",
        "change_points": "changepoints",
        "find_fringes": "fringes",
        "find_periods": "periods",
        "find_region": "region",
        "fit_line": "trend",
        "fit_vacuum": "vacuum",
        "kind_of_particle": "kinds",
        "label_periods": "periods",
        "level_of": "measure",
        "measure_frames": "measure",
        "null_alps": "vacuum",
        "order_table": "table",
        "persistence_bars": "homology",
        "persistent_entropy": "alps",
        "polygon_area": "polygon_mask",
        "reference_from_null": "relative",
        "reference_from_vacuum": "relative",
        "series_statistics": "trend",
        "total_persistence": "alps",
        "vacuum_test": "vacuum",
    },
)
__all__ = ["alps", "polygon_mask", *_lazy]
