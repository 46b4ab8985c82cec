"""Some of the images, spread over the window, for what need not see them all."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from atomotion.tomography.copies import folds_of
from atomotion.tomography.observations import Observations

_RUN = 100  # images: long enough for a path through time


def spread_over(n: int, count: int, *, run: int) -> NDArray[np.intp]:
    """(k,) ascending indices of at most `count` of n images, in even runs of about `run` neighbours each."""
    if n <= count:
        return np.arange(n)
    runs = max(1, count // run)
    length = count // runs
    firsts = np.rint(np.linspace(0, n - length, runs) if runs > 1 else [(n - length) / 2]).astype(int)
    return np.unique((firsts[:, None] + np.arange(length)).ravel())


def some_images(observations: Observations, count: int, *, generator: torch.Generator) -> Observations:
    """At most `count` of the images: runs of neighbours where they are ordered, single ones where they are not.

    Folds are made anew; the time between the runs is kept.
    """
    n = len(observations)
    if n <= count:
        return observations
    time = observations.time
    chosen = spread_over(n, count, run=_RUN if time.ordered else 1)
    elapsed = np.concatenate([[0.0], np.cumsum(time.gaps)])
    folds = folds_of(len(chosen), int(observations.folds.max()) + 1, ordered=time.ordered, generator=generator)
    boxes = observations.box_centres
    return replace(
        observations,
        coefficients=observations.coefficients.of(torch.from_numpy(chosen).to(observations.device)),
        folds=folds.to(observations.device),
        time=replace(time, gaps=np.diff(elapsed[chosen])),
        box_centres=None if boxes is None else boxes[chosen],
    )
