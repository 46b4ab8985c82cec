"""``atomotion quality``: the noise of a movie, and how well it was denoised."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from atomotion.cli.direct import Command, facts_in_words
from atomotion.cli.flags import Drift, Noise, OptionalOut, PolygonFile, Run, Vacuum, with_flags
from atomotion.data import UsageError
from atomotion.io.config import MovieSource
from atomotion.noise.config import NoiseConfig
from atomotion.quality.config import QualityConfig


@with_flags(config=QualityConfig, source=MovieSource, run=Run)
def quality(
    movie: Annotated[Path, Parameter(help="The raw movie.")],
    denoised: Annotated[
        Path | None, Parameter(help="The same movie denoised; without it only noise is measured.")
    ] = None,
    /,
    *,
    out: OptionalOut = None,
    vacuum: Vacuum = None,
    polygon: PolygonFile = None,
    drift: Drift = None,
    noise: Noise = None,
    info: Annotated[
        Path | None, Parameter(help="The denoise.json of the denoised movie; by default the one beside it.")
    ] = None,
    model: Annotated[
        Path | None, Parameter(help="The model.pt of the denoised movie; by default the one beside it.")
    ] = None,
    config: QualityConfig,
    source: MovieSource,
    run: Run,
) -> int:
    """Measure the noise of a raw movie, and how well a denoised copy shows what is there.

    Units per electron, correlations, outlier frames and what they forbid. With DENOISED: its error as PSNR with a 95 %
    interval, by every way that is valid here; the comparison with the best Gaussian; detail; and tests of what may be
    believed. What is not valid is refused, with the reason.
    """
    from dataclasses import replace

    from atomotion.stages import noise as noise_stage
    from atomotion.stages import quality as quality_stage
    from atomotion.stages.vacuum import vacuum_input

    command = Command(out, run)
    raw, empty = replace(source, path=movie), vacuum_input(vacuum)
    measured: Any = noise
    leaf = None
    if noise is None:
        leaf = command.stage(noise_stage.STAGE, NoiseConfig(), movie=raw, vacuum=empty)
        measured = leaf.result("noise.json")
    elif denoised is None:
        raise UsageError("--noise says what the noise is; there is nothing to measure without a DENOISED movie")
    if denoised is not None:
        leaf = command.stage(
            quality_stage.STAGE,
            config,
            movie=raw,
            denoised=denoised,
            info=info or _beside(denoised, "denoise.json"),
            model=model or _beside(denoised, "model.pt"),
            noise=measured,
            vacuum=empty,
            polygon=polygon,
            drift=drift,
        )
    assert leaf is not None
    if command.execute(leaf):
        facts: dict[str, Any] = {}
        if "noise.json" in command.summaries:
            facts |= noise_facts(command.summaries["noise.json"])
        if "quality.json" in command.summaries:
            facts |= quality_facts(command.summaries["quality.json"])
        command.say(summary=facts_in_words(facts), next_command=_next(movie, denoised))
    return 0


def _beside(denoised: Path, name: str) -> Path | None:
    """What `atomotion denoise` wrote together with the movie, or a stage of a project did."""
    for path in (denoised.with_name(f"{denoised.stem}_{name}"), denoised.with_name(name)):
        if path.exists():
            return path
    return None


def _next(movie: Path, denoised: Path | None) -> str:
    if denoised is None:
        return f"atomotion denoise {movie} -o denoised.mrcs"
    return f"atomotion order {movie} --denoised {denoised} -o order.csv"


def noise_facts(values: dict[str, Any]) -> dict[str, Any]:
    """What ``noise.json`` says, in a few lines."""
    low, high = values["units_per_electron_low"], values["units_per_electron_high"]
    return {
        "units per electron": values["units_per_electron"],
        "  95 % interval": None if low is None else f"{low:.4g} to {high:.4g}",
        "electrons per pixel": values["electrons_per_pixel"],
        "pixel correlation": values["pixel_lag1"],
        "frame correlation": values["frame_lag1"],
        "outlier frames": ", ".join(map(str, values["outlier_frames"])) or "none",
    }


def quality_facts(values: dict[str, Any]) -> dict[str, Any]:
    """What ``quality.json`` says, in a few lines."""
    shown: dict[str, Any] = {}
    for key, name in (
        ("upsnr_thinning_db", "PSNR by thinning"),
        ("upsnr_blind_db", "PSNR by residual"),
        ("upsnr_published_db", "PSNR as published"),
        ("upsnr_gaussian_db", "PSNR, best Gaussian"),
        ("lattice_correlation", "lattice correlation"),
        ("vacuum_relative_to_contrast", "vacuum over contrast"),
        ("residual_left_over", "structure left in the residual"),
    ):
        each = values[key]
        if each["refused"] is not None:
            shown[name] = f"refused: {each['refused']}"
        else:
            low, high = (("?" if end is None else f"{end:.4g}") for end in (each["low"], each["high"]))
            shown[name] = f"{each['value']:.4g} ({low} to {high})"
    for key, name in (("against_gaussian_thinning", "against Gaussian"), ("against_gaussian_blind", "  by residual")):
        words = {"first": "better", "second": "worse", "undecided": "undecided"}
        shown[name] = words[values[key]["verdict"]]
    return shown
