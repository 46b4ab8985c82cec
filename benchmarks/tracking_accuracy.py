"""Centres of simulated particles in liquid cells, beside the plain way: the brightest place in the band of the lattice.

Goal: centres, averaged over 11 frames, within 3 pixels rms at 15 e/Å² per frame and 1.5 pixels at 50; no track lost,
with one and with five particles; graphene within 0.3 degrees. The plain way squares the frame's band of 1.8 to 2.5 Å,
blurs it by 7 Å and 11 frames, and takes the maximum (one particle only).
"""

import argparse
from dataclasses import replace

import numpy as np
from scipy.fft import fftfreq, irfft2, rfft2, rfftfreq
from scipy.ndimage import gaussian_filter, uniform_filter1d

from atomotion.simulate import recipe, simulate_movie
from atomotion.track import GrapheneConfig, TrackConfig, find_graphene, track_particles

PIXEL = 0.358
CASES = {
    "15 e/Å², one particle": ("liquid_cell_low_dose", 3.0),
    "50 e/Å², one particle": ("liquid_cell", 1.5),
    "50 e/Å², five particles": ("liquid_cell_five_particles", 1.5),
}


def plain(movie: np.ndarray) -> np.ndarray:
    """(t, 2) x y [Å] of the maximum, away from the border."""
    k = np.hypot(fftfreq(movie.shape[1], PIXEL)[:, None], rfftfreq(movie.shape[2], PIXEL)[None, :])
    band = (k > 0.4) & (k < 0.556)
    energy = np.stack(
        [
            gaussian_filter(irfft2(rfft2(frame - frame.mean()) * band, s=frame.shape) ** 2, 7.0 / PIXEL)
            for frame in movie
        ]
    )
    energy = uniform_filter1d(energy, 11, axis=0)[:, 28:-28, 28:-28]
    y, x = np.unravel_index(energy.reshape(len(movie), -1).argmax(axis=1), energy.shape[1:])
    return np.stack([x + 28, y + 28], axis=1) * PIXEL


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.asarray(values) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--frames", type=int, default=200)
    arguments = parser.parse_args()
    for name, (movie_name, goal) in CASES.items():
        of_path, of_means, of_plain, said, angles, lost, count = [], [], [], [], [], 0, 0
        for seed in range(arguments.seeds):
            config = replace(recipe(movie_name), frames=arguments.frames)
            simulated = simulate_movie(config, np.random.default_rng(seed))
            movie = np.asarray(simulated.movie.frames[:])
            paths = np.stack([each.mass_centres for each in simulated.particles], axis=1)
            found = track_particles(movie, TrackConfig(), pixel_size=PIXEL)
            owners = set()
            for track in found.tracks:
                away = track.centres[:, None] - paths[track.frame_index]
                own = int(np.sqrt(np.mean(away**2, axis=(0, 2))).argmin())
                if len(track) == len(movie):
                    owners.add(own)
                of_path.append(rms(away[:, own]))
                said.append(rms(track.sd))
                means = [np.convolve(track.own[:, axis], np.full(11, 1 / 11), "valid") for axis in (0, 1)]
                of_means.append(rms(np.stack(means, axis=1) - paths[track.frame_index[5:-5], own]))
            count += paths.shape[1]
            lost += paths.shape[1] - len(owners)
            sheets = find_graphene(movie, GrapheneConfig(), pixel_size=PIXEL).sheets
            for angle in simulated.graphene_deg:
                away_deg = [abs((each.angle_deg - angle + 30) % 60 - 30) for each in sheets]
                angles.append(min(away_deg, default=np.inf))
            if paths.shape[1] == 1:
                of_plain.append(rms(plain(movie) - paths[:, 0]))
        print(
            f"{name}: means of 11 frames {rms(of_means) / PIXEL:.2f} px rms per axis (goal {goal}); path "
            f"{rms(of_path):.2f} Å ({rms(of_path) / PIXEL:.2f} px), the worst of {len(of_path)} {max(of_path):.2f} Å, "
            f"said {rms(said):.2f} Å; {lost} of {count} tracks lost; graphene within {max(angles):.2f} degrees"
        )
        if of_plain:
            ratio = rms(of_plain) / rms(of_path)
            print(f"    the plain way: {rms(of_plain) / PIXEL:.1f} px rms per axis, {ratio:.1f} times the path's error")


if __name__ == "__main__":
    main()
