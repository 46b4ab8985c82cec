"""Draw the documentation's pictures: simulated movies and particles through the program, and drawings of their own."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from scipy import ndimage

from atomotion.atoms.anisotropic import Grid
from atomotion.atoms.simulated import simulated_density
from atomotion.cli import main as atomotion
from atomotion.data import DensityMap, Movie
from atomotion.denoise.blocks import denoise
from atomotion.denoise.config import DenoiseConfig
from atomotion.denoise.learned import train_model
from atomotion.denoise.stabilise import NoiseScale
from atomotion.geometry.rotations import random_quaternions, rotate
from atomotion.io.atoms import write_atoms
from atomotion.io.config import MovieSource
from atomotion.io.maps import write_map
from atomotion.io.movie import read_movie
from atomotion.io.polygon import read_polygon
from atomotion.io.series import read_series
from atomotion.io.writer import write_movie
from atomotion.order.alps import alps
from atomotion.order.config import OrderConfig
from atomotion.order.homology import persistence_bars
from atomotion.order.measure import measure_frames
from atomotion.order.polygon_mask import polygon_mask
from atomotion.order.vacuum import fit_vacuum, null_alps
from atomotion.particles.ideal import particle
from atomotion.particles.surface_changes import etched
from atomotion.project.settings import MovieEntry, write_project
from atomotion.report.figures.style import BLUE, ORANGE, SOFT, new_figure, outline, save, show_image, tidy
from atomotion.simulate import SurroundingsConfig, recipe, simulate_movie
from atomotion.structure import simulate_kind_states

IMAGES = Path(__file__).parent / "images"
# picture of the documentation: picture that a command made
FROM_ATOMS = {
    "structure": "first.png",
    "penetration": "first_penetration.png",
    "changes": "all.png",
    "densities": "all_density.png",
    "kinds": "all_curves.png",
}
# picture of the documentation: picture of a stage
FROM_STAGES = {
    "noise": "01_noise/m/figures/noise.png",
    "drift": "02_drift/m/figures/drift.png",
    "region": "03_region/m/figures/region.png",
    "denoise_classical": "04_denoise/m/figures/denoised.png",
    "order": "07_periods/m/figures/periods.png",
    "periods": "07_periods/m/figures/typical.png",
}
# picture of the documentation: picture of the commands on a liquid cell
FROM_LIQUID_CELL = {
    "graphene": "still_background.png",
    "frames": "frames/frames.png",
    "frames_windows": "frames/windows.png",
}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        movie = root / "m.mrcs"
        assert atomotion(["simulate", "movie", "-o", str(movie), "--recipe", "switching_particle", "-q"]) == 0
        shutil.copy(root / "m.png", IMAGES / "simulate.png")
        study = root / "study"
        entry = MovieEntry(name="m", source=MovieSource(path=movie))
        write_project(
            study,
            route="fluxionality",
            sample={},
            acquisition=MovieSource(),
            movies=[entry],
            stages={"denoise": {"method": "gaussian"}},
        )
        assert atomotion(["run", str(study), "-q"]) == 0
        for name, path in FROM_STAGES.items():
            shutil.copy(study / "stages" / path, IMAGES / f"{name}.png")
        region = study / "stages" / "03_region" / "m" / "out"
        found = read_movie(movie)
        polygon = read_polygon(region / "polygon.json").points
        draw_alps(read_movie(study / "stages/04_denoise/m/out/denoised.mrcs"), polygon)
        draw_vacuum_test(found, polygon, read_polygon(region / "vacuum.json").points)
        draw_states(root)
        draw_liquid_cell(root)
        draw_atoms(root)
    draw_networks()


def draw_states(root: Path) -> None:
    """A simulated particle that is etched and destabilised once: its first state, and what happens to it."""
    simulated = simulate_kind_states("ECT", np.random.default_rng(4), states=6)
    paths: list[str] = []
    maps: list[str] = []
    for number, positions in enumerate(simulated.positions):
        atoms = Atoms("Pt" * len(positions), positions)
        atoms.info.update(t0=float(simulated.t0[number]), t1=float(simulated.t1[number]))
        paths.append(str(root / f"state{number + 1}.xyz"))
        write_atoms(Path(paths[-1]), atoms)
        maps.append(str(root / f"state{number + 1}.mrc"))
        write_map(Path(maps[-1]), simulated_map(positions, np.random.default_rng(number)))
    assert atomotion(["structure", paths[0], "-o", str(root / "first.csv"), "-q"]) == 0
    assert atomotion(["compare", *paths, "--densities", *maps, "-o", str(root / "all.json"), "-q"]) == 0
    for name, made in FROM_ATOMS.items():
        shutil.copy(root / made, IMAGES / f"{name}.png")


def simulated_map(positions: np.ndarray, rng: np.random.Generator) -> DensityMap:
    """The density of platinum atoms at 1 Å, with noise, around the origin."""
    size = 2 * int(np.ceil((np.abs(positions).max() + 4.0) / 0.4))
    found = DensityMap(values=np.zeros((size,) * 3, dtype=np.float32), voxel_size=0.4)
    grid = Grid(shape=found.values.shape, voxel_size=0.4, first=np.array(found.first_voxel))
    values = simulated_density(grid, positions, "Pt", u_iso=0.02, resolution=1.0)
    return replace(found, values=values + rng.normal(scale=0.3 * values.std(), size=values.shape))


def draw_atoms(root: Path) -> None:
    """A particle whose outer atoms are displaced farther, as a map with noise, and the atoms found in it."""
    rng = np.random.default_rng(0)
    ideal = particle("cuboctahedron", "Pt", 20.0).positions
    positions = rotate(random_quaternions(1, rng)[0], ideal - ideal.mean(axis=0)) + rng.normal(
        scale=0.05, size=ideal.shape
    )
    depth = np.linalg.norm(positions, axis=1) / np.linalg.norm(positions, axis=1).max()
    grid = Grid(shape=(72, 72, 72), voxel_size=0.358, first=np.full(3, -36 * 0.358))
    shown = simulated_density(grid, positions, "Pt", u_iso=0.04 + 0.10 * depth**3, resolution=1.1)
    noise = ndimage.gaussian_filter(rng.normal(size=shown.shape), 0.8)
    noise *= shown[20:52, 20:52, 20:52].std() / 3.0 / noise.std()
    write_map(root / "density.mrc", DensityMap(values=shown + noise, voxel_size=0.358))
    assert atomotion(["atoms", str(root / "density.mrc"), "--element", "Pt", "-o", str(root / "atoms.xyz"), "-q"]) == 0
    shutil.copy(root / "atoms.png", IMAGES / "atoms.png")


def draw_liquid_cell(root: Path) -> None:
    """A particle in a liquid cell that loses a sixth of its atoms: graphene removed, followed, and judged."""
    config, rng = replace(recipe("liquid_cell"), frames=600), np.random.default_rng(3)
    whole = particle(config.kind, config.element, config.diameter)
    states = [(whole, 300), (etched(whole, len(whole) // 6, rng), 300)]
    made = simulate_movie(config, np.random.default_rng(0), states=states)
    movie, still, tracks = root / "cell.mrcs", root / "still.mrcs", root / "tracks"
    write_movie(movie, made.movie)
    assert atomotion(["background", str(movie), "-o", str(still), "-q"]) == 0
    assert atomotion(["track", str(still), "-o", str(tracks), "--box", "112", "-q"]) == 0
    assert atomotion(["frames", str(tracks / "particle_01.mrcs"), "-o", str(root / "frames"), "-q"]) == 0
    for name, drawn in FROM_LIQUID_CELL.items():
        shutil.copy(root / drawn, IMAGES / f"{name}.png")
    alone = replace(config, surroundings=SurroundingsConfig(), noise="none")
    truth = simulate_movie(alone, np.random.default_rng(0), states=states, lazy=True)
    judged, boxes = pd.read_csv(root / "frames" / "frames.csv"), read_series(tracks / "particle_01.mrcs")
    box = int(judged["peak"].idxmax())
    frame, pixel = int(judged["frame"][box]), config.pixel_size
    side = boxes.images.shape[1]
    x, y = (round(float(value) / pixel) - side // 2 for value in boxes.centres[box])
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side)]) + np.array([x, y])
    images = (
        ("recorded", made.movie.frames[frame]),
        ("graphene removed", read_movie(still).frames[frame]),
        ("box that follows the particle", boxes.images[box]),
        ("truth", truth.clean[frame][y : y + side, x : x + side]),
    )
    figure = new_figure(11.0, 3.1)
    for axes, (name, image) in zip(figure.subplots(1, 4), images, strict=True):
        show_image(axes, np.asarray(image), pixel_size=pixel, title=name)
        if len(image) > side:
            outline(axes, corners)
    save(figure, IMAGES / "liquid_cell.png")


def draw_alps(movie: Movie, polygon: np.ndarray) -> None:
    """An ordered and a molten frame with their bars, and the curves whose areas are ALPS."""
    figure = new_figure(10.5, 3.6)
    axes = figure.subplots(1, 3, width_ratios=[1, 1, 1.3])
    mask = polygon_mask(polygon, movie.frame_shape)
    for panel, frame, name, colour in ((axes[0], 20, "ordered", BLUE), (axes[1], 52, "molten", ORANGE)):
        image = np.asarray(movie.frames[frame])
        bars = persistence_bars(image, mask)
        y, x = np.divmod(bars.pixels, image.shape[1])
        show_image(panel, image, title=f"frame {frame}, {name}")
        outline(panel, polygon, colour=SOFT)
        panel.scatter(x, y, s=60 * bars.lifetimes / 2, facecolors="none", edgecolors=colour, linewidths=1.2)
        lengths = np.sort(bars.lifetimes)
        longer = np.arange(len(lengths), 0, -1)
        axes[2].step(np.concatenate([[0], lengths]), np.log(np.concatenate([longer, [1]])), where="post", color=colour,
                     label=f"{name}: ALPS {alps(lengths):.2f}")  # fmt: skip
    tidy(axes[2], xlabel="threshold t (electrons)", ylabel="ln #{bars longer than t}")
    axes[2].legend(frameon=False)
    save(figure, IMAGES / "alps.png")


def draw_vacuum_test(movie: Movie, polygon: np.ndarray, vacuum: np.ndarray) -> None:
    """ALPS of simulated vacuum frames beside that of the raw frames."""
    config = OrderConfig()
    model = fit_vacuum(movie.frames, config, mask=polygon_mask(vacuum, movie.frame_shape))
    null = null_alps(model, movie.frame_shape, config, polygon=polygon, contrast="dark", workers=2)
    seen = measure_frames(movie.frames, config, polygon=polygon, contrast="dark", workers=2).alps
    figure = new_figure(7.5, 3.2)
    axes = tidy(figure.subplots(), xlabel="ALPS of a raw frame (electrons)", ylabel="share of frames")
    edges = np.linspace(min(null.min(), seen.min()), max(null.max(), seen.max()), 45)
    for values, colour, label in ((null, SOFT, "simulated vacuum"), (seen, BLUE, "the movie")):
        axes.hist(values, edges, weights=np.full(len(values), 1 / len(values)), color=colour, alpha=0.65, label=label)
    axes.axvline(np.quantile(null, 0.95), color=ORANGE, linestyle="--", label="p = 0.05")
    axes.legend(frameon=False)
    save(figure, IMAGES / "vacuum_test.png")


def draw_networks() -> None:
    """Frames of the rotating Pt movie: raw, the best Gaussian, the hybrid network after a minute, and the truth."""
    made = simulate_movie(recipe("rotating_pt"), np.random.default_rng(0))
    noisy, clean = (
        np.asarray(each[:], dtype=np.float32).reshape(-1, 64, 2, 64, 2).sum(axis=(2, 4))
        for each in (made.movie.frames, made.clean)
    )
    noise = NoiseScale(sd=float(noisy.std()), mean=float(noisy.mean()), units_per_electron=1.0)
    smooth = denoise(noisy, DenoiseConfig(method="gaussian", sigma_px=1.25, sigma_frames=8.0), noise=noise)
    model, _ = train_model(noisy, DenoiseConfig(budget=60.0), noise, device="cpu")
    network = np.concatenate([values for _, values, _ in model.blocks(noisy, noise, device="cpu")])
    figure = new_figure(9.0, 4.8)
    panels = figure.subplots(2, 4)
    limits = (float(clean.min()), float(clean.max()))
    for row, frame in zip(panels, (60, 200), strict=True):
        images = (("raw", noisy), ("Gaussian 1.25 px, 8 frames", smooth), ("hybrid, 1 min", network), ("truth", clean))
        for axes, (name, movie) in zip(row, images, strict=True):
            shown = None if name == "raw" else limits
            show_image(axes, movie[frame], pixel_size=0.4, title=name, limits=shown)
    save(figure, IMAGES / "denoise_networks.png")


if __name__ == "__main__":
    main()
