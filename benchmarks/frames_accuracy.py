"""Sizes and windows from two-dimensional evidence, against the truth of simulated liquid-cell movies.

Boxes of a 314-atom Pt particle in water, cut with a tracker's jitter, at 50 or 15 e/Å² per frame: series that lose 15 %
and then 17 % of their atoms (after 250 and 550 of 800 frames), and series that lose none. For each: how far the pooled
diameter is from the truth, where windows begin, and what the published rule makes of the same boxes.
``--image multislice --waves DIR`` keeps the costly exit waves in a folder for the next run. ``--judges`` asks instead
whether denoised boxes tell better than raw ones which frames show the lattice.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from atomotion.denoise.blocks import denoise
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.series import denoise_series
from atomotion.denoise.stabilise import measure_noise_scale
from atomotion.frames.config import ClassesConfig, FramesConfig, WindowsConfig
from atomotion.frames.measure import FrameMeasures, measure_boxes
from atomotion.frames.published import published_windows
from atomotion.particles.ideal import equivalent_diameter, particle
from atomotion.particles.surface_changes import etched
from atomotion.simulate import MultisliceConfig, SurroundingsConfig, recipe, simulate_movie
from atomotion.stages.simulate_cache import WaveFolder

LENGTHS, LOSSES, FRAMES = (250, 300, 250), (0.15, 0.17), 800
BOX, WIDTH, LATTICE = 112, 176, 3.92
JITTER = {50.0: 0.3, 15.0: 0.8}  # Å


def boxes(
    seed: int, options: argparse.Namespace, *, dose: float, changing: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (n, y, x), the same without noise, and the true diameter [Å] of every frame."""
    rng = np.random.default_rng(seed)
    states = [particle("truncated_octahedron", "Pt", 20.8)]
    for loss in LOSSES if changing else ():
        states.append(etched(states[-1], round(len(states[-1]) * loss), rng))
    lengths = LENGTHS if changing else (FRAMES,)
    config = replace(
        recipe("liquid_cell"), frames=FRAMES, dose=dose, width_px=WIDTH, height_px=WIDTH, diffusion=0.05,
        drift_walk=0.0, surroundings=SurroundingsConfig(graphene=0, water="noise"),
        image=options.image, multislice=MultisliceConfig(phonons=options.phonons),
    )  # fmt: skip
    waves = WaveFolder(options.waves) if options.waves else None
    movie = simulate_movie(config, rng, states=list(zip(states, lengths, strict=True)), waves=waves, lazy=True)
    centres = movie.particles[0].mass_centres
    half = BOX // 2
    cut, without_noise = [], []
    for frame in range(FRAMES):
        place = centres[frame] + rng.normal(scale=JITTER[dose], size=2)
        x, y = np.clip(np.rint(place / config.pixel_size).astype(int), half, WIDTH - half)
        cut.append(np.asarray(movie.movie.frames[frame])[y - half : y + half, x - half : x + half])
        without_noise.append(np.asarray(movie.clean[frame])[y - half : y + half, x - half : x + half])
    sizes = np.array([equivalent_diameter(len(state), LATTICE) for state in states])
    return np.array(cut, dtype=np.float32), np.array(without_noise), np.repeat(sizes, lengths)


def measured(frames: np.ndarray, judged_by: np.ndarray | None = None) -> FrameMeasures:
    config = FramesConfig(classes=ClassesConfig(frames=0))
    images = frames if judged_by is None else judged_by
    return measure_boxes(frames, images, config, pixel_size=0.358, rng=np.random.default_rng(0))


def compare_judges(options: argparse.Namespace) -> None:
    """Frames judged by raw and by denoised boxes, beside what the boxes without noise show."""
    for dose in options.dose or JITTER:
        for seed in range(options.seeds):
            raw, clean, _ = boxes(seed, options, dose=dose, changing=False)
            seen = measured(raw, clean).crystalline
            smooth = DenoiseConfig(method="gaussian", sigma_px=1.0, sigma_frames=1.0)
            judges = {
                "raw": raw,
                "Gaussian": denoise(raw, smooth, noise=measure_noise_scale(raw)),
                "PPCA": denoise_series(raw, DenoiseConfig(method="ppca")),
            }
            for name, images in judges.items():
                found = measured(raw, images)
                yes = found.crystalline
                print(
                    f"{dose:g} e/Å², seed {seed}, {name}: as without noise {np.mean(yes == seen):.1%}, too many "
                    f"{np.mean(yes & ~seen):.1%}, missed {np.mean(~yes & seen):.1%}, lattice parameter "
                    f"{found.lattice.mean:.3f} Å",
                    flush=True,
                )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dose", type=float, choices=list(JITTER), action="append", help="only these")
    parser.add_argument("--series", choices=["changing", "steady"], action="append", help="only these")
    parser.add_argument("--image", choices=["transfer", "multislice"], default="transfer")
    parser.add_argument("--phonons", type=int, default=2, help="multislice: frozen arrangements per frame")
    parser.add_argument("--waves", type=Path, help="multislice: folder that keeps exit waves")
    parser.add_argument("--judges", action="store_true", help="compare raw with denoised boxes instead")
    options = parser.parse_args()
    if options.judges:
        compare_judges(options)
        return 0
    truth = np.cumsum(LENGTHS)[:-1]
    for dose in options.dose or JITTER:
        for changing in [each == "changing" for each in options.series or ("changing", "steady")]:
            misplaced, extra, errors, covered, by_rule = [], 0, [], [], []
            for seed in range(options.seeds):
                frames, _, diameter = boxes(seed, options, dose=dose, changing=changing)
                found = measured(frames)
                starts = np.array([each.start for each in found.windows[1:]])
                rule = published_windows(found.crystalline, found.region_diameters, WindowsConfig(), monolayer=2.263)
                by_rule.append(len(rule) - 1)
                errors.append(found.curve.diameter / diameter - 1)
                covered.append(np.mean((found.curve.low < diameter) & (diameter < found.curve.high)))
                if changing:
                    misplaced += [int(np.abs(starts - each).min()) if len(starts) else FRAMES for each in truth]
                extra += max(0, len(starts) - (len(truth) if changing else 0))
            error = np.concatenate(errors)
            print(f"{dose:g} e/Å² per frame, {'two losses' if changing else 'no loss'}, {options.seeds} series")
            print(
                f"  diameter: rms error {np.sqrt(np.mean(error**2)):.1%}, within 5 % in "
                f"{np.mean(np.abs(error) < 0.05):.1%} of the frames; 95 % interval holds the truth in "
                f"{np.mean(covered):.0%}"
            )
            if changing:
                within = np.mean(np.array(misplaced) <= 50)
                print(f"  losses found within 50 frames: {within:.0%} (distances {sorted(misplaced)})")
            print(f"  splits that should not be: {extra}; splits by the published rule: {by_rule}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
