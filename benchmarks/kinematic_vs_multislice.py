"""When the kinematic image suffices: it beside multislice with frozen phonons, band by band.

The particle is the measured one of 314 atoms (paper 002), in random orientations, through the lens of the liquid-cell
movies (300 kV, Cs -11 µm, overfocus 80 Å, focal spread 10 Å), alone and without noise. Per band of spatial frequency:
the correlation of all Fourier coefficients, and the kinematic amplitude over the multislice one.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from atomotion.io.atoms import read_atoms
from atomotion.particles import particle
from atomotion.simulate import CameraConfig, MultisliceConfig, SurroundingsConfig, recipe, simulate_movie

DATA = Path(os.environ.get("ATOMOTION_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MEASURED = DATA / "pt_nanocrystal_stage1" / "stage1.pdb"
LARGE = particle("truncated_octahedron", "Pt", 33.0)
BANDS = ((0.03, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.87), (0.87, 1.0), (1.0, 1.2), (1.2, 1.39))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=24)
    parser.add_argument("--phonons", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if MEASURED.exists():
        measured = read_atoms(MEASURED)
        measured.positions -= measured.positions.mean(axis=0)
    else:
        print(f"{MEASURED} is missing; an ideal particle of 314 atoms takes its place")
        measured = particle("truncated_octahedron", "Pt", 20.8)
    config = replace(
        recipe("liquid_cell"),
        frames=arguments.views,
        width_px=160,
        height_px=160,
        rotation_deg=60.0,
        rotation_memory=0.0,
        surroundings=SurroundingsConfig(),
        camera=CameraConfig(),
        noise="none",
        multislice=MultisliceConfig(phonons=arguments.phonons),
    )
    cases = [
        ("314 atoms", measured, config),
        ("314 atoms, lens 1 nm higher", measured, replace(config, defocus=-90.0)),
        (f"{len(LARGE)} atoms", LARGE, replace(config, frames=arguments.views // 4)),
    ]
    print(" " * 34 + "all   " + "  ".join(f"{low:g}-{high:g}".ljust(11) for low, high in BANDS) + "1/Å")
    for name, atoms, case in cases:
        compare(name, atoms, case, arguments.workers)


def compare(name: str, atoms: Atoms, config, workers: int) -> None:
    """Print a line for each kinematic image."""
    states = [(atoms, config.frames)]
    exact = images(replace(config, image="multislice"), states, workers)
    disc = np.hypot(*(np.indices(exact.shape[1:]) - 80)) * config.pixel_size < 10.0
    for depth in ("flat", "curved"):
        simple = images(replace(config, depth=depth), states, 1)
        print(f"{name}, {depth}".ljust(34), f"{correlation(exact, simple):.3f}", "  ".join(by_band(exact, simple)))
    print(f"  multislice: mean {exact.mean():.4f}, in the disc {exact[:, disc].mean():.3f}, largest {exact.max():.2f}")
    print(f"  kinematic: largest {simple.max():.2f}, contrast {simple.std() / exact.std():.2f} times as large")


def images(config, states: list[tuple[Atoms, int]], workers: int) -> NDArray:
    """(t, y, x) clean frames over the vacuum."""
    movie = simulate_movie(config, np.random.default_rng(0), states=states, workers=workers)
    return np.asarray(movie.clean) / (config.dose * config.pixel_size**2)


def correlation(first: NDArray, second: NDArray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def by_band(exact: NDArray, simple: NDArray) -> list[str]:
    """Correlation and ratio of amplitudes in each band."""
    k = np.hypot.outer(np.fft.fftfreq(exact.shape[1], 0.358), np.fft.rfftfreq(exact.shape[2], 0.358))
    first, second = np.fft.rfft2(exact), np.fft.rfft2(simple)
    words = []
    for low, high in BANDS:
        band = (k >= low) & (k < high)
        a, b = first[:, band], second[:, band]
        power = np.sum(np.abs(a) ** 2), np.sum(np.abs(b) ** 2)
        words.append(
            f"{np.sum(a * b.conj()).real / np.sqrt(power[0] * power[1]):5.2f} x{np.sqrt(power[1] / power[0]):.2f}"
        )
    return words


if __name__ == "__main__":
    main()
