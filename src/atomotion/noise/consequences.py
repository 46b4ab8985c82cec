"""What the findings about noise invalidate, in sentences."""

from dataclasses import replace

from atomotion.noise.findings import NoiseFindings

_FLICKER = 0.005
_CHANGE = 0.05
_CONSTANT_PART = 0.25  # of the variance at the movie's own level


def consequences(findings: NoiseFindings) -> NoiseFindings:
    """The findings with their warnings."""
    sentences = [
        *_about_outliers(findings),
        *_about_pixels(findings),
        *_about_frames(findings),
        *_about_gain(findings),
    ]
    if not findings.structure_free:
        sentences.append(
            "no part of the frame is free of structure: the pixel correlation may be that of a sample that moves, and "
            "gain and frame correlation come from the highest spatial frequencies, with the noise taken as white; pass "
            "a vacuum region"
        )
    return replace(findings, warnings=tuple(sentences))


def seen_in_vacuum(sample: NoiseFindings, vacuum: NoiseFindings) -> NoiseFindings:
    """The noise as frames of an empty region show it, with what only the sample's own movie can tell.

    Gain and correlations are those of the vacuum; outlier frames, flicker and the sample's motion those of the movie.
    """
    return consequences(
        replace(
            vacuum,
            outlier_frames=sample.outlier_frames,
            frame_mean=sample.frame_mean,
            frame_sd=sample.frame_sd,
            flicker=sample.flicker,
            change=sample.change,
            structure_free=True,
            method="vacuum",
        )
    )


def _about_outliers(findings: NoiseFindings) -> list[str]:
    index = findings.outlier_index
    if not len(index):
        return []
    some = ", ".join(map(str, index[:8])) + (", ..." if len(index) > 8 else "")
    return [
        f"{len(index)} of {len(findings.frame_mean)} frames do not belong with the others (frame {some}; the first: "
        f"{findings.outlier_frames[0].detail}): they were left out here, and filters over time, drift and training "
        "should leave them out too"
    ]


def _about_pixels(findings: NoiseFindings) -> list[str]:
    if findings.is_white_pixels is not False:
        return []
    return [
        f"the noise of neighbouring pixels is correlated ({findings.pixel_lag1:+.3f}): a blind-spot network with a "
        "hole of one pixel would learn the noise (take a wider hole), nulls of independent pixels and tests of order "
        "against them do not hold, and units_per_electron, measured from single pixels, is "
        + ("too small" if findings.pixel_lag1 > 0 else "too large")
    ]


def _about_frames(findings: NoiseFindings) -> list[str]:
    result = []
    if findings.is_white_frames is None:
        result.append("the movie is too short to tell whether the noise of neighbouring frames is correlated")
    if findings.is_white_frames is False:
        result.append(
            f"the noise of neighbouring frames is correlated ({findings.frame_lag1:+.3f}): uMSE and uPSNR against "
            "neighbouring frames, and networks that see neighbouring frames, would count shared noise as signal"
        )
    if findings.change > _CHANGE:
        result.append(
            f"the sample changes within a few frames ({findings.change:.0%} of its contrast): uMSE and uPSNR against "
            "neighbouring frames are biased by its motion, and averages over time blur it; correct the drift first"
        )
    if findings.flicker > _FLICKER:
        result.append(
            f"the intensity flickers by {findings.flicker:.1%} from frame to frame: scale the frames to a common mean "
            "before comparing intensities over time"
        )
    return result


def _about_gain(findings: NoiseFindings) -> list[str]:
    if findings.is_poisson is False:
        return [
            "the noise variance does not grow with the mean intensity, so this is no count of electrons (normalised, "
            "filtered or dominated by the camera's own noise): thinning, Poisson nulls and the Anscombe transform do "
            "not hold"
        ]
    if findings.units_per_electron is None:
        return [
            f"the mean intensity is {findings.level:.4g}, so no units per electron can be measured (an offset was "
            "subtracted?): thinning, Poisson nulls and the Anscombe transform need the movie as the camera wrote it"
        ]
    if findings.is_poisson is None:
        return [
            "the contrast of the movie is too small to measure an offset, so 0 was assumed: where the camera adds one, "
            "units_per_electron, thinning and Poisson nulls are wrong"
        ]
    if findings.offset < 0:
        part = -findings.offset / (findings.level - findings.offset)
        if part > _CONSTANT_PART:
            return [
                f"{part:.0%} of the noise variance does not depend on the intensity (camera noise, or an offset that "
                "was subtracted): thinning and Poisson nulls hold only for counted electrons"
            ]
    return []
