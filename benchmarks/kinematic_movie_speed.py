"""How many clean kinematic views a second: one particle of about 300 atoms, 160 x 160 pixels, two cores.

The peer is the projection in real space with five Gaussians per atom, followed by the same lens. The claim is 500
views a second on two cores.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from scipy import fft

from atomotion.scattering import frequency_grid, peng_atoms, project_atoms
from atomotion.simulate import CameraConfig, SurroundingsConfig, recipe, simulate_movie
from atomotion.simulate.kinematic import phase_transfer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    config = replace(
        recipe("liquid_cell"),
        frames=arguments.views,
        width_px=160,
        height_px=160,
        surroundings=SurroundingsConfig(),
        camera=CameraConfig(),
        noise="none",
    )
    for depth in ("flat", "curved"):
        for workers in (1, arguments.workers):
            best = min(seconds_of(replace(config, depth=depth), workers) for _ in range(arguments.repeats))
            print(f"{depth:6} sphere, {workers} thread(s): {arguments.views / best:7.0f} views per second")
    print(f"real-space Gaussians, 1 thread: {1.0 / real_space_seconds(config):7.0f} views per second")
    print("claim: 500 views per second on two cores")


def seconds_of(config, workers: int) -> float:
    """Wall clock of a movie's clean frames, everything included."""
    start = time.perf_counter()
    simulate_movie(config, np.random.default_rng(0), workers=workers)
    return time.perf_counter() - start


def real_space_seconds(config, views: int = 20) -> float:
    """Wall clock per view of the projection by Gaussians."""
    movie = simulate_movie(replace(config, frames=views), np.random.default_rng(0), lazy=True)
    atoms = peng_atoms(movie.atoms.get_chemical_symbols(), u_iso=config.u_iso)
    shape = (config.height_px, config.width_px)
    transfer = phase_transfer(config, frequency_grid(shape, config.pixel_size)).astype(np.float32)
    start = time.perf_counter()
    for frame in range(views):
        positions = movie.positions(frame).astype(np.float32)
        projected = project_atoms(positions, atoms, shape=shape, pixel_size=config.pixel_size)
        fft.irfft2(fft.rfft2(projected) * transfer, s=shape)
    return (time.perf_counter() - start) / views


if __name__ == "__main__":
    main()
