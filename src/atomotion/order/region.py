"""The polygon around the particle, found in the movie, and a vacuum region away from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import approximate_polygon, regionprops
from skimage.morphology import convex_hull_image

from atomotion.order.config import RegionConfig
from atomotion.order.region_evidence import RegionEvidence
from atomotion.order.support import bump_over_line

_MOST_BORDER = 0.3  # share of a particle's outline that may lie on the frame's border
_LEAST_SOLID = 0.7  # share of its convex hull that a particle fills
_CUTS = 16  # levels of evidence at which support and particle are tried apart
_RIM = 4  # px of the binned maps that count as the frame's border
_LEAST_SHARE = 0.03  # share of the specimen that a particle is that only its evidence tells from its support
_LEAST_RATIO = 2.0  # of evidence between particle and support, where that is what tells them apart
_LEAST_THICK = 0.5  # its largest inscribed circle, relative to the circle of its area


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """Where the particle is and where vacuum is.

    Parameters
    ----------
    polygon : (n, 2) float, x y [px] or None
        Convex hull of the particle.
    vacuum : (4, 2) float, x y [px] or None
        A rectangle.
    score : float
        How much like a particle the region looks: its share of its convex hull times the share of its outline that is
        not on the frame's border; 0 for none.
    how : str
        Which of the ways found it: "alone" in vacuum, "stronger evidence" or "weaker evidence" than its support, "bump"
        on a support with a straight surface.
    reason, vacuum_reason : str
        Why there is no polygon, no vacuum.
    """

    polygon: NDArray[np.float64] | None
    vacuum: NDArray[np.float64] | None
    score: float
    how: str
    reason: str
    vacuum_reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    mask: NDArray[np.bool_]
    how: str
    border: float
    solidity: float
    thickness: float
    share: float

    @property
    def score(self) -> float:
        return self.solidity * (1 - self.border)

    @property
    def rank(self) -> float:
        return self.score * float(np.sqrt(self.share))

    @property
    def is_particle(self) -> bool:
        # patches of a support have more or less evidence than its rest, and its corners have more
        large = self.how in ("alone", "bump") or self.share >= _LEAST_SHARE
        compact = self.solidity >= _LEAST_SOLID and self.thickness >= _LEAST_THICK
        return large and compact and self.border <= _MOST_BORDER


def find_region(evidence: RegionEvidence, config: RegionConfig | None = None) -> Region:
    """The particle's polygon and a vacuum rectangle, or reasons why not.

    Pixels whose evidence exceeds ``config.threshold`` are specimen. If the largest connected part does not reach the
    frame's border, it is the particle. If it does, there is a support, and three ways of taking them apart are tried:
    the part with more evidence than some level, the part with less (16 levels are tried), and what rises above the
    straight line that fits most of the support's surface. Of what looks like a particle (compact, not thin, not on the
    border) the best is taken: solidity x (share of the outline off the border) x √(share of the specimen). Last, the
    particle is cut at a third of its own typical evidence, which takes off the rim that smoothing adds.

    Parameters
    ----------
    evidence : RegionEvidence
        As `region_evidence` gives it.
    config : RegionConfig
    """
    config = RegionConfig() if config is None else config
    total = evidence.total
    specimen = _cleaned(total > config.threshold)
    smallest = np.pi * (config.min_diameter_px / 2 / evidence.bin) ** 2
    found = [each for each in _candidates(total, specimen, smallest) if each.is_particle]
    best = max(found, key=lambda each: each.rank, default=None)
    polygon, reason, taken = None, "", specimen
    if best is not None:
        hull = convex_hull_image(_tightened(best.mask, total, config.threshold, smallest))
        polygon, taken = _polygon(hull, evidence.bin), specimen | hull
    elif specimen.sum() < smallest:
        reason = (
            f"nothing larger than {config.min_diameter_px:g} px stands out of the noise by {config.threshold:g} "
            "standard errors; draw the polygon by hand, or use more frames"
        )
    else:
        reason = (
            "what stands out of the noise reaches the frame's border and could not be taken apart into support and "
            "particle; draw the polygon by hand"
        )
    vacuum, vacuum_reason = _vacuum(taken, evidence.bin, config)
    return Region(
        polygon=polygon,
        vacuum=vacuum,
        score=0.0 if best is None else best.score,
        how="" if best is None else best.how,
        reason=reason,
        vacuum_reason=vacuum_reason,
    )


def _candidates(total: NDArray[np.float32], specimen: NDArray[np.bool_], smallest: float) -> list[_Candidate]:
    whole = _largest(specimen)
    if whole.sum() < smallest:
        return []
    alone = _judged(whole, "alone", float(whole.sum()))
    if alone.is_particle:
        return [alone]
    found = [(_trimmed(_largest(bump)), "bump") for bump in bump_over_line(whole)]
    for threshold in np.geomspace(2 * float(np.median(total[whole])) / 3, float(total.max()), _CUTS + 1)[:-1]:
        strong = _cleaned(total > threshold)
        support = _on_border(strong)
        parts = [
            (_largest(_cleaned(strong & ~support)), "stronger evidence"),
            (_largest(_cleaned(whole & ~ndimage.binary_dilation(support, iterations=4))), "weaker evidence"),
        ]
        found += [(part, how) for part, how in parts if _differs(part, whole, total)]
    return [_judged(mask, how, float(whole.sum())) for mask, how in found if mask.sum() >= smallest]


def _differs(part: NDArray[np.bool_], whole: NDArray[np.bool_], total: NDArray[np.float32]) -> bool:
    """Whether a part's evidence differs from that of the rest by more than a lattice differs within itself."""
    rest = whole & ~part
    if not part.any() or not rest.any():
        return False
    ratio = float(np.median(total[part]) / np.median(total[rest]))
    return ratio > _LEAST_RATIO or ratio < 1 / _LEAST_RATIO


def _judged(mask: NDArray[np.bool_], how: str, specimen: float) -> _Candidate:
    mask = _closed(mask)
    properties = regionprops(mask.astype(np.uint8))[0]
    outline = mask & ~ndimage.binary_erosion(mask, border_value=0)
    edge = _rim(mask.shape)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1)).max()
    return _Candidate(
        mask=mask,
        how=how,
        border=float((outline & edge).sum() / outline.sum()),
        solidity=float(properties.solidity),
        share=min(float(mask.sum()) / specimen, 1.0),
        thickness=float(depth / np.sqrt(mask.sum() / np.pi)),
    )


def _tightened(
    mask: NDArray[np.bool_], total: NDArray[np.float32], threshold: float, smallest: float
) -> NDArray[np.bool_]:
    core = ndimage.binary_erosion(mask, iterations=5)
    level = float(np.median(total[core if core.any() else mask])) / 3
    tight = _largest(_cleaned(mask & (total > max(level, threshold))))
    return tight if tight.sum() >= smallest else mask


def _cleaned(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without specks and threads of 3 px, without holes."""
    # the frame's border is no edge of the specimen
    padded = ndimage.binary_opening(np.pad(mask, 4, mode="edge"), iterations=2)[4:-4, 4:-4]
    return np.asarray(ndimage.binary_fill_holes(padded))


def _closed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """With the bays closed that noise leaves in a faint particle."""
    padded = ndimage.binary_closing(np.pad(mask, 8), iterations=6)[8:-8, 8:-8]
    return np.asarray(ndimage.binary_fill_holes(padded))


def _trimmed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without what a disc of two fifths of its thickness cannot reach: tails along a support's surface."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    radius = 0.4 * depth.max()
    return np.asarray(mask & (ndimage.distance_transform_edt(depth <= radius) <= radius + 1))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    if count == 0:
        return np.zeros_like(mask)
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def _on_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected parts that reach the frame's border."""
    labels, _ = ndimage.label(mask)
    return np.asarray(np.isin(labels, np.unique(labels[mask & _rim(mask.shape)])))


def _rim(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The frame's border, wide enough for what smoothing does there."""
    rim = np.ones(shape, dtype=bool)
    rim[_RIM:-_RIM, _RIM:-_RIM] = False
    return rim


def _polygon(hull: NDArray[np.bool_], bin: int) -> NDArray[np.float64]:
    y, x = np.nonzero(hull & ~ndimage.binary_erosion(hull, border_value=0))
    centre = np.array([x.mean(), y.mean()])
    around = np.argsort(np.arctan2(y - centre[1], x - centre[0]))
    outline = np.column_stack((x, y))[around].astype(float)
    corners = approximate_polygon(np.vstack((outline, outline[:1])), tolerance=1.5)[:-1]
    return (corners + 0.5) * bin - 0.5


def _vacuum(specimen: NDArray[np.bool_], bin: int, config: RegionConfig) -> tuple[NDArray[np.float64] | None, str]:
    margin = config.margin_px / bin
    free = ndimage.distance_transform_edt(~specimen) > margin if specimen.any() else ~specimen
    keep = int(np.ceil(margin))
    free[:keep], free[len(free) - keep :] = False, False
    free[:, :keep], free[:, free.shape[1] - keep :] = False, False
    top, left, height, width = largest_rectangle(free)
    shortest = min(height, width) * bin
    if shortest < config.min_vacuum_px:
        return None, (
            f"no rectangle of {config.min_vacuum_px:g} px without specimen (the largest is {width * bin} x "
            f"{height * bin} px); give the vacuum by hand"
        )
    corners = np.array(
        [[left, top], [left + width - 1, top], [left + width - 1, top + height - 1], [left, top + height - 1]]
    )
    return (corners + 0.5) * bin - 0.5, ""


def largest_rectangle(free: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the largest rectangle of True pixels; all 0 where there is none."""
    best, heights = (0, 0, 0, 0), np.zeros(free.shape[1], dtype=int)
    for row in range(free.shape[0]):
        heights = np.where(free[row], heights + 1, 0)
        open_bars: list[tuple[int, int]] = []  # (left, height), heights rising
        for column, height in enumerate([*heights.tolist(), 0]):
            left = column
            while open_bars and open_bars[-1][1] >= height:
                left, tall = open_bars.pop()
                if tall * (column - left) > best[2] * best[3]:
                    best = (row - tall + 1, left, tall, column - left)
            open_bars.append((left, height))
    return best
