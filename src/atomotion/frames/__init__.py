"""Two-dimensional analysis of a particle's boxes: what each frame shows, and which stretches to reconstruct."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "BoxMaps": "maps",
        "ClassesConfig": "config",
        "FrameClasses": "classes",
        "FramePeaks": "peaks",
        "FramesConfig": "config",
        "LatticeRegion": "region",
        "SizeCurve": "diameter",
        "Window": "windows",
        "WindowsConfig": "config",
        "bimodal_threshold": "crystallinity",
        "box_maps": "maps",
        "FrameMeasures": "measure",
        "PeakFinder": "peaks",
        "SizeChange": "changes",
        "SizeEvidence": "diameter",
        "calibrated_changes": "splits",
        "classify_frames": "classes",
        "crystalline_region": "region",
        "find_peaks": "peaks",
        "given_windows": "windows",
        "lattice_parameters": "lattice",
        "measure_boxes": "measure",
        "propose_windows": "windows",
        "published_windows": "published",
        "size_changes": "changes",
        "size_curve": "diameter",
        "size_evidence": "diameter",
        "stretches_in_sight": "sight",
        "views_of": "windows",
        "zone_axis": "zone",
    },
)
