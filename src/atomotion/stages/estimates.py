"""The error of a denoised movie, each way of estimating it by itself."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.gaussians import gaussian_family, gaussian_own_weight
from atomotion.project.stage import Task
from atomotion.quality.blind import METHOD as RESIDUAL
from atomotion.quality.blind import blind_residual
from atomotion.quality.config import QualityConfig
from atomotion.quality.detail import band_fidelity
from atomotion.quality.estimate import Estimate, psnr_of_mse, refused
from atomotion.quality.paired import Comparison, compare_blind, compare_to_reference, undecided
from atomotion.quality.splittable import choose_split
from atomotion.quality.splitting import Split, SplitCounts
from atomotion.quality.thinning import best_on_removed, thinning_error
from atomotion.quality.umse import umse_adjacent
from atomotion.stages.judged import UNKNOWN, Judged
from atomotion.stages.judges import Halves, gaussian_filtered, is_network, not_again, same_filter, trained_on

_BY_THINNING = (
    "umse_thinning", "upsnr_thinning_db", "umse_gaussian", "upsnr_gaussian_db", "against_gaussian_thinning",
    "lattice_correlation", "lattice_amplitude", "lattice_energy", "lattice_correlation_gaussian",
)  # fmt: skip


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
            white_frames=piece.noise.white_frames,
            published=published,
            bad_frames=piece.bad,
            rng=rng,
        )

    peak = piece.contrast_range
    adjacent, farther = estimate(1, published=True), estimate(None, published=False)
    return {
        "umse_published": adjacent.as_json(),
        "upsnr_published_db": psnr_of_mse(adjacent, peak).as_json(),
        "umse_adjacent": farther.as_json(),
        "upsnr_adjacent_db": psnr_of_mse(farther, peak).as_json(),
    }


def by_thinning(task: Task, piece: Judged, rng: np.random.Generator) -> tuple[DenoiseConfig | None, dict[str, Any]]:
    """The best Gaussian; by thinned counts the error, the Gaussian's, their difference, and the detail both keep."""
    config: QualityConfig = task.config
    choice = choose_split(piece.raw, piece.noise, config.kept, blind=piece.is_blind, seed=config.seed)
    if choice.split is None:
        nothing = refused("thinning", choice.refused or "").as_json()
        return None, {name: dict(nothing) for name in _BY_THINNING} | {"thinned": None}
    choice.split.hold()
    family = gaussian_family(len(piece.raw))
    best, smooth = best_on_removed(
        [partial(gaussian_filtered, piece, each) for each in family],
        choice.split,
        bad_frames=piece.bad,
        on_step=task.steps("choosing the best Gaussian"),
    )
    own = _own_output(task, piece, choice.split)
    judge = _ByThinning(piece=piece, split=choice.split, warning=choice.warning, rng=rng)
    ours, theirs, peak = judge.error(own), judge.error(smooth), piece.contrast_range
    return family[best], {
        "umse_thinning": ours.as_json(),
        "upsnr_thinning_db": psnr_of_mse(ours, peak).as_json(),
        "umse_gaussian": theirs.as_json(),
        "upsnr_gaussian_db": psnr_of_mse(theirs, peak).as_json(),
        "against_gaussian_thinning": judge.difference(own, smooth).as_json(),
        "lattice_correlation": judge.lattice(own, "correlation").as_json(),
        "lattice_amplitude": judge.lattice(own, "amplitude").as_json(),
        "lattice_energy": judge.lattice(own, "energy").as_json(),
        "lattice_correlation_gaussian": judge.lattice(smooth, "correlation").as_json(),
        "thinned": config.kept,
    }


def _own_output(task: Task, piece: Judged, split: Split) -> Frames | str:
    """What the denoiser's own method makes of the kept electrons, or why that cannot be had."""
    config: QualityConfig = task.config
    if is_network(piece):
        if config.budget == 0:
            return "--budget 0 leaves out the network on thinned counts"
        return trained_on(task, piece, split.kept, config.budget / 3, name="thinned counts")
    return not_again(piece) or same_filter(piece, split.kept)


@dataclass(frozen=True, kw_only=True)
class _ByThinning:
    """Compares what was made of the kept electrons with the removed ones; a text in its place is why there is none."""

    piece: Judged
    split: Split
    warning: str | None
    rng: np.random.Generator

    @property
    def method(self) -> str:
        """In words."""
        way = "binomial thinning" if isinstance(self.split, SplitCounts) else "splitting"
        return f"{way}, {self.split.p:g} of the electrons kept"

    def error(self, found: Frames | str) -> Estimate:
        """Mean squared error."""
        if isinstance(found, str):
            return refused(self.method, found)
        error = thinning_error(found, self.split, method=self.method, bad_frames=self.piece.bad, rng=self.rng)
        return error.warned(self.warning)

    def difference(self, first: Frames | str, second: Frames) -> Comparison:
        """Mean squared error of the first minus that of the second."""
        if isinstance(first, str):
            return undecided(self.method, first)
        one, two = (self.split.whole_dose(np.asarray(each)) for each in (first, second))
        return compare_to_reference(one, two, self.split.removed, bad_frames=self.piece.bad, rng=self.rng)

    def lattice(self, found: Frames | str, what: str) -> Estimate:
        """One field of `BandFidelity` in the lattice band."""
        if self.piece.movie.pixel_size is None:
            return refused("lattice band", "the pixel size is not known; give --pixel-size")
        if isinstance(found, str):
            return refused("lattice band", found)
        try:
            fidelity = band_fidelity(
                self.split.whole_dose(np.asarray(found)),
                self.split.removed,
                band=self.piece.band,
                pixel_size=self.piece.movie.pixel_size,
                reference_units=self.split.removed_units,
                offset=self.split.offset,
                bad_frames=self.piece.bad,
                rng=self.rng,
            )
        except InputError as problem:
            return refused("lattice band", str(problem))
        estimate: Estimate = getattr(fidelity, what)
        return estimate


def by_residual(
    piece: Judged, halves: Halves | None, best: DenoiseConfig | None, rng: np.random.Generator
) -> dict[str, Any]:
    """The error by what a blind denoiser took away, and its difference to the best Gaussian's."""
    unseen = halves is not None and piece.is_blind
    found = halves.unseen if halves is not None and unseen else piece.denoised
    error = blind_residual(
        piece.raw, found, noise=piece.noise, blind=piece.is_blind, hole_px=piece.hole_px, bad_frames=piece.bad, rng=rng
    )
    if piece.is_blind and halves is None and error.refused is None:
        error = error.warned(
            "the network has learned from the very pixels that it is judged by: the error is too small"
        )
    return {
        "umse_blind": error.as_json(),
        "upsnr_blind_db": psnr_of_mse(error, piece.contrast_range).as_json(),
        "against_gaussian_blind": _against_gaussian(piece, found, best, error.refused, rng).as_json(),
    }


def _against_gaussian(
    piece: Judged,
    found: NDArray[np.float32],
    best: DenoiseConfig | None,
    reason: str | None,
    rng: np.random.Generator,
) -> Comparison:
    """Residuals of a blind denoiser against those of the best Gaussian; `reason` is why the first say nothing."""
    if best is None or not piece.is_blind:
        return undecided(RESIDUAL, reason or "there is no Gaussian to compare with")
    if piece.drifts:
        return undecided(RESIDUAL, "a Gaussian along the drift gives its own pixel a weight that is not known")
    weight = float(gaussian_own_weight(best, len(piece.raw)).mean())
    return compare_blind(
        piece.raw,
        found,
        gaussian_filtered(piece, best, piece.raw),
        noise=piece.noise,
        blind=(True, False),
        centre_weight=(None, weight),
        bad_frames=piece.bad,
        rng=rng,
    )
