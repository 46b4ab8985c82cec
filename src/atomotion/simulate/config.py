"""What a simulated movie shows and how it was recorded."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class SurroundingsConfig:
    """What a liquid cell has besides its particles: two sheets of graphene and water between them."""

    graphene: int = parameter(0, "Sheets of graphene, half of them above and half below.", low=0, high=20)
    water: Literal["none", "noise", "molecules"] = parameter(
        "none", "Water, new in every frame: noise with the spectrum of an amorphous layer, or molecules."
    )
    thickness: float = parameter(
        100.0, "Distance of the inner sheets: the thickness of the water and of the room of the particles.", unit="Å",
        low=0.0, high=1e4,
    )  # fmt: skip
    configurations: int = parameter(
        1, "Arrangements of the water that follow each other within a frame; its contrast falls with their root.", low=1
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraConfig:
    """How the camera turns electrons into numbers; without curves from files the curves are generic ones."""

    mode: Literal["ideal", "counting", "integrating"] = parameter(
        "ideal", "Ideal pixels, electrons counted one by one, or their charge summed with its spread."
    )
    mtf_nyquist: float = parameter(
        0.3, "Generic curve: modulation transfer at the Nyquist frequency, 1 to switch it off.", low=0.01, high=1.0
    )
    dqe_zero: float = parameter(
        0.5, "Generic curve: detective quantum efficiency at frequency zero.", low=0.01, high=1.0
    )
    subframes: int = parameter(
        0, "Counting: readings of the camera per frame, of which each sees one electron per pixel at most; 0 is any.",
        low=0,
    )  # fmt: skip
    readout_noise: float = parameter(
        0.0, "Integrating: noise of the readout, as a part of one electron's signal.", low=0.0
    )
    gain_spread: float = parameter(
        0.0, "Error of the gain of single pixels that the camera's correction leaves, root mean square.", low=0.0
    )
    hot_pixels: float = parameter(0.0, "Fraction of the pixels that are always bright.", low=0.0, high=0.1)
    flashes: float = parameter(0.0, "Mean number of single very bright pixels per frame, as X-rays make them.", low=0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class MultisliceConfig:
    """Multislice with frozen phonons, by abTEM."""

    phonons: int = parameter(4, "Frozen arrangements of the atoms per frame.", low=1, high=1000)
    slice_thickness: float = parameter(1.0, "Thickness of a slice.", unit="Å", low=0.1, high=10.0)
    sampling: float = parameter(0.18, "Pixel of the wave, at most.", unit="Å", low=0.02, high=0.5)
    cache: Path | None = parameter(None, "Folder where waves are kept for the next time; none is the user's cache.")


@dataclass(frozen=True, kw_only=True, slots=True)
class MovieConfig:
    """A simulated movie of particles that rotate, diffuse, drift, change, melt and order again.

    The image is made of Gaussian atoms (`image` = gaussian: fast, no lens), or it is the weak-phase image of the
    atoms' electrostatic potential through a lens (transfer), or multislice with frozen phonons through the same lens
    (multislice).
    """

    kind: Literal[
        "sphere", "twin", "stacking_fault", "truncated_octahedron", "cuboctahedron", "icosahedron", "decahedron"
    ] = parameter("truncated_octahedron", "Shape of the particle.", group="particle")
    element: str = parameter("Pt", "Element of its atoms.", group="particle")
    diameter: float = parameter(
        20.0,
        "Diameter of the sphere with as many atoms of the bulk metal.",
        unit="Å",
        low=6.0,
        high=100.0,
        group="particle",
    )
    particles: int = parameter(1, "Number of particles.", low=1, high=1000, group="particle")
    size_spread: float = parameter(
        0.0, "Several particles: largest relative difference of a diameter from the given one.", low=0.0, high=0.9,
        group="particle",
    )  # fmt: skip
    surface_disorder: float = parameter(
        0.0, "Root-mean-square displacement of atoms of the surface.", unit="Å", low=0.0, high=1.0, group="particle"
    )
    inner_disorder: float = parameter(
        0.0, "Root-mean-square displacement of all other atoms.", unit="Å", low=0.0, high=1.0, group="particle"
    )
    change: Literal["none", "etching", "growth", "fluctuation"] = parameter(
        "none", "What happens to the particle from state to state.", group="particle"
    )
    states: int = parameter(
        4, "States that a particle which changes goes through.", low=1, high=10000, group="particle"
    )
    changed_atoms: int = parameter(10, "Atoms that leave, come or move from state to state.", low=0, group="particle")

    frames: int = parameter(300, "Number of frames in the file.", low=1, group="recording")
    width_px: int = parameter(128, "Width of a frame.", unit="px", low=16, group="recording")
    height_px: int = parameter(128, "Height of a frame.", unit="px", low=16, group="recording")
    pixel_size: float = parameter(0.2, "Pixel size.", unit="Å", low=0.02, high=5.0, group="recording")
    frame_time: float = parameter(0.0133, "Time from one frame to the next.", unit="s", low=1e-6, group="recording")
    dose: float = parameter(6.25, "Electrons per area and frame.", unit="e/Å²", low=1e-4, group="recording")
    units_per_electron: float = parameter(1.0, "Stored intensity that one electron makes.", low=1e-6, group="recording")

    image: Literal["gaussian", "transfer", "multislice"] = parameter(
        "gaussian", "How atoms become an image.", group="image"
    )
    contrast: Literal["dark", "bright"] = parameter("dark", "How atoms look.", group="image")
    atom_contrast: float | None = parameter(
        0.05, "Relative change of intensity at the centre of a single atom; none takes what the lens gives.", low=0.0,
        high=1.0, group="image",
    )  # fmt: skip
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
    form_factors: Literal["peng", "lobato"] = parameter(
        "peng", "Transfer: table of the atoms' form factors.", group="image"
    )
    depth: Literal["flat", "curved"] = parameter(
        "flat", "Transfer: all atoms of a particle in one plane, or each in focus by its own height.", group="image"
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
    diffusion: float = parameter(
        0.0, "Root-mean-square step of each particle in the image per frame.", unit="Å", low=0.0, group="motion"
    )
    axial_diffusion: float = parameter(
        0.0, "Root-mean-square step of each particle along the beam per frame, between the walls of the cell.",
        unit="Å", low=0.0, group="motion",
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

    surroundings: SurroundingsConfig = field(default_factory=SurroundingsConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    multislice: MultisliceConfig = field(default_factory=MultisliceConfig)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdfConfig:
    """A simulated annular dark-field image: every atomic column is a Gaussian whose volume follows from its atoms."""

    kind: Literal[
        "sphere", "twin", "stacking_fault", "truncated_octahedron", "cuboctahedron", "icosahedron", "decahedron"
    ] = parameter("truncated_octahedron", "Shape of the particle.", group="particle")
    element: str = parameter("Pt", "Element of its atoms.", group="particle")
    diameter: float = parameter(
        30.0, "Diameter of the sphere with as many atoms of the bulk metal.", unit="Å", low=6.0, high=200.0,
        group="particle",
    )  # fmt: skip
    zone: Literal["as_given", "100", "110", "111"] = parameter(
        "110", "Direction of the particle along the beam; as_given leaves the atoms as they are.", group="particle"
    )
    turn_deg: float = parameter(0.0, "Rotation about the beam.", unit="deg", group="particle")
    lost_atoms: int = parameter(
        0, "Atoms that have left the surface, those with the fewest neighbours first.", low=0, group="particle"
    )

    width_px: int = parameter(256, "Width of the image.", unit="px", low=16, group="recording")
    height_px: int = parameter(256, "Height of the image.", unit="px", low=16, group="recording")
    pixel_size: float = parameter(0.2, "Pixel size.", unit="Å", low=0.02, high=2.0, group="recording")
    dose: float | None = parameter(
        1e4, "Electrons per area; none is no noise.", unit="e/Å²", low=1e-3, group="recording"
    )
    line_jitter: float = parameter(
        0.0, "Random shift of each scan line along x, root mean square.", unit="Å", low=0.0, high=5.0, group="recording"
    )

    atom_scs: float = parameter(0.019, "Scattering cross-section of one atom [Å²].", low=1e-5, high=10.0, group="image")
    channelling: float = parameter(
        0.02, "Relative gain in cross-section per atom by each further atom of the column.", low=-0.05, high=0.5,
        group="image",
    )  # fmt: skip
    column_width: float = parameter(
        0.65, "Standard deviation of the Gaussian column, the source's size included.", unit="Å", low=0.05, high=3.0,
        group="image",
    )  # fmt: skip
    background: float = parameter(
        0.0, "Fraction of the beam that the support scatters everywhere.", low=0.0, high=1.0, group="image"
    )
    seed: int = parameter(0, "Seed of everything that is random.", low=0, group="recording")
