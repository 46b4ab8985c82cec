"""All of the two-dimensional analysis of one series of boxes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atomotion.data import Frames, InputError
from atomotion.frames.changes import SizeChange, size_changes
from atomotion.frames.classes import FrameClasses, classify_frames
from atomotion.frames.config import FramesConfig
from atomotion.frames.crystallinity import Threshold, bimodal_threshold
from atomotion.frames.diameter import SizeCurve, SizeEvidence, size_curve, size_evidence
from atomotion.frames.lattice import LatticeParameters, lattice_parameters
from atomotion.frames.maps import BoxMaps, box_maps, usable_boxes
from atomotion.frames.peaks import FramePeaks, PeakFinder, find_peaks
from atomotion.frames.published import published_windows
from atomotion.frames.region import LatticeRegion, crystalline_region
from atomotion.frames.windows import Window, given_windows, propose_windows
from atomotion.frames.zone import zone_axis

FEWEST = 20
_LATTICE = 3.92  # where no peak is seen at all [Å]
_BRIGHTER = 8.0  # robust standard deviations
_FAINT = 1.5  # standard deviations of noise
_NEIGHBOURS = 51  # frames whose median brightness is the usual one

Steps = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameMeasures:
    """What the frames of a series show; everything in the order of the boxes.

    Parameters
    ----------
    peaks : list of FramePeaks
    threshold : Threshold
        Of the largest peak, between frames with and without a visible lattice.
    noise_peak : float
        What the largest peak of noise alone exceeds with the chosen probability.
    crystalline : (n,) bool
    lattice : LatticeParameters
    zones : list of str
    regions : list of LatticeRegion or None
    centres : (n, 2) float, x y [px]
        Of the particle, from blocks of frames.
    sharpness : (n,) float
        Root mean square contrast of the lattice on the particle, that of the surroundings taken off.
    evidence : SizeEvidence
    curve : SizeCurve
    changes : tuple of SizeChange
    classes : FrameClasses or None
    notes : list of str
        Why a frame is rejected; empty for frames that are not.
    windows : list of Window
    monolayer : float [Å]
    min_views : int
    """

    peaks: list[FramePeaks]
    threshold: Threshold
    noise_peak: float
    crystalline: NDArray[np.bool_]
    lattice: LatticeParameters
    zones: list[str]
    regions: list[LatticeRegion | None]
    centres: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    evidence: SizeEvidence
    curve: SizeCurve
    changes: tuple[SizeChange, ...]
    classes: FrameClasses | None
    notes: list[str]
    windows: list[Window]
    monolayer: float
    min_views: int

    @property
    def region_diameters(self) -> NDArray[np.float64]:
        """(n,) diameters of the crystalline regions [Å]; NaN for frames without."""
        return np.array([np.nan if each is None else each.diameter for each in self.regions])


def measure_boxes(
    raw: Frames,
    images: Frames,
    config: FramesConfig,
    *,
    pixel_size: float,
    expected_lattice: float | None = None,
    rng: np.random.Generator,
    steps: Steps = lambda name: lambda done, total: None,
) -> FrameMeasures:
    """Everything that the boxes of one particle say in two dimensions, and the windows proposed from it.

    Parameters
    ----------
    raw : (n, y, x)
        Boxes that the size over time is pooled from: raw ones by preference, whose noise is independent.
    images : (n, y, x)
        Boxes that single frames are judged by: denoised ones where there are any.
    config : FramesConfig
    pixel_size : float [Å]
    expected_lattice : float or None [Å]
        Lattice parameter, to name the peaks by.
    rng : numpy.random.Generator
    steps : callable
        ``steps(name)(done, total)`` hears of progress.

    Raises
    ------
    InputError
        For too few boxes, for boxes without a lattice in them, and for pixels too large to show one.
    """
    count = int(images.shape[0])
    if count < FEWEST:
        raise InputError(f"the series has {count} boxes, and the analysis of frames needs at least {FEWEST}")
    band = {"longest": config.longest, "shortest": config.shortest}
    maps = box_maps(raw, pixel_size=pixel_size, **band, on_step=steps("maps"))
    evidence = size_evidence(maps, **band)
    usable = maps.good & (True if images is raw else usable_boxes(images))
    centres = _in_pixels(evidence, maps, images, pixel_size)
    finder = PeakFinder(images, pixel_size=pixel_size, centres=centres, radius=evidence.radius, **band)
    peaks = find_peaks(finder, alpha=config.alpha, use=usable, on_step=steps("peaks"))
    strongest = np.array([each.strongest for each in peaks])
    threshold = _threshold(strongest, finder, config)
    crystalline = np.nan_to_num(strongest) > threshold.value
    lattice = lattice_parameters(peaks, expected=expected_lattice)
    regions = _regions(images, peaks, crystalline & config.region, pixel_size, 2.0 * evidence.radius, steps("regions"))
    diameters = np.array([np.nan if each is None else each.diameter for each in regions])
    known = lattice.mean if np.isfinite(lattice.mean) else expected_lattice or _LATTICE
    monolayer = config.windows.monolayer or float(known / np.sqrt(3.0))
    changes = size_changes(evidence, config.windows, regions=diameters[evidence.frames], rng=rng)
    curve = size_curve(
        evidence, count=count, window=config.size_frames, block=config.windows.block_frames,
        at=[each.at for each in changes],
    )  # fmt: skip
    classes = None
    if config.classes.frames:
        classes = classify_frames(
            images, config.classes, pixel_size=pixel_size, centres=centres, radius=evidence.radius, use=usable,
            on_step=steps("classes"),
        )  # fmt: skip
    return FrameMeasures(
        peaks=peaks,
        threshold=threshold,
        noise_peak=finder.noise_height(config.alpha),
        crystalline=crystalline,
        lattice=lattice,
        zones=[zone_axis(each, lattice.mean) if yes else "" for each, yes in zip(peaks, crystalline, strict=True)],
        regions=regions,
        centres=centres,
        sharpness=_sharpness(evidence, count),
        evidence=evidence,
        curve=curve,
        changes=changes,
        classes=classes,
        notes=_notes(maps, usable, evidence, strongest < finder.noise_height(config.alpha), classes),
        windows=_windows(evidence, changes, crystalline, diameters, config, count, monolayer),
        monolayer=monolayer,
        min_views=config.windows.min_views,
    )


def _in_pixels(evidence: SizeEvidence, maps: BoxMaps, images: Frames, pixel_size: float) -> NDArray[np.float64]:
    middle = np.array([int(images.shape[2]) // 2, int(images.shape[1]) // 2])
    return middle + (evidence.centres - np.array(maps.origin)) * (maps.cell / pixel_size)


def _threshold(strongest: NDArray[np.float64], finder: PeakFinder, config: FramesConfig) -> Threshold:
    if config.threshold is not None:
        return Threshold(value=config.threshold, bimodal=False, reason="given")
    return bimodal_threshold(strongest, noise=finder.noise_height(config.alpha))


def _regions(
    images: Frames,
    peaks: list[FramePeaks],
    crystalline: NDArray[np.bool_],
    pixel_size: float,
    expected: float,
    on_step: Callable[[int, int], None],
) -> list[LatticeRegion | None]:
    found: list[LatticeRegion | None] = []
    for index, each in enumerate(peaks):
        if crystalline[index]:
            found.append(crystalline_region(images[index], each, pixel_size=pixel_size, expected=expected))
        else:
            found.append(None)
        on_step(index + 1, len(peaks))
    return found


def _sharpness(evidence: SizeEvidence, count: int) -> NDArray[np.float64]:
    result = np.full(count, np.nan)
    result[evidence.frames] = np.sqrt(np.maximum(evidence.strength, 0.0))
    return result


def _notes(
    maps: BoxMaps,
    usable: NDArray[np.bool_],
    evidence: SizeEvidence,
    no_peak: NDArray[np.bool_],
    classes: FrameClasses | None,
) -> list[str]:
    faint = np.zeros(len(maps), dtype=bool)
    faint[evidence.frames] = evidence.strength < _FAINT * evidence.strength_sd
    usual = ndimage.median_filter(maps.brightness, min(_NEIGHBOURS, len(maps)), mode="nearest")
    rest = maps.brightness - usual
    spread = 1.4826 * float(np.median(np.abs(rest[maps.good])))
    notes = []
    for index in range(len(maps)):
        if not usable[index]:
            notes.append("constant, or not finite")
        elif spread > 0 and abs(rest[index]) > _BRIGHTER * spread:
            notes.append("much brighter or darker than its neighbours")
        elif faint[index] and no_peak[index]:
            notes.append("no lattice in sight")
        elif classes is not None and classes.rejected[index]:
            notes.append("unlike its class")
        else:
            notes.append("")
    return notes


def _windows(
    evidence: SizeEvidence,
    changes: tuple[SizeChange, ...],
    crystalline: NDArray[np.bool_],
    diameters: NDArray[np.float64],
    config: FramesConfig,
    count: int,
    monolayer: float,
) -> list[Window]:
    if config.windows.given is not None:
        return given_windows(config.windows.given, count)
    if config.windows.method == "published":
        return published_windows(crystalline, diameters, config.windows, monolayer=monolayer)
    return propose_windows(evidence, changes, config.windows, count=count, monolayer=monolayer)
