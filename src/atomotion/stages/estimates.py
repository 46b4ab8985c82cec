"""The error of a denoised movie, each way of estimating it by itself."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import InputError
from atomotion.denoise.config import DenoiseConfig
from atomotion.project.stage import Task
from atomotion.quality.blind import blind_residual
from atomotion.quality.config import QualityConfig
from atomotion.quality.detail import band_fidelity
from atomotion.quality.estimate import Estimate, psnr_of_mse, refused
from atomotion.quality.paired import compare_blind, compare_to_reference
from atomotion.quality.signal_splitting import SplitSignal
from atomotion.quality.splitting import SplitCounts, whole_electrons
from atomotion.quality.thinning import thinning_error, thinning_forbidden
from atomotion.quality.umse import umse_adjacent
from atomotion.stages.judged import UNKNOWN, Judged
from atomotion.stages.judges import (
    Halves,
    can_run_again,
    gaussian_filtered,
    gaussians,
    is_network,
    same_filter,
    trained_on,
    weight_of_own_pixel,
)


def _data_range(piece: Judged) -> float:
    """Maximum minus minimum of the denoised frames, but for a thousandth; the clean movie's is not known."""
    good = [index for index in range(len(piece.denoised)) if index not in piece.bad]
    low, high = np.nanpercentile(piece.denoised[good], [0.05, 99.95])
    return float(high - low)


def by_other_frames(piece: Judged, rng: np.random.Generator) -> dict[str, Any]:
    """UMSE as published, from neighbouring frames, and from the nearest frames that the denoiser has not seen."""

    def estimate(distance: int | None, *, published: bool) -> Estimate:
        if piece.window is None:
            return refused("neighbouring frames", f"{UNKNOWN}, or give --frames-each-side")
        return umse_adjacent(
            piece.raw,
            piece.denoised,
            window=piece.window,
            distance=distance,
            white_frames=piece.noise.get("is_white_frames"),
            published=published,
            bad_frames=piece.bad,
            rng=rng,
        )

    peak = _data_range(piece)
    adjacent, farther = estimate(1, published=True), estimate(None, published=False)
    return {
        "umse_published": adjacent.as_json(),
        "upsnr_published_db": psnr_of_mse(adjacent, peak).as_json(),
        "umse_adjacent": farther.as_json(),
        "upsnr_adjacent_db": psnr_of_mse(farther, peak).as_json(),
    }


def by_thinning(task: Task, piece: Judged, rng: np.random.Generator) -> tuple[DenoiseConfig | None, dict[str, Any]]:
    """The error by thinned counts, the same of the best Gaussian, their difference, and the detail that both keep."""
    config: QualityConfig = task.config
    names: tuple[str, ...]
    names = ("umse_thinning", "upsnr_thinning_db", "umse_gaussian", "upsnr_gaussian_db", "against_gaussian_thinning")
    names += ("lattice_correlation", "lattice_amplitude", "lattice_energy", "lattice_correlation_gaussian")
    split, reason, warning = _split(piece, config)
    if split is None:
        nothing = refused("thinning", reason).as_json()
        return None, {name: dict(nothing) for name in names} | {"thinned": None}
    whole_electrons = isinstance(split, SplitCounts)
    method = f"{'binomial thinning' if whole_electrons else 'splitting'}, {config.kept:g} of the electrons kept"
    kept, removed = np.asarray(split.kept[:]), np.asarray(split.removed[:])
    options: dict[str, Any] = {"bad_frames": piece.bad, "rng": rng}
    report = task.steps("choosing the best Gaussian")
    good = [index for index in range(len(kept)) if index not in piece.bad]
    best, smooth, least = None, kept, np.inf
    candidates = gaussians(piece)
    for number, each in enumerate(candidates):
        found = gaussian_filtered(piece, each, kept)
        square = float(np.mean((split.whole_dose(found[good]) - removed[good]) ** 2))
        if square < least:
            best, smooth, least = each, found, square
        report(number + 1, len(candidates))
    own: NDArray[np.float32] | None = None
    why = UNKNOWN
    if is_network(piece):
        why = "--budget 0 leaves out the network on thinned counts"
        if config.budget > 0:
            own = trained_on(task, piece, kept, config.budget / 3, name="thinned counts")
    elif can_run_again(piece):
        own = same_filter(piece, kept)
    peak = _data_range(piece)

    def error(found: NDArray[np.floating] | None) -> Estimate:
        if found is None:
            return refused(method, why)
        return thinning_error(found, split, method=method, **options).warned(warning)

    def detail(found: NDArray[np.floating] | None, *, which: str) -> Estimate:
        if piece.movie.pixel_size is None:
            return refused("lattice band", "the pixel size is not known; give --pixel-size")
        if found is None:
            return refused("lattice band", why)
        try:
            kept_there = band_fidelity(
                split.whole_dose(found), removed, band=piece.band, pixel_size=piece.movie.pixel_size,
                reference_units=split.removed_units, offset=piece.scale.offset, **options,
            )  # fmt: skip
        except InputError as problem:
            return refused("lattice band", str(problem))
        chosen: Estimate = getattr(kept_there, which)
        return chosen

    ours, theirs = error(own), error(smooth)
    against = (
        refused(method, why).as_json() | {"verdict": "undecided"}
        if own is None
        else compare_to_reference(split.whole_dose(own), split.whole_dose(smooth), removed, **options).as_json()
    )
    return best, {
        "umse_thinning": ours.as_json(),
        "upsnr_thinning_db": psnr_of_mse(ours, peak).as_json(),
        "umse_gaussian": theirs.as_json(),
        "upsnr_gaussian_db": psnr_of_mse(theirs, peak).as_json(),
        "against_gaussian_thinning": against,
        "lattice_correlation": detail(own, which="correlation").as_json(),
        "lattice_amplitude": detail(own, which="amplitude").as_json(),
        "lattice_energy": detail(own, which="energy").as_json(),
        "lattice_correlation_gaussian": detail(smooth, which="correlation").as_json(),
        "thinned": config.kept,
    }


def _split(piece: Judged, config: QualityConfig) -> tuple[SplitCounts | SplitSignal | None, str, str | None]:
    """The movie split in two, or the reason why it cannot be; and what is doubtful about it."""
    known = piece.what_is_known
    if piece.gain is None:
        return None, "the units per electron are not known; give --units-per-electron, or measure a raw movie", None
    settings: dict[str, Any] = {
        "seed": config.seed, "units_per_electron": piece.gain, "offset": piece.scale.offset,
    }  # fmt: skip
    if whole_electrons(piece.raw, piece.gain, piece.scale.offset) is None:
        reason, warning = thinning_forbidden(
            piece.raw,
            piece.gain,
            piece.scale.offset,
            piece.noise.get("is_poisson"),
            known["white_pixels"],
            known["white_frames"],
            None,
        )
        return (None, reason, None) if reason else (SplitCounts(piece.raw, config.kept, **settings), "", warning)
    for what in ("pixels", "frames"):
        if known[f"white_{what}"] is False:
            return None, f"the noise of neighbouring {what} is correlated, so the two parts would share noise", None
    if piece.noise.get("is_poisson") is False:
        return None, "the noise variance does not grow with the mean, so the movie cannot be split by it", None
    warning = (
        None
        if piece.is_blind
        else "the values are no whole electrons: the two parts are uncorrelated, but not independent"
    )
    return SplitSignal(piece.raw, config.kept, **settings), "", warning


def by_residual(
    piece: Judged, halves: Halves | None, best: DenoiseConfig | None, rng: np.random.Generator
) -> dict[str, Any]:
    """The error by what a blind denoiser took away, and its difference to the best Gaussian's."""
    options: dict[str, Any] = {**piece.what_is_known, "bad_frames": piece.bad, "rng": rng}
    method = "blind residual"
    if piece.gain is None:
        nothing = refused(method, "the units per electron are not known").as_json()
        return {
            "umse_blind": nothing, "upsnr_blind_db": dict(nothing),
            "against_gaussian_blind": {**nothing, "verdict": "undecided"},
        }  # fmt: skip
    found, blind = (halves.unseen, True) if halves is not None and piece.is_blind else (piece.denoised, piece.is_blind)
    error = blind_residual(
        piece.raw,
        found,
        units_per_electron=piece.gain,
        units_per_electron_interval=piece.gain_interval,
        offset=piece.scale.offset,
        blind=blind,
        hole_px=piece.hole_px,
        **options,
    )
    if blind and halves is None:
        error = error.warned(
            "the network has learned from the very pixels that it is judged by: the error is too small"
        )
    against: dict[str, Any]
    if best is None or not blind:
        against = refused(method, error.refused or "there is no Gaussian to compare with").as_json()
        against["verdict"] = "undecided"
    elif piece.drift is not None and bool(np.any(piece.drift)):
        against = refused(method, "a Gaussian along the drift gives its own pixel a weight that is not known").as_json()
        against["verdict"] = "undecided"
    else:
        smooth = gaussian_filtered(piece, best, piece.raw)
        weight = weight_of_own_pixel(best, len(piece.raw))
        against = compare_blind(
            piece.raw,
            found,
            smooth,
            blind=(True, False),
            centre_weight=(None, float(weight.mean())),
            units_per_electron=piece.gain,
            units_per_electron_interval=piece.gain_interval,
            offset=piece.scale.offset,
            **options,
        ).as_json()
    return {
        "umse_blind": error.as_json(),
        "upsnr_blind_db": psnr_of_mse(error, _data_range(piece)).as_json(),
        "against_gaussian_blind": against,
    }
