"""Exit waves by multislice, through abTEM, spread over processes and kept for the next time."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.data.errors import UsageError
from atomotion.scattering.electrons import wavelength

# raised when the same parameters give other waves
_VERSION = 1
_MARGIN = 3.0  # Å of vacuum above and below the atoms
_BAND = 0.67


class WaveStore(Protocol):
    """Where sets of waves are kept, by a name made from all that they depend on."""

    def get(self, name: str) -> NDArray[np.complex64] | None:
        """The set of this name, or None."""

    def put(self, name: str, waves: NDArray[np.complex64]) -> None:
        """Keep a set."""


class MemoryStore:
    """Waves that are kept as long as the movie."""

    def __init__(self) -> None:
        self._sets: dict[str, NDArray[np.complex64]] = {}

    def get(self, name: str) -> NDArray[np.complex64] | None:
        """The set of this name, or None."""
        return self._sets.get(name)

    def put(self, name: str, waves: NDArray[np.complex64]) -> None:
        """Keep a set."""
        self._sets[name] = waves


@dataclass(frozen=True, kw_only=True, slots=True)
class MultisliceBox:
    """The box of an exit wave, and how it is computed.

    Parameters
    ----------
    side : float [Å]
        Along x and along y.
    computed_px : int
        Pixels along a side in the computation; even.
    kept_px : int
        Pixels along a side of the wave that is kept; even.
    voltage : float [V]
    slice_thickness : float [Å]
    """

    side: float
    computed_px: int
    kept_px: int
    voltage: float
    slice_thickness: float


def box_around(
    reach: float, *, pixel_size: float, sampling: float, voltage: float, slice_thickness: float, rim: float = 6.0
) -> MultisliceBox:
    """A box that holds a particle of this `reach` [Å] in every orientation, with an empty `rim` [Å].

    Its side is an even number of pixels, and the computation divides each pixel until it is below `sampling` [Å].
    """
    side_px = 2 * fft.next_fast_len(int(np.ceil((reach + rim) / pixel_size)))
    computed = side_px * max(1, int(np.ceil(pixel_size / sampling - 1e-9)))
    # abTEM cuts frequencies above two thirds of the Nyquist frequency; beyond them there is nothing to keep
    kept = 2 * fft.next_fast_len(int(np.ceil(_BAND * computed / 2.0)) + 1)
    return MultisliceBox(
        side=side_px * pixel_size,
        computed_px=computed,
        kept_px=min(kept, computed),
        voltage=voltage,
        slice_thickness=slice_thickness,
    )


def exit_wave(positions: NDArray[np.floating], elements: Sequence[str], box: MultisliceBox) -> NDArray[np.complex64]:
    """(n, n) complex64, the wave that a plane wave of amplitude 1 becomes, referred to the plane z = 0.

    abTEM's multislice with Lobato's potentials, slices along +z. The wave that leaves the last slice is brought back to
    the plane of the particle's origin through vacuum, so that defocus counts from there. The origin lies at pixel
    n // 2.

    Parameters
    ----------
    positions : (n, 3) float, x y z [Å]
        Relative to the origin, thermal displacements included.
    elements : sequence of n str
    box : MultisliceBox

    Raises
    ------
    UsageError
        Where abTEM is not installed.

    References
    ----------
    Madsen & Susi, Open Research Europe 1, 24 (2021): abTEM.
    """
    abtem = _abtem()
    from ase import Atoms

    side, fine = box.side, box.computed_px
    below, above = (float(edge) for edge in (positions[:, 2].min() - _MARGIN, positions[:, 2].max() + _MARGIN))
    centre = np.array([side / 2.0, side / 2.0, -below])
    atoms = Atoms(list(elements), positions=positions + centre, cell=[side, side, above - below])
    potential = abtem.Potential(
        atoms, gpts=fine, slice_thickness=box.slice_thickness, parametrization="lobato", projection="infinite"
    )
    wave = abtem.PlaneWave(energy=box.voltage).multislice(potential, lazy=False)
    # abTEM's first axis is x
    leaving = fft.fft2(np.asarray(wave.array).T)
    k2 = np.add.outer(*(2 * (fft.fftfreq(fine, side / fine) ** 2,)))
    leaving *= np.exp(1j * np.pi * wavelength(box.voltage) * above * k2).astype(np.complex64)
    kept = resized(leaving, (box.kept_px, box.kept_px))
    return np.asarray(fft.ifft2(kept), dtype=np.complex64)


def resized(transform: NDArray[np.complexfloating], shape: tuple[int, int]) -> NDArray[np.complexfloating]:
    """The transform (`scipy.fft.fft2`) of the same image on a finer or coarser grid of even sides.

    Amplitudes per pixel are kept. The Nyquist frequency of the smaller grid is left out.
    """
    result = np.zeros(shape, dtype=transform.dtype)
    parts = []
    for old, new in zip(transform.shape, shape, strict=True):
        half = min(old, new) // 2
        index = np.concatenate([np.arange(half), np.arange(-half + 1, 0)])
        parts.append((index % old, index % new))
    (from_y, to_y), (from_x, to_x) = parts
    scale = shape[0] * shape[1] / (transform.shape[0] * transform.shape[1])
    result[np.ix_(to_y, to_x)] = transform[np.ix_(from_y, from_x)] * transform.real.dtype.type(scale)
    return result


def exit_waves(
    views: Sequence[NDArray[np.floating]], elements: Sequence[str], box: MultisliceBox, *, workers: int = 1
) -> NDArray[np.complex64]:
    """(v, n, n) complex64, the `exit_wave` of many views, spread over processes.

    Parameters
    ----------
    views : sequence of (n, 3) float [Å]
    elements : sequence of n str
    box : MultisliceBox
    workers : int
        Processes; with 1 all is done here.
    """
    _abtem()
    if workers <= 1 or len(views) == 1:
        return np.stack([exit_wave(view, elements, box) for view in views])
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    # a few batches for each process: what a batch costs beside its views is small, and none waits long for the last
    size = max(1, -(-len(views) // (4 * workers)))
    batches = [list(views[start : start + size]) for start in range(0, len(views), size)]
    done = Parallel(n_jobs=workers, backend="loky", mmap_mode=None)(
        delayed(exit_waves)(batch, list(elements), box) for batch in batches
    )
    return np.concatenate(done)


def stored_exit_waves(
    views: Sequence[NDArray[np.floating]],
    elements: Sequence[str],
    box: MultisliceBox,
    *,
    store: WaveStore,
    workers: int = 1,
) -> NDArray[np.complex64]:
    """As `exit_waves`, from the store where these very waves are there, and put there where they are not."""
    name = name_of(views, elements, box)
    found = store.get(name)
    if found is None:
        found = exit_waves(views, elements, box, workers=workers)
        store.put(name, found)
    return found


def name_of(views: Sequence[NDArray[np.floating]], elements: Sequence[str], box: MultisliceBox) -> str:
    """A name that differs wherever atoms, box, or the programs' versions do."""
    digest = hashlib.sha256(f"{_VERSION} {_abtem().__version__} {box!r} {','.join(elements)}".encode())
    for view in views:
        # a millionth of an Å; platforms may differ in the last digits
        digest.update(np.rint(np.asarray(view) * 1e6).astype("<i8").tobytes())
    return digest.hexdigest()[:32]


def _abtem() -> Any:
    try:
        import abtem
    except ImportError as error:
        raise UsageError("multislice needs abTEM: pip install 'atomotion[optics]'") from error
    abtem.config.set({"local_diagnostics.progress_bar": False, "fftw.threads": 1})
    return abtem
