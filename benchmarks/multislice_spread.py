"""Multislice spread over processes: CPU time per view beside abTEM's own, and whether the image is the same.

abTEM alone computes one view after the other in this process: potential, multislice, lens, intensity. This program
computes the same views in two processes, keeps the waves, and makes the images of its movies from them. Both have
compiled and planned before the clock starts. The claim is at most 20 % more CPU time per view, and the same image to
1e-3 of the vacuum.
"""

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from atomotion.geometry import random_quaternions, rotate
from atomotion.particles import particle
from atomotion.scattering import wavelength
from atomotion.simulate.multislice import MultisliceBox, box_around, exit_waves, resized

DEFOCUS, CS, SPREAD, VOLTAGE = -80.0, -1.1e5, 10.0, 300e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    atoms = particle("truncated_octahedron", "Pt", 20.8)
    reach = float(np.linalg.norm(atoms.positions, axis=1).max())
    box = box_around(reach, pixel_size=0.358, sampling=0.18, voltage=VOLTAGE, slice_thickness=1.0)
    views = [rotate(turn, atoms.positions) for turn in random_quaternions(arguments.views, rng)]
    symbols = atoms.get_chemical_symbols()
    print(f"{len(atoms)} atoms, waves of {box.computed_px} x {box.computed_px} pixels, {len(views)} views")

    images_by_abtem(views[:3], symbols, box)
    start = cpu_seconds()
    expected = images_by_abtem(views, symbols, box)
    alone = (cpu_seconds() - start) / len(views)

    exit_waves(views[: 8 * arguments.workers], symbols, box, workers=arguments.workers)
    start, clock = cpu_seconds(arguments.workers), time.perf_counter()
    waves = exit_waves(views, symbols, box, workers=arguments.workers)
    found = images_of(waves, box)
    wall = time.perf_counter() - clock
    spread = (cpu_seconds(arguments.workers) - start) / len(views)
    print(f"abTEM alone, with its image:       {1e3 * alone:.1f} ms of CPU per view")
    print(f"spread over {arguments.workers} processes, with images: {1e3 * spread:.1f} ms of CPU per view, "
          f"{1e3 * wall / len(views):.1f} ms of wall clock")  # fmt: skip
    print(f"ratio {spread / alone:.2f} (claim: at most 1.20)")
    error = np.abs(found - expected)
    print(f"largest difference of the images {error.max():.1e}, root mean square {np.sqrt(np.mean(error**2)):.1e} "
          f"of the vacuum (claim: 1e-3)")  # fmt: skip


def cpu_seconds(workers: int = 1) -> float:
    """CPU time of this process and, with several, of its living children."""
    import psutil

    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime
    if workers > 1:
        for child in psutil.Process().children(recursive=True):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def images_by_abtem(views: list[NDArray], symbols: list[str], box: MultisliceBox) -> NDArray:
    """(v, n, n) images as abTEM makes them."""
    import abtem
    from ase import Atoms

    abtem.config.set({"local_diagnostics.progress_bar": False})
    result = []
    for view in views:
        below, above = view[:, 2].min() - 3.0, view[:, 2].max() + 3.0
        corner = np.array([box.side / 2, box.side / 2, -below])
        atoms = Atoms(symbols, positions=view + corner, cell=[box.side, box.side, above - below])
        potential = abtem.Potential(
            atoms,
            gpts=box.computed_px,
            slice_thickness=box.slice_thickness,
            parametrization="lobato",
            projection="infinite",
        )
        wave = abtem.PlaneWave(energy=VOLTAGE).multislice(potential, lazy=False)
        # abTEM's defocus counts from the plane where the wave leaves, and its spread is sqrt(2) standard deviations
        lens = abtem.CTF(energy=VOLTAGE, Cs=CS, defocus=DEFOCUS + above, focal_spread=np.sqrt(2.0) * SPREAD)
        result.append(wave.apply_ctf(lens).intensity().array.T)
    return np.array(result)


def images_of(waves: NDArray[np.complex64], box: MultisliceBox) -> NDArray:
    """(v, n, n) images of kept waves on the pixels of the computation."""
    n = box.computed_px
    fine = np.array([resized(fft.fft2(wave), (n, n)) for wave in waves])
    k2 = np.add.outer(*(2 * (fft.fftfreq(n, box.side / n) ** 2,)))
    lam = wavelength(VOLTAGE)
    chi = -np.pi * lam * DEFOCUS * k2 + 0.5 * np.pi * CS * lam**3 * k2**2
    lens = np.exp(-1j * chi - 0.5 * (np.pi * lam * SPREAD * k2) ** 2)
    return np.abs(fft.ifft2(fine * lens)) ** 2


if __name__ == "__main__":
    main()
