"""The few types that everything speaks: movies, series, poses, maps, parameters, errors. No algorithms."""

from atomotion.data.errors import AtomotionError, InputError, UsageError
from atomotion.data.frames import Frames
from atomotion.data.maps import DensityMap
from atomotion.data.movie import Contrast, Movie
from atomotion.data.parameters import Parameter, from_mapping, parameter, parameters_of, to_mapping
from atomotion.data.polygon import Polygon
from atomotion.data.poses import Poses
from atomotion.data.series import ParticleSeries
from atomotion.data.units import parse_quantity, to_canonical

__all__ = [
    "AtomotionError",
    "Contrast",
    "DensityMap",
    "Frames",
    "InputError",
    "Movie",
    "Parameter",
    "ParticleSeries",
    "Polygon",
    "Poses",
    "UsageError",
    "from_mapping",
    "parameter",
    "parameters_of",
    "parse_quantity",
    "to_canonical",
    "to_mapping",
]
