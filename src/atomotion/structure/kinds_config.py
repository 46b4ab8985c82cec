"""Parameters of the kinds of dynamics."""

from dataclasses import dataclass

from atomotion.data import parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class DynamicsConfig:
    """What kind of dynamics the states of a trajectory show, from their atoms and the coordination of their core.

    A change counts where it is larger than a least size and larger than the errors make by chance.
    """

    least_change: float = parameter(
        0.05, "Change of the number of atoms that counts, as a share of the first state's.", low=0.0, high=1.0
    )
    least_swing: float = parameter(
        0.03, "Swing of the coordinated fraction that counts (0.03 is 3 percentage points).", low=0.0, high=1.0
    )
    visible_swing: float = parameter(
        0.06, "A core is called stable only if a swing of this size would have shown in spite of the errors.", low=0.0,
        high=1.0,
    )  # fmt: skip
    second_swing: float = parameter(
        0.33, "Share of the largest swing that a second one must have for the core to be called fluctuating.", low=0.0,
        high=1.0,
    )  # fmt: skip
    stable_range: float = parameter(
        0.06, "Range of the coordinated fraction within which a core is highly stable.", low=0.0, high=1.0
    )
    initial_states: int = parameter(3, "States that a stable initial phase has at least.", low=2)
    initial_share: float = parameter(
        0.3, "Share of the time that a stable initial phase fills at least.", low=0.0, high=1.0
    )
    initial_loss: float = parameter(
        0.33, "Share of a steady loss that a stable initial phase may lose.", low=0.0, high=1.0
    )
    initial_evidence: float = parameter(
        3.0, "Standard errors by which a stable initial phase loses less than a steady loss.", low=0.0
    )
    chance: float = parameter(
        0.05, "Probability with which the errors alone may make a change that counts.", low=1e-6, high=0.5
    )
    atoms_error: float = parameter(
        0.01, "Error of the number of atoms, as a share of it, where none is given.", low=0.0, high=1.0
    )
    core_error: float = parameter(0.01, "Error of the coordinated fraction where none is given.", low=0.0, high=1.0)
    least_margin: float = parameter(
        0.1, "Distance to the nearest rule's limit, as a share of it, below which the kind is undetermined.", low=0.0,
        high=1.0,
    )  # fmt: skip
