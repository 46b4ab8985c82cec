"""Where things are in a movie over time: its drift, the graphene behind, the particles and their tracks."""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "CutBoxes": "boxes",
        "Displacements": "diffusion",
        "Drift": "drift",
        "DriftConfig": "config",
        "Graphene": "graphene",
        "GrapheneConfig": "config",
        "GrapheneRemoval": "graphene_removal",
        "RandomWalk": "diffusion",
        "Sheet": "graphene",
        "Sighting": "finding",
        "Track": "tracking",
        "TrackConfig": "config",
        "Tracking": "tracking",
        "box_corners": "boxes",
        "estimate_drift": "drift",
        "find_graphene": "graphene",
        "find_particles": "finding",
        "fit_random_walk": "diffusion",
        "mean_square_displacement": "diffusion",
        "shift_polygon": "drift",
        "track_particles": "tracking",
        "translate": "drift",
    },
)
