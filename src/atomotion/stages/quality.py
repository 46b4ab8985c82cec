"""How well a movie was denoised: errors with intervals, and what of the result may be believed."""

from pathlib import Path
from typing import Any

import numpy as np

from atomotion.project.leaf import read_json
from atomotion.project.outputs import Column, OutputFile
from atomotion.project.stage import Stage, Task
from atomotion.quality.config import QualityConfig
from atomotion.report.figures.denoising_quality import denoising_quality, trust_pictures
from atomotion.report.figures.style import save
from atomotion.report.page import Figure, Section, Table
from atomotion.stages.estimates import by_other_frames, by_residual, by_thinning
from atomotion.stages.judged import judged
from atomotion.stages.judges import is_network, trained_on_halves
from atomotion.stages.trust import disagreement_of, figures_of_the_papers, in_vacuum, residual, sums_compared


def run(task: Task) -> None:
    """Judge the ``denoised`` copy of ``movie``; ``info`` says how it was made, ``noise`` what the noise is."""
    config: QualityConfig = task.config
    piece = judged(task)
    rng = np.random.default_rng(config.seed)
    values: dict[str, Any] = {}
    values |= by_other_frames(piece, rng)
    halves = None
    if is_network(piece) and config.budget > 0:
        halves = trained_on_halves(task, piece, config.budget * 2 / 3)
    best, thinned = by_thinning(task, piece, rng)
    values |= thinned
    values |= by_residual(piece, halves, best, rng)
    values |= figures_of_the_papers(task, piece, rng)
    values |= residual(piece, rng)
    values |= in_vacuum(task, piece, rng)
    sums, row, compared = sums_compared(piece, config, rng)
    disagreement, differences = disagreement_of(task, piece, halves)
    values |= compared | differences
    values |= {
        "upsnr_db": _first_that_is(values, "upsnr_thinning_db", "upsnr_blind_db", "upsnr_adjacent_db"),
        "frames_used": len(piece.raw),
        "pixels_used": list(piece.raw.shape[1:]),
        "gaussian": None if best is None else f"{best.sigma_px:g} px, {best.sigma_frames:g} frames",
    }
    task.write_json("quality.json", values)
    save(denoising_quality(values), task.figure("quality.png"))
    pictures = trust_pictures(
        raw_sum=sums.raw_sum,
        denoised_sum=sums.denoised_sum,
        line=sums.line,
        row=row,
        disagreement=disagreement,
        pixel_size=piece.movie.pixel_size,
    )
    save(pictures, task.figure("trust.png"))


def _first_that_is(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """The first of these estimates that was not refused; the first one where all were."""
    for name in names:
        if values[name]["refused"] is None:
            return dict(values[name])
    return dict(values[names[0]])


def section(folder: Path) -> Section:
    """The quality of the denoised movie in the report."""
    values = read_json(folder / "out" / "quality.json", {})
    rows = [[words, *_cells(values[key]), values[key]["method"]] for key, words in _SHOWN if key in values]
    sentences = []
    for key, words in (("against_gaussian_thinning", "thinned counts"), ("against_gaussian_blind", "blind residuals")):
        verdict = values[key]["verdict"]
        if values[key]["refused"] is None:
            better = {"first": "better than", "second": "worse than"}.get(verdict, "not surely different from")
            sentences.append(f"By {words} the denoised movie is {better} the best Gaussian ({values['gaussian']}).")
    if values["disagreement_relative"] is not None:
        sentences.append(
            f"Two networks, each from half of the frames, differ by {values['disagreement_relative']:.2f} of the "
            "movie's contrast (root mean square)."
        )
    warnings = [f"{words}: {values[key]['warning']}" for key, words in _SHOWN if values.get(key, {}).get("warning")]
    return Section(
        title=STAGE.title,
        sentences=sentences,
        warnings=warnings,
        figures=[
            Figure(
                path=folder / "figures" / "quality.png",
                caption="Error of the denoised movie as PSNR, by each way of estimating it that is valid here, with "
                "95 % intervals; an arrow is an interval without an upper end. Beside it the difference to the best "
                "Gaussian: left of the line the denoised movie is better.",
            ),
            Figure(
                path=folder / "figures" / "trust.png",
                caption="The sum of raw frames beside that of the same frames denoised, each in its own grey levels; "
                "both along the marked line; and where networks trained on halves of the movie disagree (root mean "
                "square, in the movie's units).",
            ),
        ],
        tables=[Table(columns=["", "value", "95 %", "how"], rows=rows)],
    )


def _cells(estimate: dict[str, Any]) -> list[str]:
    if estimate["refused"] is not None:
        return ["not given", estimate["refused"]]
    low, high = (("?" if end is None else f"{end:.3g}") for end in (estimate["low"], estimate["high"]))
    return [f"{estimate['value']:.3g}", f"{low} to {high}"]


_SHOWN = (
    ("upsnr_thinning_db", "PSNR by thinning (dB)"),
    ("upsnr_gaussian_db", "PSNR of the best Gaussian (dB)"),
    ("upsnr_blind_db", "PSNR by blind residual (dB)"),
    ("upsnr_published_db", "uPSNR as published (dB)"),
    ("upsnr_adjacent_db", "uPSNR by unseen frames (dB)"),
    ("lattice_correlation", "correlation with the truth in the lattice band"),
    ("lattice_correlation_gaussian", "the same of the best Gaussian"),
    ("lattice_amplitude", "amplitude kept in the lattice band"),
    ("vacuum_snr_raw", "mean / spread in vacuum, raw"),
    ("vacuum_snr_denoised", "mean / spread in vacuum, denoised"),
    ("neighbour_snr_raw_db", "SNR by neighbouring frames, raw (dB)"),
    ("neighbour_snr_denoised_db", "SNR by neighbouring frames, denoised (dB)"),
    ("residual_mean_square", "residual² over noise"),
    ("residual_left_over", "structure left in the residual"),
    ("vacuum_noise_kept", "noise kept in simulated vacuum"),
    ("vacuum_relative_to_contrast", "simulated vacuum over the movie's contrast"),
    ("sum_slope", "slope of raw sum on denoised sum"),
)
_COMPARED = "minus that of the best Gaussian, and a verdict: first (the denoiser is better), second, undecided"
STAGE = Stage(
    name="quality",
    title="Quality of the denoised movie",
    config=QualityConfig,
    run=run,
    section=section,
    positional=("movie", "denoised"),
    outputs=(
        OutputFile(
            name="quality.json",
            about="Every estimate is an object {value, low, high, method, refused, warning}: its 95 % interval, and "
            "why there is no number where there is none.",
            columns=(
                Column("upsnr_db", "Peak signal-to-noise ratio [dB], by the best way that is valid here."),
                Column("upsnr_thinning_db", "By thinning of counts, at the kept dose [dB]."),
                Column("upsnr_blind_db", "By the blind residual, of networks that have not learned from a frame [dB]."),
                Column("upsnr_published_db", "As published, by neighbouring frames [dB]."),
                Column("upsnr_adjacent_db", "By the nearest frames that the denoiser has not seen [dB]."),
                Column("upsnr_gaussian_db", "Of the best Gaussian, by thinning [dB]."),
                Column("umse_thinning", "Mean squared error by thinning [stored units²]."),
                Column("umse_blind", "By the blind residual [stored units²]."),
                Column("umse_published", "As published [stored units²]."),
                Column("umse_adjacent", "By the nearest unseen frames [stored units²]."),
                Column("umse_gaussian", "Of the best Gaussian, by thinning [stored units²]."),
                Column("against_gaussian_thinning", f"Mean squared error {_COMPARED}; by thinning."),
                Column("against_gaussian_blind", f"Mean squared error {_COMPARED}; by residuals."),
                Column("gaussian", "Width of the best Gaussian, chosen by thinning."),
                Column("thinned", "Part of the electrons that was kept; null where counts were not thinned."),
                Column("lattice_correlation", "Fourier correlation with the clean movie in the lattice band."),
                Column("lattice_amplitude", "Part of the clean movie's amplitude that is there, in the right phase."),
                Column("lattice_energy", "Energy in the band over the clean movie's, right or wrong."),
                Column("lattice_correlation_gaussian", "The first of these for the best Gaussian."),
                Column("vacuum_snr_raw", "Mean over standard deviation in vacuum, raw."),
                Column("vacuum_snr_denoised", "The same, denoised; any blur makes it large."),
                Column("neighbour_snr_raw_db", "From the correlation of neighbouring frames, raw [dB]."),
                Column("neighbour_snr_denoised_db", "The same, denoised [dB]; invalid where frames share input."),
                Column("residual_mean_square", "Square of what was taken away, over the noise's variance."),
                Column("residual_pixel_lag1", "Correlation of the residual with its neighbours."),
                Column("residual_frame_lag1", "Correlation of the residual with the next frame's."),
                Column("residual_left_over", "Part of the residual's variance that is lasting structure."),
                Column("residual_with_denoised", "Correlation of the residual with the denoised movie."),
                Column("vacuum_noise_kept", "Spread of denoised simulated vacuum over that of the vacuum."),
                Column("vacuum_relative_to_contrast", "Spread of denoised vacuum over the denoised movie's contrast."),
                Column("vacuum_band_relative", "The same in the lattice band (2 to 8 px without a pixel size)."),
                Column("vacuum_fixed_pattern", "Spread of the mean of denoised vacuum frames, over that of one."),
                Column("sum_frames", "First and last frame of the sums (half-open)."),
                Column("sum_correlation", "Correlation of the raw with the denoised sum."),
                Column("sum_correlation_limit", "What it would be with the truth in place of the denoised sum."),
                Column("sum_slope", "Slope of the raw sum on the denoised one; 1 where the contrast is right."),
                Column("disagreement", "Rms difference of networks from either half of the frames [stored units]."),
                Column("disagreement_relative", "The same over the contrast of the denoised movie."),
                Column("frames_used", "Frames that all this was measured on."),
                Column("pixels_used", "Height and width of the part of the frames."),
            ),
        ),
        OutputFile(
            name="disagreement.mrcs",
            about="Root-mean-square difference of networks trained on either half of the frames, per pixel.",
            optional=True,
        ),
        OutputFile(
            name="disagreement.csv",
            about="The same per frame.",
            optional=True,
            columns=(
                Column("frame", "Number of the frame, from 0."),
                Column("disagreement", "Rms difference [stored units]."),
            ),
        ),
    ),
)
