"""What a simulated movie shows and how it was recorded."""

from dataclasses import dataclass
from typing import Literal

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class MovieConfig:
    """A simulated movie of one particle that rotates, drifts, melts and orders again.

    The image is kinematic: either Gaussian atoms (`image` = gaussian: fast, no lens) or the weak-phase image of the
    atoms' electrostatic potential through a lens (`image` = transfer). In both the depth of the picture is set by
    `atom_contrast`.
    """

    kind: Literal["sphere", "twin", "truncated_octahedron", "cuboctahedron", "icosahedron", "decahedron"] = parameter(
        "truncated_octahedron", "Shape of the particle.", group="particle"
    )
    element: str = parameter("Pt", "Element of its atoms.", group="particle")
    diameter: float = parameter(
        20.0,
        "Diameter of the sphere with as many atoms of the bulk metal.",
        unit="Å",
        low=6.0,
        high=100.0,
        group="particle",
    )

    frames: int = parameter(300, "Number of frames in the file.", low=1, group="recording")
    width_px: int = parameter(128, "Width of a frame.", unit="px", low=16, group="recording")
    height_px: int = parameter(128, "Height of a frame.", unit="px", low=16, group="recording")
    pixel_size: float = parameter(0.2, "Pixel size.", unit="Å", low=0.02, high=5.0, group="recording")
    frame_time: float = parameter(0.0133, "Time from one frame to the next.", unit="s", low=1e-6, group="recording")
    dose: float = parameter(6.25, "Electrons per area and frame.", unit="e/Å²", low=1e-4, group="recording")
    units_per_electron: float = parameter(1.0, "Stored intensity that one electron makes.", low=1e-6, group="recording")

    image: Literal["gaussian", "transfer"] = parameter("gaussian", "How atoms become an image.", group="image")
    contrast: Literal["dark", "bright"] = parameter("dark", "How atoms look.", group="image")
    atom_contrast: float = parameter(
        0.05, "Relative change of intensity at the centre of a single atom.", low=0.0, high=1.0, group="image"
    )
    atom_width: float = parameter(
        0.55, "Standard deviation of a Gaussian atom.", unit="Å", low=0.05, high=3.0, group="image"
    )
    longest: float | None = parameter(
        8.0,
        "Gaussian atoms: wavelengths above this are suppressed, as phase contrast does.",
        unit="Å",
        low=1.0,
        group="image",
    )
    voltage: float = parameter(300e3, "Transfer: acceleration voltage.", unit="V", low=1e4, high=3e6, group="image")
    cs: float = parameter(5e4, "Transfer: spherical aberration.", unit="Å", group="image")
    defocus: float = parameter(60.0, "Transfer: defocus, positive is underfocus.", unit="Å", group="image")
    focal_spread: float = parameter(
        20.0, "Transfer: standard deviation of the focus.", unit="Å", low=0.0, group="image"
    )
    u_iso: float = parameter(
        0.008, "Transfer: mean-square thermal displacement [Å²].", low=0.0, high=0.5, group="image"
    )

    rotation_deg: float = parameter(
        1.2, "Root-mean-square rotation per frame.", unit="deg", low=0.0, high=60.0, group="motion"
    )
    rotation_memory: float = parameter(
        0.8, "Correlation of the rotation steps of two neighbouring frames.", low=0.0, high=0.999, group="motion"
    )
    start: Literal["random", "100", "110", "111"] = parameter(
        "random", "First orientation: random, or a zone axis along the beam.", group="motion"
    )
    cone_deg: float | None = parameter(
        None, "Largest tilt of the start's zone axis from the beam; none is free.", unit="deg", low=0.0, high=180.0,
        group="motion",
    )  # fmt: skip
    drift_walk: float = parameter(0.15, "Root-mean-square random drift per frame.", unit="Å", low=0.0, group="motion")
    drift_x: float = parameter(0.0, "Steady drift along x per frame.", unit="Å", group="motion")
    drift_y: float = parameter(0.0, "Steady drift along y per frame.", unit="Å", group="motion")

    periods: str | None = parameter(
        None, "Frames of each ordered and disordered period in turn, ordered first, e.g. '60 20 40 30'.", group="order"
    )
    ordered_time: float | None = parameter(
        None, "Mean lifetime of the ordered state; with disordered_time the particle switches at random.", unit="s",
        low=1e-6, group="order",
    )  # fmt: skip
    disordered_time: float | None = parameter(
        None, "Mean lifetime of the disordered state.", unit="s", low=1e-6, group="order"
    )
    disorder: float = parameter(
        1.0, "Fraction of the atoms, from the surface inwards, that melt in the disordered state.", low=0.0, high=1.0,
        group="order",
    )  # fmt: skip

    support_contrast: float = parameter(
        0.0, "Root-mean-square contrast of an amorphous support below the particle; 0 is none.", low=0.0, high=1.0,
        group="image",
    )  # fmt: skip
    noise: Literal["poisson", "gaussian", "none"] = parameter("poisson", "Kind of noise.", group="noise")
    snr_db: float = parameter(
        10.0, "Gaussian noise: variance of the clean ordered particle over that of the noise, in dB.", group="noise"
    )
    pixel_correlation: float = parameter(
        0.0, "Correlation of the noise of neighbouring pixels.", low=0.0, high=0.7, group="noise"
    )
    frame_correlation: float = parameter(
        0.0, "Correlation of the noise of neighbouring frames.", low=0.0, high=0.5, group="noise"
    )
    dark_first_frame: bool = parameter(False, "The first frame has a tenth of the intensity.", group="faults")
    seed: int = parameter(0, "Seed of everything that is random.", low=0, group="noise")
    dropped_frames: int = parameter(0, "Frames that the camera lost at random without saying.", low=0, group="faults")
