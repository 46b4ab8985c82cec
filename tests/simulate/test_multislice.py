from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import fft

from atomotion.data import UsageError
from atomotion.particles import particle
from atomotion.scattering import wavelength
from atomotion.simulate import CameraConfig, MultisliceConfig, SurroundingsConfig, recipe, simulate_movie
from atomotion.simulate.multislice import (
    MemoryStore,
    box_around,
    exit_wave,
    exit_waves,
    name_of,
    resized,
    stored_exit_waves,
)
from atomotion.stages.simulate_cache import WaveFolder, user_cache

pytest.importorskip("abtem", reason="multislice needs the extra optics")
# light atoms scatter weakly, and there both images must agree
LIGHT = particle("sphere", "Al", 11.0)
CELL = replace(
    recipe("liquid_cell"),
    frames=2,
    width_px=80,
    height_px=72,
    surroundings=SurroundingsConfig(),
    camera=CameraConfig(),
    noise="none",
    element="Al",
    depth="curved",
    form_factors="lobato",
    drift_x=1.3,
    diffusion=0.5,
    multislice=MultisliceConfig(phonons=3),
)
LEVEL = 50.0 * 0.358**2


def clean(config, **given: object) -> NDArray:
    movie = simulate_movie(config, np.random.default_rng(0), states=[(LIGHT, 2)], **given)
    return np.asarray(movie.clean) / LEVEL


def band_correlation(first: NDArray, second: NDArray, low: float = 0.3, high: float = 0.8) -> float:
    k = np.hypot.outer(fft.fftfreq(first.shape[-2], 0.358), fft.rfftfreq(first.shape[-1], 0.358))
    band = (k > low) & (k < high)
    a, b = fft.rfft2(first)[..., band], fft.rfft2(second)[..., band]
    return float(np.sum(a * b.conj()).real / np.sqrt(np.sum(np.abs(a) ** 2) * np.sum(np.abs(b) ** 2)))


@pytest.mark.parametrize(
    "changes", [{}, {"axial_diffusion": 10.0}, {"surroundings": SurroundingsConfig(graphene=2, thickness=40.0)}]
)
def test_both_images_show_the_same_atoms_at_the_same_places(changes: dict[str, object]):
    config = replace(CELL, **changes)
    exact = clean(replace(config, image="multislice"))
    simple = clean(config)
    assert band_correlation(exact, simple) > 0.97
    # one pixel to the side nothing fits any more
    assert band_correlation(exact, np.roll(simple, 1, axis=2)) < 0.9
    assert exact.mean() == pytest.approx(1.0, abs=3e-3)
    ratio = (exact - exact.mean()).std() / (simple - simple.mean()).std()
    assert ratio == pytest.approx(1.0, abs=0.15)


def test_water_molecules_make_the_same_waves_as_contrast():
    config = replace(
        CELL, frames=1, surroundings=SurroundingsConfig(water="molecules", thickness=20.0), atom_contrast=None
    )
    exact, simple = clean(replace(config, image="multislice")), clean(config)
    assert band_correlation(exact, simple) > 0.97
    assert (exact.std() / simple.std()) == pytest.approx(1.0, abs=0.15)


def test_the_image_is_abtems_own():
    import abtem
    from ase import Atoms

    abtem.config.set({"local_diagnostics.progress_bar": False})
    box = box_around(6.0, pixel_size=0.358, sampling=0.18, voltage=3e5, slice_thickness=1.0)
    view = particle("sphere", "Pt", 9.0).positions
    wave = exit_wave(view, ["Pt"] * len(view), box)
    assert wave.shape == (box.kept_px, box.kept_px)
    n = box.computed_px
    k2 = np.add.outer(fft.fftfreq(n, box.side / n) ** 2, fft.fftfreq(n, box.side / n) ** 2)
    chi = np.pi * wavelength(3e5) * 80.0 * k2 - 0.5 * np.pi * 1.1e5 * wavelength(3e5) ** 3 * k2**2
    found = np.abs(fft.ifft2(resized(fft.fft2(wave), (n, n)) * np.exp(-1j * chi))) ** 2
    below, above = view[:, 2].min() - 3.0, view[:, 2].max() + 3.0
    corner = np.array([box.side / 2, box.side / 2, -below])
    atoms = Atoms(["Pt"] * len(view), positions=view + corner, cell=[box.side, box.side, above - below])
    potential = abtem.Potential(atoms, gpts=n, slice_thickness=1.0, parametrization="lobato", projection="infinite")
    leaving = abtem.PlaneWave(energy=3e5).multislice(potential, lazy=False)
    expected = leaving.apply_ctf(abtem.CTF(energy=3e5, Cs=-1.1e5, defocus=-80.0 + above)).intensity().array.T
    assert expected.max() > 1.5
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_waves_are_taken_from_the_store_only_where_all_is_the_same(tmp_path):
    folder = WaveFolder(tmp_path / "waves")
    config = replace(CELL, image="multislice", multislice=MultisliceConfig(phonons=1))
    first = clean(config, waves=folder)
    files = list((tmp_path / "waves").iterdir())
    assert len(files) == 1
    kept = np.load(files[0])
    np.save(files[0], np.ones_like(kept))
    np.testing.assert_allclose(clean(config, waves=folder), 1.0, atol=1e-4)
    files[0].write_bytes(b"broken")
    np.testing.assert_array_equal(clean(config, waves=folder), first)
    # the lens is not part of the wave, thermal motion is
    clean(replace(config, defocus=-85.0), waves=folder)
    assert len(list((tmp_path / "waves").iterdir())) == 1
    clean(replace(config, u_iso=0.01), waves=folder)
    assert len(list((tmp_path / "waves").iterdir())) == 2
    views, symbols = [LIGHT.positions], LIGHT.get_chemical_symbols()
    box = box_around(6.0, pixel_size=0.3, sampling=0.2, voltage=3e5, slice_thickness=1.0)
    names = {
        name_of(views, symbols, box),
        name_of([LIGHT.positions + 1e-4], symbols, box),
        name_of(views, ["Pt", *symbols[1:]], box),
        name_of(views, symbols, replace(box, voltage=2e5)),
    }
    assert len(names) == 4
    assert user_cache().name in ("atomotion", "cache")


@pytest.mark.slow
def test_processes_give_the_same_waves():
    box = box_around(7.0, pixel_size=0.358, sampling=0.36, voltage=3e5, slice_thickness=2.0)
    rng = np.random.default_rng(0)
    views = [LIGHT.positions + rng.normal(scale=0.1, size=LIGHT.positions.shape) for _ in range(9)]
    symbols = LIGHT.get_chemical_symbols()
    alone = exit_waves(views, symbols, box)
    # single precision: one process repeats itself exactly, two differ by 2e-6
    np.testing.assert_allclose(exit_waves(views, symbols, box, workers=2), alone, atol=1e-5)
    store = MemoryStore()
    np.testing.assert_array_equal(stored_exit_waves(views, symbols, box, store=store), alone)


def test_grids_are_changed_without_changing_the_wave():
    rng = np.random.default_rng(0)
    small = fft.ifft2(resized(fft.fft2(rng.normal(size=(8, 10))), (8, 10)))
    large = fft.ifft2(resized(fft.fft2(small), (24, 20)))
    np.testing.assert_allclose(large[::3, ::2], small, atol=1e-12)
    np.testing.assert_allclose(fft.ifft2(resized(fft.fft2(large), (8, 10))), small, atol=1e-12)


def test_what_multislice_cannot_do_says_so(monkeypatch):
    with pytest.raises(UsageError, match="support"):
        clean(replace(CELL, image="multislice", support_contrast=0.1))
    import sys

    monkeypatch.setitem(sys.modules, "abtem", None)
    with pytest.raises(UsageError, match=r"atomotion\[optics\]"):
        clean(replace(CELL, image="multislice"))
