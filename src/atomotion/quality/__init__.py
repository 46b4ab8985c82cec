"""How well a movie was denoised, from the noisy movie itself: errors with intervals, and tests for what is invented.

Nothing here knows a denoiser: functions take its output, or the denoiser as a callable.
"""

from atomotion.data.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "BandFidelity": "detail",
        "BlockSums": "blocks",
        "Comparison": "paired",
        "Denoiser": "splitting",
        "Disagreement": "trust",
        "Estimate": "estimate",
        "KnownNoise": "known_noise",
        "Split": "splitting",
        "SplitChoice": "splittable",
        "SplitCounts": "splitting",
        "SplitSignal": "splitting",
        "SumComparison": "sums",
        "VacuumResponse": "trust",
        "Whiteness": "whiteness",
        "band_correlation": "detail",
        "band_fidelity": "detail",
        "best_on_removed": "thinning",
        "blind_residual": "blind",
        "block_sums": "blocks",
        "choose_split": "splittable",
        "clean_change": "umse",
        "compare_blind": "paired",
        "compare_by_thinning": "paired",
        "compare_to_reference": "paired",
        "disagreement": "trust",
        "interval_of_totals": "bootstrap",
        "mean_interval": "bootstrap",
        "neighbour_snr": "snr",
        "psnr": "detail",
        "psnr_of_mse": "estimate",
        "refused": "estimate",
        "residual_whiteness": "whiteness",
        "ssim": "detail",
        "sum_against_sum": "sums",
        "thinning_error": "thinning",
        "umse_adjacent": "umse",
        "umse_thinning": "thinning",
        "vacuum_in": "trust",
        "vacuum_snr": "snr",
    },
)
