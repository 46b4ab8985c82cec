"""The boxes of one particle: written with their table and read back, with what is missing and what is wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from atomotion.data import InputError, ParticleSeries
from atomotion.io import read_series, write_series


def series(n: int = 5, size: int = 8) -> ParticleSeries:
    rng = np.random.default_rng(0)
    raw = rng.poisson(20, (n, size, size)).astype(np.uint16)
    return ParticleSeries(
        images=raw.astype(np.float32) / 3,
        raw=raw,
        background=rng.poisson(20, (n, size, size)).astype(np.uint16),
        frame_index=np.array([3, 4, 5, 9, 10])[:n],
        centres=rng.uniform(10, 90, (n, 2)),
        pixel_size=0.358,
        frame_time=2.5e-3,
        dose=15.0,
        contrast="bright",
        voltage=3e5,
        cs=-1.1e5,
        defocus=-80.0,
        metadata={"processing": "denoised: test"},
    )


def test_a_series_comes_back(tmp_path):
    made = series()
    files = write_series(tmp_path / "particle_01.mrcs", made, columns={"score": np.linspace(0, 1, 5)})
    assert {file.name for file in files} == {
        "particle_01.mrcs", "particle_01_raw.mrcs", "particle_01_background.mrcs", "particle_01.csv",
    }  # fmt: skip
    found = read_series(tmp_path / "particle_01.mrcs")
    np.testing.assert_array_equal(found.images[:], made.images)
    np.testing.assert_array_equal(found.raw[:], made.raw)
    np.testing.assert_array_equal(found.background[:], made.background)
    np.testing.assert_array_equal(found.frame_index, made.frame_index)
    np.testing.assert_allclose(found.centres, made.centres)
    np.testing.assert_allclose(found.times, made.frame_index * 2.5e-3)
    np.testing.assert_allclose(found.metadata["table"]["score"], np.linspace(0, 1, 5))
    for name in ("dose", "contrast", "voltage", "cs", "defocus", "frame_time"):
        assert getattr(found, name) == getattr(made, name)
    assert found.pixel_size == pytest.approx(0.358, rel=1e-6)
    assert found.metadata["processing"] == "denoised: test"


def test_the_raw_boxes_alone(tmp_path):
    made = series()
    write_series(tmp_path / "particle_01.mrcs", made)
    found = read_series(tmp_path / "particle_01_raw.mrcs")
    np.testing.assert_array_equal(found.images[:], made.raw)
    assert found.raw is found.images
    np.testing.assert_allclose(found.centres, made.centres)
    assert "processing" not in found.metadata


def test_images_that_are_raw_are_written_once(tmp_path):
    made = series()
    made = replace(made, images=made.raw, background=None, metadata={})
    files = write_series(tmp_path / "p.mrcs", made)
    assert {file.name for file in files} == {"p.mrcs", "p.csv"}
    found = read_series(tmp_path / "p.mrcs")
    np.testing.assert_array_equal(found.raw[:], made.raw)


def test_a_stack_without_a_table(tmp_path):
    write_series(tmp_path / "p.mrcs", series())
    (tmp_path / "p.csv").unlink()
    (tmp_path / "p_raw.mrcs").unlink()
    found = read_series(tmp_path / "p.mrcs", frame_time="5ms")
    np.testing.assert_array_equal(found.frame_index, np.arange(5))
    assert np.isnan(found.centres).all()
    assert found.raw is None  # the images are denoised, so they are not the raw ones
    assert found.times is None
    assert found.frame_time == 5e-3


def test_a_part_of_the_boxes(tmp_path):
    made = series()
    write_series(tmp_path / "p.mrcs", made)
    found = read_series(tmp_path / "p.mrcs", first=1, last=4)
    np.testing.assert_array_equal(found.frame_index, made.frame_index[1:4])
    np.testing.assert_array_equal(found.raw[:], made.raw[1:4])
    np.testing.assert_allclose(found.centres, made.centres[1:4])


def test_without_a_frame_time_there_are_no_times(tmp_path):
    write_series(tmp_path / "p.mrcs", replace(series(), frame_time=None))
    found = read_series(tmp_path / "p.mrcs")
    assert found.times is None
    assert pd.read_csv(tmp_path / "p.csv")["time_s"].isna().all()


def test_tables_that_do_not_fit_are_refused(tmp_path):
    write_series(tmp_path / "p.mrcs", series())
    table = pd.read_csv(tmp_path / "p.csv")
    table.iloc[:4].to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match=r"4 rows, but .* has 5 boxes"):
        read_series(tmp_path / "p.mrcs")
    table.assign(frame=[0, 1, 1, 2, 3]).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match="does not go upwards"):
        read_series(tmp_path / "p.mrcs")
    table.assign(x_A=["1", "2", "here", "4", "5"]).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match="no numbers"):
        read_series(tmp_path / "p.mrcs")


def test_unequal_lengths_are_not_written(tmp_path):
    made = series()
    with pytest.raises(InputError, match="5 boxes but 4 centres"):
        write_series(tmp_path / "p.mrcs", replace(made, centres=made.centres[:4]))
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"p\.mrcs does not exist"):
        read_series(tmp_path / "p.mrcs")
