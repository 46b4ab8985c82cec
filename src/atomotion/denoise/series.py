"""Component methods on a whole series of one particle's boxes."""

from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from atomotion.data import Frames, InputError, UsageError
from atomotion.denoise.config import DenoiseConfig

# copies of the series that are in work at once, in double precision
_COPIES = 6


def denoise_series(
    frames: Frames,
    config: DenoiseConfig,
    *,
    bad_frames: Collection[int] = (),
    on_step: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """A series denoised by the component method of ``config.method``, as a whole and in memory.

    Bad frames take no part; each is given the result of the nearest good one.

    Parameters
    ----------
    frames : (n, y, x)
    config : DenoiseConfig
    bad_frames : collection of int
    on_step : callable
        Called with (done, total).

    Raises
    ------
    InputError
        Where fewer than two frames are good.
    UsageError
        Where the series does not fit ``config.memory``: component methods are for boxes of one particle.
    """
    from atomotion.denoise.pca import cosine_kernel_pca, diffusion_maps, probabilistic_pca

    needed = _COPIES * 8.0 * float(np.prod([int(n) for n in frames.shape]))
    if needed > config.memory:
        raise UsageError(
            f"{config.method} needs the whole series in memory, {needed / 1e9:.1f} GB, and --memory is "
            f"{config.memory / 1e9:.1f} GB; give more, cut out boxes of the particle, or take --method hybrid"
        )
    good = np.array(sorted(set(range(int(frames.shape[0]))) - set(bad_frames)))
    if len(good) < 2:
        raise InputError(f"{config.method} needs two good frames or more; there are {len(good)}")
    images = np.stack([np.asarray(frames[int(index)], dtype=np.float32) for index in good])
    match config.method:
        case "kpca":
            found = cosine_kernel_pca(images, config.components, on_step=on_step)
        case "kpca_published":
            found = cosine_kernel_pca(images, config.components, variant="published", on_step=on_step)
        case "ppca":
            found = probabilistic_pca(images, config.components)
        case _:
            found = diffusion_maps(images, on_step=on_step)
    nearest = [int(np.argmin(np.abs(good - t))) for t in range(int(frames.shape[0]))]
    return found[nearest]
