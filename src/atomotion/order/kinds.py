"""The three kinds of particle of paper 000: ordered throughout, disordered throughout, changing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from atomotion.order.config import KindsConfig
from atomotion.order.periods import Period

Kind = Literal["ordered", "disordered", "changing", "undetermined"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticleKind:
    """What a particle does over a movie.

    Parameters
    ----------
    kind : "ordered", "disordered", "changing" or "undetermined"
    reason : str
        The rule that gave it, with its numbers.
    evidence : dict
        Share of the measured frames by label, number of changes between order and disorder, and how often they come.
    """

    kind: Kind
    reason: str
    evidence: dict[str, Any]


def kind_of_particle(periods: Sequence[Period], config: KindsConfig | None = None) -> ParticleKind:
    """The kind of a particle, from the labelled periods of its movie.

    - *changing*: ordered and disordered periods both fill at least ``config.least_share`` of the frames;
    - *ordered*, *disordered*: that label fills at least ``config.most_share`` of the frames;
    - *undetermined*: anything else, with the shares as the reason.

    Crozier et al. tell the kinds apart by the mean and the standard deviation of ALPS over the movie (above 1.5 and
    small; below 1.2 and small; wide), in a normalisation that is not published. Shares of labelled periods say the same
    without it, and do not call a slow trend or a noisy curve a change.

    References
    ----------
    Crozier et al., Science 387 (2025), "Particle-size effects".
    """
    config = KindsConfig() if config is None else config
    measured = sum(period.measured for period in periods)
    shares = {
        label: sum(period.measured for period in periods if period.label == label) / measured if measured else 0.0
        for label in ("ordered", "disordered", "intermediate", "undetermined")
    }
    firm = [period.label for period in periods if period.label in ("ordered", "disordered")]
    changes = int(np.count_nonzero(np.array(firm[1:]) != np.array(firm[:-1]))) if len(firm) > 1 else 0
    evidence = {"share": shares, "changes": changes, "changes_per_1000_frames": 1000 * changes / max(measured, 1)}
    words = ", ".join(f"{label} {share:.0%}" for label, share in shares.items() if share > 0) or "no frame was measured"
    kind: Kind = "undetermined"
    if min(shares["ordered"], shares["disordered"]) >= config.least_share:
        kind, reason = "changing", f"{changes} changes between order and disorder ({words} of the frames)"
    elif shares["ordered"] >= config.most_share:
        kind, reason = "ordered", f"it is so in at least {config.most_share:.0%} of the frames ({words})"
    elif shares["disordered"] >= config.most_share:
        kind, reason = "disordered", f"it is so in at least {config.most_share:.0%} of the frames ({words})"
    else:
        reason = f"no label fills {config.most_share:.0%} of the frames ({words})"
    return ParticleKind(kind=kind, reason=reason, evidence=evidence)
