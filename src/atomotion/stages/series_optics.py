"""What is known of the microscope and the camera that made a series of boxes."""

from pathlib import Path

from atomotion.data import ParticleSeries
from atomotion.io.curves import read_curve
from atomotion.tomography.response import Optics


def optics_of(series: ParticleSeries, *, mtf: Path | None, focal_spread: float, defocus: float | None = None) -> Optics:
    """The optics of a series; without a transfer (`Optics.voltage` is None) where defocus or voltage are not known.

    Parameters
    ----------
    series : ParticleSeries
    mtf : path or None
        The camera's curve: parts of the Nyquist frequency, and value.
    focal_spread : float [Å]
    defocus : float [Å] or None
        Goes before that of the series.

    Raises
    ------
    InputError
        As `read_curve`.
    """
    # Nyquist's frequency is half a cycle per pixel
    modulation = None if mtf is None else read_curve(mtf) * [0.5, 1.0]
    # without any defocus and aberration a thin crystal shows no contrast, so that zeros mean that nobody knew
    known = series.voltage is not None and series.defocus is not None and bool(series.defocus or series.cs)
    if not known:
        return Optics(bright=series.contrast != "dark", modulation=modulation)
    return Optics(
        voltage=series.voltage,
        cs=series.cs or 0.0,
        defocus=float(series.defocus or 0.0) if defocus is None else defocus,
        focal_spread=focal_spread,
        modulation=modulation,
    )
