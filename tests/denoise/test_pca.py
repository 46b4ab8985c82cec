"""The PCA family: exact cases, the noise's edge against simulated noise, and the gain on a tumbling particle."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.decomposition import PCA

from atomotion.data import InputError, UsageError
from atomotion.denoise.pca import (
    component_count,
    cosine_kernel_pca,
    diffusion_maps,
    noise_edge,
    probabilistic_pca,
    shrinkage_weights,
    shrunk_pca,
    truncation_threshold,
)
from atomotion.geometry import random_quaternions, rotate
from atomotion.particles import particle
from atomotion.scattering import peng_atoms, project_atoms
from atomotion.simulate.motion import tumbling

METHODS = [cosine_kernel_pca, probabilistic_pca, shrunk_pca, diffusion_maps]


def white(n: int, size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, size, size))


def coloured(n: int, size: int, seed: int, width: float = 1.0) -> np.ndarray:
    """Noise that is correlated over `width` px, cut from a larger field so that it does not wrap around."""
    wide = ndimage.gaussian_filter(white(n, size + 12, seed), (0, width, width))[:, 6:-6, 6:-6]
    return wide / wide.std()


def low_rank(n: int, size: int, rank: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shapes = ndimage.gaussian_filter(rng.normal(size=(rank, size, size)), (0, 2, 2))
    shapes /= np.sqrt(np.mean(shapes**2, axis=(1, 2), keepdims=True))
    return 5.0 + np.tensordot(rng.normal(size=(n, rank)), shapes, axes=1)


def tumbling_series(n: int, seed: int, snr_db: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean and noisy boxes of 48 px, 6 degrees per frame, noise in the particle's band; the particle's disc."""
    rng = np.random.default_rng(seed)
    atoms = np.asarray(particle("truncated_octahedron", "Pt", 12.0).positions, dtype=np.float32)
    poses = tumbling(n, start=random_quaternions(1, rng)[0], rms_deg=6.0, memory=0.0, cone_deg=None, rng=rng)
    gaussians = peng_atoms(["Pt"] * len(atoms), u_iso=0.008)
    clean = np.array([project_atoms(rotate(pose, atoms), gaussians, shape=(48, 48), pixel_size=0.4) for pose in poses])
    y, x = np.indices((48, 48)) - 24
    disc = np.hypot(y, x) * 0.4 < np.linalg.norm(atoms, axis=1).max() + 1.5
    noise = coloured(n, 48, seed) * np.sqrt(clean[:, disc].var() / 10 ** (snr_db / 10))
    return clean, clean + noise, disc


def squared_error(images: np.ndarray, clean: np.ndarray) -> float:
    return float(np.mean((images - clean) ** 2))


def correlation(images: np.ndarray, clean: np.ndarray, disc: np.ndarray) -> float:
    return float(np.mean([np.corrcoef(a[disc], b[disc])[0, 1] for a, b in zip(images, clean, strict=True)]))


# ---------------------------------------------------------------------------------------------- the law of noise


def test_edge_of_white_noise_is_marchenko_pasturs():
    # the fluctuations' scale for white noise is known in closed form (Johnstone 2001)
    n, p = 200, 1000
    bulk = (np.sqrt(n) + np.sqrt(p)) ** 2
    scale = (np.sqrt(n) + np.sqrt(p)) * (1 / np.sqrt(n) + 1 / np.sqrt(p)) ** (1 / 3)
    assert noise_edge(np.full(p, 3.0), n) == pytest.approx(3.0 * (bulk + 3.2724 * scale), rel=1e-6)
    assert noise_edge(np.full(7, 3.0), n, modes=p) == pytest.approx(noise_edge(np.full(p, 3.0), n))
    assert noise_edge(np.zeros(5), n) == 0.0


@pytest.mark.parametrize(("frames", "pixels"), [(300, 300), (100, 400), (500, 200)])
def test_threshold_and_weights_are_gavish_and_donohos_for_white_noise(frames, pixels):
    beta = min(frames, pixels) / max(frames, pixels)
    largest = max(frames, pixels)
    expected = 2 * (beta + 1) + 8 * beta / (beta + 1 + np.sqrt(beta**2 + 14 * beta + 1))
    threshold = truncation_threshold(np.ones(pixels), frames)
    assert threshold == pytest.approx(largest * expected, rel=1e-6)
    if frames == pixels:
        assert threshold == pytest.approx(frames * 16 / 3)
    y2 = np.array([1.2, 1.5, 3.0, 40.0]) * (1 + np.sqrt(beta)) ** 2
    weights = np.sqrt((y2 - beta - 1) ** 2 - 4 * beta) / y2
    np.testing.assert_allclose(shrinkage_weights(largest * y2, np.ones(pixels), frames), weights, rtol=1e-6)
    assert shrinkage_weights([threshold, 0.5 * largest], np.ones(pixels), frames) == pytest.approx([0.5, 0.0])


def test_edge_of_coloured_noise_bounds_simulated_noise():
    tau = np.geomspace(1.0, 1e-3, 800)
    rng = np.random.default_rng(0)
    series = (rng.normal(size=(150, 800)) * np.sqrt(tau) for _ in range(40))
    tops = np.array([np.linalg.eigvalsh(each @ each.T)[-1] for each in series])
    edge = noise_edge(tau, 150)
    # one of 1000 lies above, or, with few modes, one of 100; none lies far below
    assert np.sum(tops > edge) <= 1
    assert np.mean(tops) > 0.85 * edge


# ------------------------------------------------------------------------------------------ counting components


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("noise", [white, coloured])
def test_pure_noise_has_no_component(noise, seed):
    images = noise(150, 40, seed)
    y, x = np.indices((40, 40)) - 20
    for mask in (None, np.hypot(y, x) < 16):
        assert component_count(images, mask=mask) == 0
        assert component_count(images, mask=mask, rule="truncation") == 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("noise", [white, coloured])
def test_planted_rank_is_found(noise, seed):
    clean = low_rank(200, 40, 6, seed)
    images = clean + 1.5 * noise(200, 40, seed + 100)
    assert component_count(images) == 6
    assert component_count(images, rule="truncation") == 6


def test_a_series_without_components_becomes_its_average():
    images = 7.0 + white(120, 32, 3)
    for method in (cosine_kernel_pca, probabilistic_pca, shrunk_pca):
        found = method(images)
        np.testing.assert_allclose(found, np.broadcast_to(images.mean(axis=0), found.shape), rtol=1e-5)


# ------------------------------------------------------------------------------------------------- exact cases


@pytest.mark.parametrize("method", METHODS)
def test_a_series_without_noise_is_reproduced(method):
    images = low_rank(60, 24, 3, 0)
    found = method(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, images, atol=1e-4)


def test_all_components_give_the_series_back():
    images = white(30, 20, 0)
    np.testing.assert_allclose(cosine_kernel_pca(images, 30), images, atol=1e-5)
    np.testing.assert_allclose(cosine_kernel_pca(images, 29), images, atol=0.5)
    assert np.abs(cosine_kernel_pca(images, 20) - images).max() > 0.5


def test_kernel_pca_projects_onto_the_components_of_normalised_images():
    images = low_rank(40, 16, 5, 1) * np.linspace(0.5, 2.0, 40)[:, None, None] + 0.3 * white(40, 16, 2)
    x = (images - images.mean(axis=0)).reshape(40, -1)
    _, _, shapes = np.linalg.svd(x / np.linalg.norm(x, axis=1, keepdims=True), full_matrices=False)
    expected = x @ shapes[:4].T @ shapes[:4] + images.mean(axis=0).ravel()
    np.testing.assert_allclose(cosine_kernel_pca(images, 4).reshape(40, -1), expected, atol=1e-4)


@pytest.mark.parametrize("q", [1, 4, 9])
def test_probabilistic_pca_of_frames_is_the_published_closed_form(q):
    # 200 frames of 36 pixels, so that scikit-learn's maximum of the likelihood is the same
    images = low_rank(200, 6, 4, 0) + 0.5 * white(200, 6, 1)
    x = images.reshape(200, -1)
    fitted = PCA(n_components=q, svd_solver="full").fit(x)
    assert fitted.noise_variance_ > 0
    w = fitted.components_.T * np.sqrt(fitted.explained_variance_ - fitted.noise_variance_)
    inner = w.T @ w + fitted.noise_variance_ * np.eye(q)
    expected = fitted.mean_ + (x - fitted.mean_) @ w @ np.linalg.inv(inner) @ w.T
    found = probabilistic_pca(images, q, samples="frames")
    np.testing.assert_allclose(found.reshape(200, -1), expected, atol=1e-4)


def test_probabilistic_pca_of_pixels_is_the_closed_form_of_the_transpose():
    images = low_rank(20, 24, 3, 0) + 0.5 * white(20, 24, 1)
    x = (images - images.mean(axis=0)).reshape(20, -1)
    values, vectors = np.linalg.eigh(x @ x.T / x.shape[1])
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = values[3:19].mean()
    expected = vectors[:, :3] @ np.diag(1 - noise / values[:3]) @ vectors[:, :3].T @ x + images.mean(axis=0).ravel()
    np.testing.assert_allclose(probabilistic_pca(images, 3).reshape(20, -1), expected, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_units_and_offset_do_not_matter(method):
    images = low_rank(80, 24, 3, 5) + white(80, 24, 6)
    plain = method(images)
    np.testing.assert_allclose(method(images * 1e4 - 3e3), plain * 1e4 - 3e3, rtol=1e-3, atol=30)
    np.testing.assert_array_equal(method(images), plain)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_frames_does_not_matter(method):
    # few enough that the noise is measured on all of them
    images = low_rank(80, 24, 3, 5) + white(80, 24, 6)
    order = np.random.default_rng(0).permutation(80)
    np.testing.assert_allclose(method(images[order]), method(images)[order], atol=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_pixels_outside_of_the_mask_have_no_say(method):
    images = low_rank(80, 24, 3, 5) + white(80, 24, 6)
    mask = np.zeros((24, 24), dtype=bool)
    mask[4:20, 4:20] = True
    other = np.where(mask, images, 50.0 * white(80, 24, 7))
    np.testing.assert_allclose(method(other, mask=mask)[:, mask], method(images, mask=mask)[:, mask], atol=1e-4)


# ------------------------------------------------------------------------------------------ the published variant


def test_the_published_variant_loses_the_amplitude():
    # a blob that blinks: every frame is the average plus or minus it, and frames of both signs enter with the same sign
    blob = np.exp(-0.5 * (np.hypot(*(np.indices((16, 16)) - 8.0)) / 2.5) ** 2)
    amplitudes = np.tile([-3.0, -1.0, 1.0, 3.0], 5)
    images = 10.0 + amplitudes[:, None, None] * blob
    corrected = cosine_kernel_pca(images, 1)
    np.testing.assert_allclose(corrected, images, atol=1e-5)
    published = cosine_kernel_pca(images, 1, variant="published")
    assert np.abs(published - 10.0).max() < 0.1


def test_the_published_variant_changes_what_has_no_noise():
    # two blobs, bright in turn, at three strengths: with all components nothing should change
    y, x = np.indices((16, 16))
    blobs = np.array([np.exp(-0.5 * ((y - 8) ** 2 + (x - at) ** 2) / 2.0) for at in (4, 12)])
    images = np.repeat(blobs, 30, axis=0) * np.tile([1.0, 2.0, 3.0], 20)[:, None, None]
    average = images.mean(axis=0)
    slopes = {
        variant: np.sum((cosine_kernel_pca(images, 59, variant=variant) - average) * (images - average))
        / np.sum((images - average) ** 2)
        for variant in ("corrected", "published")
    }
    assert slopes["corrected"] == pytest.approx(1.0, abs=1e-5)
    assert slopes["published"] < 0.8


def test_the_published_variant_follows_its_formula_image_by_image():
    images = low_rank(25, 10, 4, 0) + 0.5 * white(25, 10, 1)
    average = images.mean(axis=0).ravel()
    x = images.reshape(25, -1) - average
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    centring = np.eye(25) - 1 / 25
    values, vectors = np.linalg.eigh(centring @ (u @ u.T) @ centring)
    values, vectors = values[::-1][:5], vectors[:, ::-1][:, :5]
    gamma = 25 * vectors @ np.diag(1 / values) @ vectors.T
    expected = np.empty_like(x)
    for i in range(25):
        z = u[i]
        for _ in range(14):
            p = (u @ z) * gamma[:, i]
            y = p @ x / np.abs(p).sum()
            z, before = y / np.linalg.norm(y), z
            if abs(z @ before - 1) < 1e-4:
                break
        expected[i] = y + average
    found = cosine_kernel_pca(images, 5, variant="published")
    np.testing.assert_allclose(found.reshape(25, -1), expected, atol=1e-4)


# ------------------------------------------------------------------------------------------------ a simulated series


@pytest.mark.parametrize("seed", [0, 1])
def test_every_method_gains_on_a_tumbling_particle(seed):
    clean, noisy, disc = tumbling_series(250, seed)
    mean = ndimage.uniform_filter1d(noisy, 5, axis=0, mode="nearest")
    found = {method.__name__: method(noisy) for method in METHODS}
    errors = {name: squared_error(images, clean) for name, images in found.items()}
    noise = squared_error(noisy, clean)
    # 5 dB is what an average of five frames gains; all but the graph's modes may be as blind inside the particle
    for error in errors.values():
        assert error < noise / 10**0.5
    assert errors["diffusion_maps"] < min(squared_error(mean, clean), errors["cosine_kernel_pca"])
    assert errors["shrunk_pca"] < errors["cosine_kernel_pca"]
    assert correlation(found["diffusion_maps"], clean, disc) > correlation(mean, clean, disc) + 0.03
    published = cosine_kernel_pca(noisy, variant="published")
    assert squared_error(published, clean) > errors["cosine_kernel_pca"]


def test_diffusion_maps_invent_nothing_in_noise():
    clean, noisy, _ = tumbling_series(200, 2, snr_db=-15.0)
    average = np.broadcast_to(noisy.mean(axis=0), noisy.shape)
    assert squared_error(diffusion_maps(noisy), clean) < 1.1 * squared_error(average, clean)


def test_steps_are_reported():
    steps: list[tuple[int, int]] = []
    diffusion_maps(white(12, 8, 0), on_step=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("method", [*METHODS, component_count])
def test_bad_series_are_refused(method):
    with pytest.raises(InputError, match="at least 2 images"):
        method(np.ones((1, 8, 8)))
    with pytest.raises(InputError, match="stack"):
        method(np.ones((8, 8)))
    broken = white(4, 8, 0)
    broken[2, 3, 3] = np.nan
    with pytest.raises(InputError, match="image 2 "):
        method(broken)
    with pytest.raises(InputError, match="mask is"):
        method(white(4, 8, 0), mask=np.ones((4, 4), dtype=bool))
    with pytest.raises(InputError, match="no pixel"):
        method(white(4, 8, 0), mask=np.zeros((8, 8), dtype=bool))


@pytest.mark.parametrize("method", METHODS)
def test_the_smallest_and_the_dullest_series(method):
    same = np.full((5, 6, 6), 3.0)
    np.testing.assert_allclose(method(same), same, rtol=1e-6)
    assert method(white(2, 6, 0)).shape == (2, 6, 6)


def test_impossible_parameters_are_refused():
    images = white(5, 8, 0)
    for call in (
        lambda: cosine_kernel_pca(images, 6),
        lambda: cosine_kernel_pca(images, variant="improved"),
        lambda: probabilistic_pca(images, -1),
        lambda: probabilistic_pca(images, samples="movies"),
        lambda: diffusion_maps(images, neighbours=0.5),
    ):
        with pytest.raises(UsageError):
            call()
