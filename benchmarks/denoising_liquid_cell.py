"""Every denoiser on a simulated liquid-cell movie at 10 e/Å² per frame: the validation of Kang et al. (2025), and ours.

The paper trains its network on simulated images of a Pt nanocrystal in a graphene cell filled with liquid and finds a
mean PSNR of 6.2 dB before and 19 dB after denoising, and an SSIM of 0.038 and 0.27, against perfect images. It says
neither what range PSNR takes nor whether graphene and liquid belong to a perfect image. Here the range is that of the
clean movie (max - min), SSIM is scikit-image's, and there are two truths: everything that the beam meets (particle,
graphene, and the water of that very frame), and the particle alone.

The movie: 200 boxes of 112 x 112 pixels of 0.358 Å around a 314-atom Pt particle that tumbles by 6 degrees a frame; an
integrating camera. The parameters of filters and components are chosen with the truth in hand, those of networks are
the defaults. ``--image multislice`` takes minutes more.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from skimage.metrics import structural_similarity

from atomotion.denoise.hole import hole_radius
from atomotion.denoise.stabilise import measure_noise_scale
from atomotion.noise import measure_noise
from atomotion.quality import psnr
from atomotion.simulate import SurroundingsConfig, recipe, simulate_movie
from denoising_table import NETWORKS, components, filters, network, plain_lattice

PIXEL, SIDE = 0.358, 112
PUBLISHED = ("as published: raw 6.2 dB, 0.038; denoised 19 dB, 0.27",)


def boxes(seed: int, frames: int, image: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy boxes, the same without noise, and the particle alone, in electrons per pixel."""
    config = replace(
        recipe("liquid_cell"), frames=frames, dose=10.0, image=image, width_px=SIDE, height_px=SIDE, drift_walk=0.0,
        diffusion=0.0,
    )  # fmt: skip
    alone = replace(config, surroundings=SurroundingsConfig(graphene=0, water="none"))
    made, only = (simulate_movie(each, np.random.default_rng(seed)) for each in (config, alone))
    assert np.array_equal(made.poses.quaternions, only.poses.quaternions)
    noisy, clean, particle = (np.asarray(each[:], np.float32) for each in (made.movie.frames, made.clean, only.clean))
    return noisy, clean, particle


def scores(found: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """PSNR, SSIM, correlation in the lattice band, for frames of the same mean."""
    found = found - found.mean() + truth.mean()
    alike = [structural_similarity(one, two, data_range=float(np.ptp(truth))) for one, two in zip(truth, found)]
    return psnr(truth, found), float(np.mean(alike)), plain_lattice(truth, found, PIXEL)


def say(name: str, found: np.ndarray, clean: np.ndarray, particle: np.ndarray) -> None:
    """One row: against everything, and against the particle alone."""
    first, second = scores(found, clean), scores(found, particle)
    columns = ("{:7.2f} {:6.3f} {:7.3f}".format(*each) for each in (first, second))
    print(f"  {name:46}", "   ".join(columns), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--budget", type=float, default=300.0, help="wall time of each network [s]")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--image", choices=["transfer", "multislice"], default="transfer")
    given = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, {given.budget:g} s for each network; {given.image}; {PUBLISHED[0]}")
    for seed in range(given.seeds):
        noisy, clean, particle = boxes(seed, given.frames, given.image)
        noise = measure_noise_scale(noisy, None)
        measured = measure_noise(noisy)
        hole = hole_radius(measured.pixel_correlation, is_white=measured.is_white_pixels)
        print(f"\nseed {seed}: {noisy.mean():.2f} e/px; the noise needs a hole of {2 * hole + 1} px")
        print(f"  {'':46} {'all that the beam meets':>22}   {'the particle alone':>22}")
        print(f"  {'method':46} {'PSNR dB':>7} {'SSIM':>6} {'lattice':>7}   {'PSNR dB':>7} {'SSIM':>6} {'lattice':>7}")
        for name, found in filters(noisy, particle, noise, PIXEL):
            say(name, found, clean, particle)
        for name, found in components(noisy, particle):
            say(name, found, clean, particle)
        for method in given.networks:
            # the published networks have holes of 1 and 3 pixels
            own = hole if method == "hybrid" else min(hole, 1)
            name, found = network(method, noisy, noise, given.budget, hole=own)
            say(name, found, clean, particle)


if __name__ == "__main__":
    main()
