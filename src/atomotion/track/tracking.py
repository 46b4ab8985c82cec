"""From a movie to the tracks of its particles."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.track.alignment import ChunkAlignment
from atomotion.track.centres import Path, Surfaces, most_probable_centres
from atomotion.track.config import GrapheneConfig, TrackConfig
from atomotion.track.diffusion import Displacements, RandomWalk, fit_random_walk, mean_square_displacement
from atomotion.track.finding import Found, Sighting, find_particles, short_averages
from atomotion.track.following import Pursuit, follow
from atomotion.track.graphene import Graphene, find_graphene, shows_graphene
from atomotion.track.windows import Lookout, make_lookout

_SAMPLES = 3  # short averages in which the background is measured
_WALK_GROUP = 10  # frames
_SAME = 0.5  # diameters: two tracks nearer to each other for most of their time are one particle
_BOX = 2.8  # diameters
_NEAR_END = 25  # frames
_SPECTRUM_PIXELS, _SPECTRUM_FRAMES = 2e7, (16, 100)


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """One particle through the movie.

    Parameters
    ----------
    frame_index : (n,) int
        Every frame from the first to the last in which it is seen.
    centres : (n, 2) float, x y [Å]
        The smooth path, from the centre of the frame's first pixel.
    own : (n, 2) float, x y [Å]
        Each frame's own centre; NaN in bad and bridged frames.
    sd : (n,) float [Å]
        Standard deviation of a centre, along an axis.
    score : (n,) float
        How clearly a frame shows the particle, in standard deviations of the background; NaN in bad frames.
    shown : (n,) float
        How much of the average of the frames around it a frame shows, 1 for all of it; NaN where that is not known.
    seen : (n,) bool
        False where the path is a bridge over frames that do not show it.
    step : float [Å]
        Root-mean-square motion per frame along an axis that the path was made with.
    walk : RandomWalk or None
        Diffusion, relative to the drift where that is known; None for short tracks.
    displacements : Displacements or None
        Mean-square displacement, relative to the drift where that is known; None for short tracks.
    begins, ends : str
        Why the track does.
    """

    frame_index: NDArray[np.integer]
    centres: NDArray[np.floating]
    own: NDArray[np.floating]
    sd: NDArray[np.floating]
    score: NDArray[np.floating]
    shown: NDArray[np.floating]
    seen: NDArray[np.bool_]
    step: float
    walk: RandomWalk | None
    displacements: Displacements | None
    begins: str
    ends: str

    def __len__(self) -> int:
        return len(self.frame_index)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracking:
    """All tracks of a movie.

    Parameters
    ----------
    tracks : tuple of Track
        The clearest first; those of given places in their order.
    found : Found
        What was seen before anything was followed.
    strength : float
        Mean score of single frames at the sightings that the background was measured beside.
    graphene : Graphene or None
        Its sheets; None where pixels are too large to show any.
    """

    tracks: tuple[Track, ...]
    found: Found
    strength: float
    graphene: Graphene | None


def track_particles(
    frames: Frames,
    config: TrackConfig,
    *,
    pixel_size: float,
    bad_frames: Collection[int] = (),
    drift: NDArray[np.floating] | None = None,
    at: Sequence[Sighting] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> Tracking:
    """Find the particles of a movie and follow them.

    Parameters
    ----------
    frames : (t, y, x)
    config : TrackConfig
    pixel_size : float [Å]
    bad_frames : collection of int
        Frames that are passed over; frames that are constant or not finite always are.
    drift : (t, 2) float, dx dy [Å], optional
        Of the movie; taken off before diffusion is measured.
    at : sequence of Sighting
        Places that the user gives; nothing else is looked for then.
    on_step : callable, optional
        Called with (done, total).

    Raises
    ------
    InputError
        Where frames are too small or empty, no particle is found, or none is there long enough.
    """
    n = int(frames.shape[0])
    bad = unusable_frames(frames, bad_frames)
    if bad.all():
        raise InputError("no frame has a picture in it: all are constant, not finite, or named as bad")
    total = 3 * n

    def steps(done: int, of: int, offset: int, share: int) -> None:
        if on_step is not None:
            on_step(min(total, offset + round(done / max(of, 1) * share)), total)

    places = [(each.x, each.y) for each in at]
    graphene = _graphene(frames, pixel_size, bad)
    spots = None if graphene is None else np.array([spot for each in graphene.sheets for spot in each.spots()])
    found = find_particles(
        frames, config, pixel_size=pixel_size, bad=bad, spots=spots, at=places, on_step=lambda i, of: steps(i, of, 0, n)
    )
    sightings = tuple(at) if at else found.sightings
    if not sightings:
        raise InputError(
            f"no particle was found: the clearest place stands out by {found.best_score:.1f} standard deviations, and "
            f"{config.min_score:g} are asked for; give places with --boxes, or lower --min-score"
        )
    lookout = make_lookout(
        frames,
        found,
        pixel_size=pixel_size,
        search=config.search,
        spots=spots,
        samples=_samples(n, sightings, found.sightings, config, bad),
    )
    pursuits = follow(frames, sightings, lookout, config, bad=bad, on_step=lambda i, of: steps(i, of, n, 2 * n))
    tracks = [_track(each, frames, lookout, config, drift) for each in pursuits]
    kept = _without_copies([each for each in tracks if each is not None], lookout.diameter, ordered=bool(at))
    kept = [each for each in kept if at or each.seen.sum() >= config.min_frames]
    if not kept:
        raise InputError(
            f"{len(sightings)} places look like a particle, but none is seen in {config.min_frames} frames; "
            "lower --min-frames or --min-score"
        )
    return Tracking(tracks=tuple(kept[: config.particles]), found=found, strength=lookout.strength, graphene=graphene)


def _graphene(frames: Frames, pixel_size: float, bad: NDArray[np.bool_]) -> Graphene | None:
    if not shows_graphene(pixel_size):
        return None
    area = int(frames.shape[1]) * int(frames.shape[2])
    count = int(np.clip(_SPECTRUM_PIXELS / area, *_SPECTRUM_FRAMES))
    config = GrapheneConfig(spectrum_frames=count)
    return find_graphene(frames, config, pixel_size=pixel_size, bad_frames=[int(i) for i in np.flatnonzero(bad)])


def unusable_frames(frames: Frames, bad_frames: Collection[int]) -> NDArray[np.bool_]:
    """(t,) True for the given frames, and those whose middle rows are constant or not finite."""
    n, tall, _ = (int(size) for size in frames.shape)
    bad = np.zeros(n, dtype=bool)
    bad[[frame for frame in bad_frames if 0 <= frame < n]] = True
    rows = slice(tall // 2 - min(4, tall // 2), tall // 2 + 4)
    for frame in np.flatnonzero(~bad):
        part = np.asarray(frames[int(frame), rows])
        bad[frame] = not np.isfinite(part).all() or bool((part == part.flat[0]).all())
    return bad


def box_side(diameter: float, pixel_size: float, config: TrackConfig) -> int:
    """Side of the boxes [px]: as asked for, or 2.8 diameters, even."""
    return config.box_px or 2 * round(0.5 * _BOX * diameter / pixel_size)


def _samples(
    n: int,
    sightings: Sequence[Sighting],
    seen: Sequence[Sighting],
    config: TrackConfig,
    bad: NDArray[np.bool_],
) -> list[tuple[list[int], list[Sighting]]]:
    """A few of the short averages in which something was seen, evenly over the movie, and what was seen there.

    Not those where the particles show best: there the background would hold more of them, and they would seem to show
    better than they do.
    """
    result = []
    for stretch in short_averages(n, config):
        good = [frame for frame in stretch if not bad[frame]]
        inside = [each for each in (*sightings, *seen) if each.frame in stretch]
        if good and inside:
            result.append((good, inside))
    if not result:
        first = sightings[0].frame
        good = [int(frame) for frame in np.flatnonzero(~bad) if abs(frame - first) <= config.find_frames]
        result = [(good or [int(np.flatnonzero(~bad)[0])], list(sightings))]
    chosen = np.unique(np.linspace(0, len(result) - 1, _SAMPLES).round().astype(int))
    return [result[number] for number in chosen]


def _track(
    pursuit: Pursuit, movie: Frames, lookout: Lookout, config: TrackConfig, drift: NDArray[np.floating] | None
) -> Track | None:
    """The track of a pursuit, from the first to the last frame in which it is seen."""
    if not pursuit.scores:
        return None
    frames = np.arange(min(pursuit.places), max(pursuit.places) + 1)
    path = _path(pursuit, frames, lookout, config, movie)
    seen = np.flatnonzero(path.seen)
    if not len(seen) and not pursuit.given:
        return None
    first, last = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, len(frames))
    # a particle that is seen soon after the movie begins was there before
    first, last = (0 if first <= _NEAR_END else first), (len(frames) if len(frames) - last <= _NEAR_END else last)
    cut = slice(first, last)
    index, own = frames[cut], path.own[cut]
    moved = np.zeros((len(index), 2)) if drift is None else drift[index]
    used = path.seen[cut] & np.isfinite(own).all(axis=1)
    walk = fit_random_walk(own - moved, used, group=_WALK_GROUP)
    begins = pursuit.ended.get(-1, "the movie begins" if index[0] == 0 else "is first seen")
    ends = pursuit.ended.get(1, "the movie ends")
    return Track(
        frame_index=index,
        centres=path.centres[cut],
        own=own,
        sd=path.sd[cut],
        score=path.score[cut],
        shown=path.shown[cut],
        seen=path.seen[cut],
        step=path.step,
        walk=walk,
        displacements=None if walk is None else mean_square_displacement(own - moved, used, walk, group=_WALK_GROUP),
        begins="is first seen" if index[0] > 0 and begins == "the movie begins" else begins,
        ends="is last seen" if index[-1] < int(movie.shape[0]) - 1 and ends == "the movie ends" else ends,
    )


def _path(pursuit: Pursuit, frames: NDArray[np.integer], lookout: Lookout, config: TrackConfig, movie: Frames) -> Path:
    size = next(iter(pursuit.scores.values())).shape[0]
    scores = np.zeros((len(frames), size, size), dtype=np.float16)
    corners = np.zeros((len(frames), 2))
    for i, frame in enumerate(frames):
        place = pursuit.places[int(frame)]
        corners[i] = pursuit.corners.get(int(frame), (place[0], place[1]))
        if int(frame) in pursuit.scores:
            scores[i] = pursuit.scores[int(frame)]
    start = _between_blocks(np.array([pursuit.places[int(frame)] for frame in frames]))
    surfaces = Surfaces(scores=scores, corners=corners, cell=lookout.grid.cell, gain=lookout.gain)

    def aligner(path: NDArray[np.floating], used: NDArray[np.bool_]) -> ChunkAlignment:
        return ChunkAlignment(movie, frames, path, used, lookout, chunk=config.chunk)

    is_aligned = config.align and lookout.evidence.band.kind == "lattice"
    return most_probable_centres(surfaces, start, step=config.step, aligner=aligner if is_aligned else None)


def _between_blocks(places: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n, 2) the places of blocks, constant within each, interpolated between the blocks' middles."""
    edges = np.r_[0, np.flatnonzero(np.any(np.diff(places, axis=0) != 0, axis=1)) + 1, len(places)]
    middles = 0.5 * (edges[:-1] + edges[1:] - 1)
    at = np.arange(len(places))
    return np.stack([np.interp(at, middles, places[edges[:-1], axis]) for axis in (0, 1)], axis=1)


def _without_copies(tracks: list[Track], diameter: float, *, ordered: bool) -> list[Track]:
    """The tracks without those that lie on a clearer one for most of their time; the clearest first."""
    clearest = sorted(tracks, key=lambda each: -float(np.nansum(each.score)))
    kept: list[Track] = []
    for each in clearest:
        for other in kept:
            common, mine, theirs = np.intersect1d(each.frame_index, other.frame_index, return_indices=True)
            near = np.hypot(*(each.centres[mine] - other.centres[theirs]).T) < _SAME * diameter
            if len(common) and near.sum() > 0.5 * len(each):
                break
        else:
            kept.append(each)
    return [each for each in tracks if any(each is other for other in kept)] if ordered else kept
