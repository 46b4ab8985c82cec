"""Reading and writing: movies, images, maps, atoms, poses and polygons, each with the facts its file knows.

`read_movie` opens a movie of any known format without loading it, `write_movie` and `MovieWriter` write one block by
block, `describe` says what a file holds. The formats are listed in ``atomotion.io.formats``.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "FORMATS": "formats",
        "MovieSource": "config",
        "MovieWriter": "writer",
        "StarParticles": "star",
        "StoredArray": "stored",
        "bad_frames": "frame_check",
        "describe": "description",
        "facts_of": "facts",
        "fit_polygon": "polygon",
        "open_movie": "movie",
        "open_series": "series",
        "open_stored": "formats",
        "read_atoms": "atoms",
        "read_map": "maps",
        "read_movie": "movie",
        "read_polygon": "polygon",
        "read_poses": "star",
        "read_series": "series",
        "read_start_boxes": "start_boxes",
        "read_states": "atoms",
        "refuse_bad_frames": "frame_check",
        "resumable_frames": "writer",
        "series_facts": "series",
        "series_file": "series",
        "write_atoms": "atoms",
        "write_map": "maps",
        "write_movie": "writer",
        "write_polygon": "polygon",
        "write_poses": "star",
        "write_series": "series",
        "write_stored": "writer",
    },
)
