from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import fft

from atomotion.data import InputError
from atomotion.simulate import CameraConfig, CameraCurves, MovieConfig, curves_from_tables, vacuum_movie
from atomotion.simulate.camera import Camera, generic_curves

SIZE = 96
BASE = MovieConfig(width_px=SIZE, height_px=SIZE, pixel_size=0.5, dose=24.0, frames=60)
LEVEL = 6.0
Q = 2.0 * np.hypot(fft.fftfreq(SIZE)[:, None], fft.rfftfreq(SIZE)[None, :])


def camera_of(curves: CameraCurves | None = None, level: float = LEVEL, **changes: object) -> Camera:
    flat = np.full((SIZE, SIZE), level, dtype=np.float32)
    return Camera(replace(BASE, camera=CameraConfig(**changes)), curves, lambda frame: flat, seed=3)


def frames_of(camera: Camera, count: int = 60) -> NDArray:
    return np.array([camera.record(frame) for frame in range(count)])


def noise_power(frames: NDArray) -> NDArray:
    """Power spectrum per pixel and electron, by frequency in parts of Nyquist."""
    return (
        np.mean(np.abs(fft.rfft2(frames - frames.mean(axis=0))) ** 2, axis=0)
        / SIZE**2
        * len(frames)
        / (len(frames) - 1)
    )


@pytest.mark.parametrize("mode", ["counting", "integrating"])
def test_noise_signal_and_efficiency_belong_together(mode: str):
    """DQE = MTF² gain² N / NPS, with the power of the noise measured in recorded frames."""
    camera = camera_of(mode=mode, mtf_nyquist=0.4, dqe_zero=0.6)
    curves = generic_curves(camera.config.camera)
    power = noise_power(frames_of(camera))
    gain = camera.efficiency
    for low, high in ((0.05, 0.3), (0.3, 0.6), (0.6, 0.9)):
        band = (low < Q) & (high > Q)
        mtf, dqe = (np.interp(Q[band], curves.frequency, values) for values in (curves.mtf, curves.dqe))
        measured = np.mean(mtf**2) * gain**2 * LEVEL / power[band].mean()
        assert measured == pytest.approx(dqe.mean(), rel=0.06)


def test_a_given_dqe_shapes_the_noise():
    q = np.linspace(0.0, 1.5, 20)
    settings = CameraConfig(mode="integrating")
    curves = curves_from_tables(settings, mtf=np.stack([q, 0.5**q], axis=1), dqe=np.stack([q, 0.5 / (1.0 + q)], axis=1))
    power = noise_power(frames_of(camera_of(curves, mode="integrating")))
    for low, high in ((0.1, 0.4), (0.6, 1.0)):
        band = (low < Q) & (high > Q)
        expected = 0.25 ** Q[band] * LEVEL / (0.5 / (1.0 + Q[band]))
        assert power[band].mean() == pytest.approx(expected.mean(), rel=0.05)


def test_contrast_is_transferred_by_the_mtf():
    wave = np.cos(2.0 * np.pi * 12 * np.arange(SIZE) / SIZE)[None, :] * np.ones((SIZE, 1))
    config = replace(BASE, camera=CameraConfig(mode="integrating", mtf_nyquist=0.3))
    camera = Camera(config, None, lambda frame: (LEVEL * (1.0 + 0.5 * wave)).astype(np.float32), seed=0)
    # 12 periods in 96 pixels: a quarter of the Nyquist frequency
    np.testing.assert_allclose(camera.expected(0), LEVEL * (1.0 + 0.5 * 0.3**0.25 * wave), rtol=1e-4)
    seen = frames_of(camera, 40).mean(axis=0)
    assert np.mean(seen * wave) == pytest.approx(np.mean(camera.expected(0) * wave), rel=0.03)


def test_one_electron_gives_a_skewed_signal_of_mean_one():
    frames = frames_of(camera_of(mode="integrating", mtf_nyquist=1.0, dqe_zero=0.5, level=0.02), 30)
    assert frames.mean() == pytest.approx(0.02, rel=0.05)
    alone = frames[frames > 1e-3]
    # 1 / DQE(0) = 1 + s²
    assert alone.mean() == pytest.approx(1.0, abs=0.05)
    assert alone.std() == pytest.approx(1.0, abs=0.08)
    assert np.mean((alone - alone.mean()) ** 3) / alone.std() ** 3 > 1.5


def test_counting_gives_whole_numbers_and_loses_coincidences():
    frames = frames_of(camera_of(mode="counting", dqe_zero=0.8, mtf_nyquist=1.0), 20)
    np.testing.assert_array_equal(frames, np.rint(frames))
    assert frames.mean() == pytest.approx(0.8 * LEVEL, rel=0.01)
    slow = camera_of(mode="counting", dqe_zero=0.8, mtf_nyquist=1.0, subframes=8)
    counts = frames_of(slow, 20)
    assert counts.max() <= 8
    expected = 8 * (1.0 - np.exp(-0.8 * LEVEL / 8))
    assert counts.mean() == pytest.approx(expected, rel=0.01)
    assert slow.efficiency == pytest.approx(expected / LEVEL, rel=1e-6)
    assert slow.expected(0).mean() == pytest.approx(expected, rel=1e-4)


def test_faulty_pixels():
    frames = frames_of(camera_of(mode="integrating", hot_pixels=0.002, flashes=3.0, mtf_nyquist=1.0), 40)
    middle = np.median(frames, axis=0)
    hot = middle > 10 * LEVEL
    assert 3 <= hot.sum() <= 45
    single = (frames > 10 * LEVEL) & ~hot
    # a flash is exponential, with a mean of 60 electrons: exp(-54/60) of them are as bright as this
    assert single.sum(axis=(1, 2)).mean() == pytest.approx(3.0 * np.exp(-0.9), rel=0.35)
    gained = frames_of(camera_of(mode="integrating", gain_spread=0.05, mtf_nyquist=1.0, level=400.0), 40).mean(axis=0)
    assert gained.std() / gained.mean() == pytest.approx(0.05, rel=0.1)
    quiet, noisy = (
        frames_of(camera_of(mode="integrating", readout_noise=noise, level=0.01), 5).std() for noise in (0.0, 0.5)
    )
    assert noisy**2 - quiet**2 == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([[0.0, 1.0]], "two columns"),
        ([[0.5, 1.0], [0.2, 0.5]], "ascend"),
        ([[0.0, 1.0], [1.0, 3.0]], "outside of 0 to 1"),
        ([[0.0, 1.0], [1.4e6, 0.2]], "parts of the Nyquist"),
    ],
)
def test_curves_that_are_none_are_refused(table: list[list[float]], words: str):
    with pytest.raises(InputError, match=words):
        curves_from_tables(CameraConfig(mode="integrating"), mtf=table)


def test_the_movie_says_what_one_electron_makes():
    config = replace(BASE, frames=4, units_per_electron=10.0, camera=CameraConfig(mode="counting", dqe_zero=0.5))
    movie = vacuum_movie(config, np.random.default_rng(0))
    assert movie.units_per_electron == pytest.approx(5.0)
    assert np.asarray(movie.frames).mean() == pytest.approx(LEVEL * 5.0, rel=0.02)
    assert movie.detector == "simulated, counting"
