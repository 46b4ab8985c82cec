"""Parameters of denoising."""

from dataclasses import dataclass, field
from typing import Literal

from atomotion.data import parameter

_GAUSSIAN, _TV, _SPLINE, _NLMEANS, _PCA = "gaussian", "tv", "spline", "nlmeans", "components"
_LEARNING = "learning"

# methods that learn from the movie itself, and those that work on a whole series at once
NETWORK_METHODS = ("hybrid", "udvd", "blindspot", "neighbour2neighbour", "noise2void")
SERIES_METHODS = ("kpca", "kpca_published", "ppca", "diffusion")


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """What a network sees and how it is trained.

    Without a value each network takes its own: the published one, or for `hybrid` what was found best.
    """

    window: int | None = parameter(
        None,
        "Frames that it sees, an odd number; by default 11 for hybrid, 1 for neighbour2neighbour, 5 for the others.",
        unit="frames",
        low=1,
        high=31,
    )
    hole: Literal["auto", "1", "3x3", "5x5"] = parameter(
        "auto",
        "Pixels around the predicted one that are hidden from the network; auto follows the measured correlation of "
        "the noise, and is 1 where that is not known.",
    )
    width: int | None = parameter(
        None,
        "Channels of its first level; by default 48 for udvd, and for hybrid on a GPU, 24 for blindspot, else 16.",
        low=4,
        high=256,
    )
    neighbours_only: bool = parameter(False, "Hybrid: leave out the branch that looks at the frame itself.")
    loss: Literal["mse", "poisson_gaussian"] = parameter(
        "mse",
        "Squared error; or a likelihood with Poisson noise, which also gives every pixel an error bar and uses the "
        "pixel itself.",
    )
    recipe: Literal["own", "published"] = parameter(
        "own",
        "How training goes; published is UDVD's for electron microscopy: Adam 1e-4 halved three times, one 256 px crop "
        "per frame and epoch, raw counts, last state.",
    )
    epochs: int | None = parameter(
        None,
        "Times that training goes through the movie, instead of a time; with a precision of choice the same seed then "
        "repeats a result.",
        low=1,
    )
    crop_px: int | None = parameter(None, "Side of the pieces that it is trained on.", unit="px", low=16, high=1024)
    batch: int | None = parameter(None, "Pieces per step; by default as many as suit the device.", low=1, high=1024)
    rate: float | None = parameter(None, "Highest learning rate.", low=1e-6, high=1.0)
    precision: Literal["auto", "float32", "bfloat16"] = parameter(
        "auto", "Numbers that it computes with; auto takes the faster on this machine."
    )
    views: Literal["auto", "1", "4", "8"] = parameter(
        "auto",
        "Mirrored and turned copies of every frame whose results are averaged; auto takes as many as a tenth of the "
        "budget allows, and 4 where epochs are counted.",
    )
    seed: int = parameter(0, "Seed of weights and pieces.", low=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DenoiseConfig:
    """How a movie is denoised.

    Networks learn from the noisy movie itself. The classical filters average every frame with its neighbours in time,
    along the drift where it is known, and then filter it in itself. The component methods are for series of one
    particle in boxes. Each method has parameters of its own; those of the others have no effect. Strengths of `tv` and
    `nlmeans` are in standard deviations of the noise, so that one value serves movies of any dose and gain.
    """

    method: Literal[
        "hybrid", "udvd", "blindspot", "neighbour2neighbour", "noise2void",
        "gaussian", "tv", "spline", "nlmeans",
        "kpca", "kpca_published", "ppca", "diffusion",
    ] = parameter(
        "hybrid",
        "Networks: hybrid, udvd, blindspot, neighbour2neighbour, noise2void. Filters: gaussian, tv (total variation), "
        "spline (what the reference program calls TV), nlmeans (non-local means). For series of one particle: kpca "
        "(cosine kernel, corrected) and kpca_published, ppca, diffusion.",
    )  # fmt: skip
    budget: float = parameter(
        300.0, "Networks: wall time for training and prediction together.", unit="s", low=1.0, group=_LEARNING
    )
    network: NetworkConfig = field(default_factory=NetworkConfig)
    components: int | None = parameter(
        None, "Component methods: how many are kept; by default as many as stand out from the noise.", low=1, group=_PCA
    )
    sigma_frames: float = parameter(
        1.0,
        "Filters: width of the Gaussian average over time; 0 leaves every frame by itself.",
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
