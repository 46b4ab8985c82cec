"""Parameters of denoising."""

from dataclasses import dataclass
from typing import Literal

from atomotion.data import parameter

_GAUSSIAN, _TV, _SPLINE, _NLMEANS = "gaussian", "tv", "spline", "nlmeans"


@dataclass(frozen=True, kw_only=True, slots=True)
class DenoiseConfig:
    """How a movie is denoised.

    Every frame is averaged with its neighbours in time, along the drift where it is known, and then filtered in itself
    by the method. Each method has parameters of its own; those of the others have no effect. Strengths of `tv` and
    `nlmeans` are in standard deviations of the noise, so that one value serves movies of any dose and gain.
    """

    method: Literal["gaussian", "tv", "spline", "nlmeans"] = parameter(
        "gaussian",
        "Filter in the frame: Gaussian, total variation, spline smoother (what the reference program calls TV), or "
        "non-local means.",
    )
    sigma_frames: float = parameter(
        1.0,
        "Width of the Gaussian average over time; 0 leaves every frame by itself.",
        unit="frames",
        low=0.0,
        high=50.0,
    )
    sigma_px: float = parameter(1.5, "Gaussian: width in the frame.", unit="px", low=0.0, high=100.0, group=_GAUSSIAN)
    tv_weight: float = parameter(
        1.5, "Total variation: strength, in standard deviations of the noise.", low=0.0, high=100.0, group=_TV
    )
    tv_frames: int = parameter(
        1, "Total variation: frames that each is denoised together with, itself included; 1 leaves it by itself.",
        unit="frames", low=1, high=41, group=_TV,
    )  # fmt: skip
    spline_lambda: float = parameter(10.0, "Spline smoother: λ, 10 in the reference program.", low=0.0, group=_SPLINE)
    nlmeans_strength: float = parameter(
        0.8, "Non-local means: h, in standard deviations of the noise.", low=0.01, high=10.0, group=_NLMEANS
    )
    nlmeans_patch_px: int = parameter(
        7, "Non-local means: side of the patches that are compared.", unit="px", low=3, high=31, group=_NLMEANS
    )
    nlmeans_search_px: int = parameter(
        11, "Non-local means: how far away similar patches are looked for.", unit="px", low=1, high=64, group=_NLMEANS
    )
    stabilise: Literal["auto", "on", "off"] = parameter(
        "auto",
        "Even out Poisson noise (Anscombe) before tv and nlmeans; auto does where the units per electron are known "
        "and a pixel has 2 electrons or more.",
    )
    bad_frames: Literal["refuse", "skip"] = parameter(
        "refuse",
        "Constant frames and frames with values that are not numbers: stop, or replace them by what their neighbours "
        "in time say.",
    )
    memory: float = parameter(900e6, "Memory for the frames in work.", unit="B", low=10e6)
