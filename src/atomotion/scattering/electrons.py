"""Fast electrons: wavelength, and how strongly a potential turns their phase."""

import math

from scipy import constants

# h² / (2π m e) [V Å²]: potential = this constant times the Fourier transform of the form factor
BORN = constants.h**2 / (2.0 * math.pi * constants.m_e * constants.e) * 1e20


def wavelength(voltage: float) -> float:
    """Relativistic wavelength of electrons [Å] accelerated by `voltage` [V].

    ``λ = h / sqrt(2 m e V (1 + e V / (2 m c²)))``: 0.0197 Å at 300 kV.
    """
    energy = constants.e * voltage
    rest = constants.m_e * constants.c**2
    return constants.h / math.sqrt(2.0 * constants.m_e * energy * (1.0 + energy / (2.0 * rest))) * 1e10


def interaction_constant(voltage: float) -> float:
    """Phase per projected potential, σ = 2π m e λ / h² [rad / (V Å)], with the relativistic mass m.

    6.53e-4 rad / (V Å) at 300 kV.
    """
    rest = constants.m_e * constants.c**2
    mass = constants.m_e * (1.0 + constants.e * voltage / rest)
    # λ in m and the potential in V m; 1e-10 turns rad / (V m) into rad / (V Å)
    return 2.0 * math.pi * mass * constants.e * wavelength(voltage) * 1e-10 / constants.h**2 * 1e-10
