"""The orientation over time as a hidden Markov model on a grid of all orientations, up to the lattice's symmetry."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from atomotion.geometry.symmetry import lattice_copies

_IDENTITY = (1.0, 0.0, 0.0, 0.0)
_REACH = 3.2  # standard deviations of a step


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneGraph:
    """Which orientations of a zone lie near each other, across its borders too.

    Parameters
    ----------
    neighbours : (t, c) int
        Nodes near each node, the node itself among them; a node that is near through several of its lattice copies is
        there several times. Filled up with the node itself.
    angles_deg : (t, c) float
        Angle to each; infinite where filled up.
    """

    neighbours: Tensor
    angles_deg: Tensor

    def __len__(self) -> int:
        return len(self.neighbours)

    def around(self, values: Tensor) -> Tensor:
        """(t, c) values (t,) at the neighbours of every node; twice as fast as by an index."""
        return values.index_select(0, self.neighbours.flatten()).reshape(self.neighbours.shape)


def zone_graph(
    quaternions: NDArray[np.float64],
    group: NDArray[np.float64],
    *,
    step_deg: float,
    half_turn: bool = True,
    mirror: ArrayLike = _IDENTITY,
    device: torch.device | str = "cpu",
) -> ZoneGraph:
    """The neighbours of every orientation of a zone within what one step can reach.

    Parameters
    ----------
    quaternions : (t, 4) float, w x y z
    group : (g, 4) float, w x y z
        The zone holds one of each class of `lattice_copies`.
    step_deg : float [deg]
        Standard deviation of a step of the rotation about each axis.
    half_turn, mirror
        See `lattice_copies`.
    device : torch device
    """
    copies = lattice_copies(quaternions, group, half_turn=half_turn, mirror=mirror)
    count = copies.shape[1]
    tree = cKDTree(copies.reshape(-1, 4))
    radius = 2.0 * np.sin(np.deg2rad(_REACH * step_deg) / 4.0)
    both = [tree.query_ball_point(sign * quaternions, radius) for sign in (1.0, -1.0)]
    near = [np.array(one + other, dtype=np.intp) for one, other in zip(*both)]
    width = max(len(each) for each in near)
    neighbours = np.tile(np.arange(len(quaternions))[:, None], (1, width))
    angles = np.full((len(quaternions), width), np.inf, dtype=np.float32)
    flat = copies.reshape(-1, 4)
    for node, found in enumerate(near):
        cosine = np.abs(flat[found] @ quaternions[node])
        neighbours[node, : len(found)] = found // count
        angles[node, : len(found)] = np.rad2deg(2.0 * np.arccos(np.minimum(cosine, 1.0)))
    return ZoneGraph(neighbours=torch.from_numpy(neighbours).to(device), angles_deg=torch.from_numpy(angles).to(device))


class _Walk:
    """Log weights of the steps of the walk, which widen with the time between two images."""

    def __init__(self, graph: ZoneGraph, step_deg: float) -> None:
        self._graph, self._step = graph, step_deg
        self._gap, self._log, self._weights = -1.0, graph.angles_deg, graph.angles_deg

    def log_weights(self, gap: float) -> Tensor:
        self._at(gap)
        return self._log

    def weights(self, gap: float) -> Tensor:
        self._at(gap)
        return self._weights

    def _at(self, gap: float) -> None:
        if gap != self._gap:
            log = -self._graph.angles_deg.square() / (2.0 * self._step**2 * gap)
            self._gap, self._log = gap, log - torch.logsumexp(log, dim=1).mean()
            self._weights = self._log.exp()


def forward_backward(
    log_likelihood: Tensor, graph: ZoneGraph, *, step_deg: float, leak: float, gaps: NDArray[np.floating]
) -> tuple[Tensor, float]:
    """Probability of every orientation in every image given all images, and the log-evidence of the model.

    Parameters
    ----------
    log_likelihood : (n, t) float
    graph : ZoneGraph
    step_deg : float [deg]
        Standard deviation of a step about each axis between images one unit of time apart.
    leak : float
        Probability of a jump to anywhere.
    gaps : (n - 1,) float
        Time from each image to the next.

    Returns
    -------
    posterior : (n, t) float
    log_evidence : float
    """
    n, nodes = log_likelihood.shape
    walk = _Walk(graph, step_deg)
    highest = log_likelihood.amax(dim=1)
    likelihood = (log_likelihood - highest[:, None]).exp()
    forward = torch.empty_like(likelihood)
    evidence = float(highest.double().sum())
    state = likelihood[0] / nodes
    for i in range(n):
        if i > 0:
            stepped = (walk.weights(float(gaps[i - 1])) * graph.around(state)).sum(1)
            state = ((1.0 - leak) * stepped / stepped.sum() + leak / nodes) * likelihood[i]
        total = float(state.sum())
        evidence += float(np.log(max(total, 1e-300)))
        state = state / total
        forward[i] = state
    backward = torch.ones_like(state)
    posterior = forward
    for i in range(n - 2, -1, -1):
        seen = likelihood[i + 1] * backward
        backward = (1.0 - leak) * (walk.weights(float(gaps[i])) * graph.around(seen)).sum(1) + leak * seen.mean()
        backward = backward / backward.sum()
        product = forward[i] * backward
        posterior[i] = product / product.sum()
    return posterior, evidence


def most_probable_path(
    log_likelihood: Tensor, graph: ZoneGraph, *, step_deg: float, leak: float, gaps: NDArray[np.floating]
) -> NDArray[np.intp]:
    """(n,) nodes of the most probable path through all images (Viterbi); parameters as in `forward_backward`."""
    n, nodes = log_likelihood.shape
    walk = _Walk(graph, step_deg)
    jump = float(np.log(leak / nodes))
    scores = torch.empty_like(log_likelihood)
    scores[0] = log_likelihood[0]
    for i in range(1, n):
        best = (walk.log_weights(float(gaps[i - 1])) + graph.around(scores[i - 1])).amax(dim=1)
        score = torch.maximum(best, scores[i - 1].max() + jump) + log_likelihood[i]
        scores[i] = score - score.max()
    path = np.empty(n, dtype=np.intp)
    path[-1] = node = int(scores[-1].argmax())
    for i in range(n - 1, 0, -1):
        near = graph.neighbours[node]
        best, place = (walk.log_weights(float(gaps[i - 1]))[node] + scores[i - 1][near]).max(dim=0)
        top, at = scores[i - 1].max(dim=0)
        node = int(at) if best < top + jump else int(near[place])
        path[i - 1] = node
    return path


def continuous_path(
    quaternions: NDArray[np.float64],
    group: NDArray[np.float64],
    *,
    half_turn: bool = True,
    mirror: ArrayLike = _IDENTITY,
) -> NDArray[np.float64]:
    """The same orientations, each as that lattice copy which lies nearest to the one before it.

    Where two copies are equally near (the beam passes a symmetry axis) the choice is arbitrary, and the path may go on
    in the wrong one of them.

    Parameters
    ----------
    quaternions : (n, 4) float, w x y z
    group : (g, 4) float, w x y z
    half_turn, mirror
        See `lattice_copies`.
    """
    copies = lattice_copies(quaternions, group, half_turn=half_turn, mirror=mirror)
    path = copies[:, 0].copy()
    for i in range(1, len(path)):
        path[i] = copies[i, int(np.abs(copies[i] @ path[i - 1]).argmax())]
    return path
