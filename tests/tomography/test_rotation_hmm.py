import itertools

import numpy as np
import pytest
import torch

from atomotion.geometry.rotations import (
    angle_between,
    compose,
    matrices_from_quaternions,
    quaternions_from_vectors,
    random_quaternions,
    small_random_quaternions,
)
from atomotion.geometry.symmetry import angle_to_nearest_copy, lattice_copies, rotation_group
from atomotion.tomography.candidates import candidate_path, candidate_posterior
from atomotion.tomography.lattice_symmetry import symmetry_of
from atomotion.tomography.rotation_hmm import (
    ZoneGraph,
    continuous_path,
    forward_backward,
    most_probable_path,
    zone_graph,
)

GROUP = rotation_group("O")
STEP = 3.5


@pytest.fixture(scope="module")
def zone() -> np.ndarray:
    return symmetry_of("fcc").zone(7.0)


@pytest.fixture(scope="module")
def graph(zone: np.ndarray) -> ZoneGraph:
    return zone_graph(zone, GROUP, step_deg=STEP)


def test_neighbours_reach_across_the_borders(zone: np.ndarray, graph: ZoneGraph):
    real = torch.isfinite(graph.angles_deg)
    expected = 4.0 / 3.0 * np.pi * (3.2 * STEP) ** 3 / 7.0**3
    count = real.sum(1).float()
    assert float(count.mean()) == pytest.approx(expected, rel=0.1)
    # no node stands at a border: all have about as many neighbours
    assert float(count.min()) > 0.6 * expected
    rng = np.random.default_rng(0)
    for node in rng.integers(len(zone), size=20):
        column = int(rng.integers(int(real[node].sum())))
        other, angle = int(graph.neighbours[node, column]), float(graph.angles_deg[node, column])
        copies = lattice_copies(zone[other : other + 1], GROUP)[0]
        assert np.abs(angle_between(zone[node], copies) - angle).min() < 0.1


def test_a_walk_is_found_in_noise_and_across_copies(zone: np.ndarray, graph: ZoneGraph):
    rng = np.random.default_rng(1)
    walk = [random_quaternions(1, rng)[0]]
    for step in small_random_quaternions(80, STEP * np.sqrt(3), rng):
        walk.append(compose(step, walk[-1]))
    true = np.array(walk)
    angle = np.stack([angle_to_nearest_copy(np.tile(each, (len(zone), 1)), zone, GROUP) for each in true])
    likelihood = torch.from_numpy(3.5 * np.exp(-0.5 * (angle / 5.0) ** 2) + rng.normal(size=angle.shape)).float()
    alone = angle[np.arange(len(true)), likelihood.argmax(1)]
    gaps = np.ones(len(true) - 1)
    common = {"step_deg": STEP, "leak": 1e-3, "gaps": gaps}
    nodes = most_probable_path(likelihood, graph, **common)
    posterior, _ = forward_backward(likelihood, graph, **common)
    found = angle[np.arange(len(true)), nodes]
    assert np.mean(alone < 10.0) < 0.7
    assert np.mean(found < 10.0) > 0.95
    best = angle[np.arange(len(true)), posterior.argmax(1)]
    assert np.mean(best < 10.0) > 0.95
    torch.testing.assert_close(posterior.sum(1), torch.ones(len(true)), atol=1e-4, rtol=0)
    path = continuous_path(zone[nodes], GROUP)
    assert np.median(angle_between(path[:-1], path[1:])) < 15.0


def test_the_continuous_path_stays_on_one_copy():
    rng = np.random.default_rng(2)
    path = [quaternions_from_vectors([10.0, 20.0, 5.0])]
    for _ in range(15):
        path.append(compose(quaternions_from_vectors([0.5, 0.7, 1.5]), path[-1]))
    true = np.array(path)
    hidden = np.array([copies[rng.integers(48)] for copies in lattice_copies(true, GROUP)])
    hidden[0] = true[0]
    assert angle_between(continuous_path(hidden, GROUP), true).max() < 1e-4


def test_longer_gaps_allow_longer_steps(zone: np.ndarray, graph: ZoneGraph):
    far = int(graph.angles_deg[0].masked_fill(~torch.isfinite(graph.angles_deg[0]), -1).argmax())
    likelihood = torch.zeros((2, len(zone)))
    likelihood[0, 0] = 30.0
    likelihood[1, 0] = 3.0
    likelihood[1, int(graph.neighbours[0, far])] = 6.0
    stay = most_probable_path(likelihood, graph, step_deg=STEP, leak=1e-9, gaps=np.array([1.0]))
    go = most_probable_path(likelihood, graph, step_deg=STEP, leak=1e-9, gaps=np.array([9.0]))
    assert stay[1] == 0
    assert go[1] == int(graph.neighbours[0, far])


def test_candidates_agree_with_all_paths_counted():
    rng = np.random.default_rng(3)
    n, c, step, leak = 4, 3, 20.0, 0.1
    rotations = torch.from_numpy(matrices_from_quaternions(small_random_quaternions(n * c, 40.0, rng))).float()
    rotations = rotations.reshape(n, c, 3, 3)
    log = torch.from_numpy(rng.normal(size=(n, c))).float()
    gaps = np.array([1.0, 2.0, 1.0])
    weight = np.zeros((n, c))
    best, best_path = -np.inf, None
    for path in itertools.product(range(c), repeat=n):
        total = sum(float(log[i, path[i]]) for i in range(n))
        for i in range(n - 1):
            trace = float((rotations[i, path[i]] * rotations[i + 1, path[i + 1]]).sum())
            angle = np.arccos(np.clip((trace - 1) / 2, -1, 1))
            total += np.log(np.exp(-(angle**2) / (2 * np.deg2rad(step) ** 2 * gaps[i])) + leak / c)
        for i in range(n):
            weight[i, path[i]] += np.exp(total)
        if total > best:
            best, best_path = total, path
    common = {"step_deg": step, "leak": leak, "gaps": gaps}
    posterior = candidate_posterior(log, rotations, **common)
    np.testing.assert_allclose(posterior, weight / weight.sum(1, keepdims=True), atol=1e-4)
    assert tuple(candidate_path(log, rotations, **common).tolist()) == best_path
