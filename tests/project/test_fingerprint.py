import os

import numpy as np
import pytest

from atomotion.data import InputError
from atomotion.project.fingerprint import fingerprint


def test_content_counts_and_the_place_does_not(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"hello")
    (tmp_path / "b.bin").write_bytes(b"hello")
    (tmp_path / "c.bin").write_bytes(b"hellp")
    prints = [fingerprint(tmp_path / f"{name}.bin") for name in "abc"]
    assert prints[0] == prints[1] != prints[2]


def test_a_large_file_is_read_in_pieces(tmp_path):
    path = tmp_path / "movie.raw"
    with path.open("wb") as stream:
        os.truncate(path, 3 * 10**9)
        stream.seek(0)
    before = fingerprint(path)
    with path.open("r+b") as stream:
        stream.seek(3 * 10**9 - 5)
        stream.write(b"x")
    assert fingerprint(path) != before


def test_folders_and_patterns(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"f{number}.npy", np.full(3, number))
    whole, pattern = fingerprint(tmp_path), fingerprint(tmp_path / "f*.npy")
    np.save(tmp_path / "f3.npy", np.zeros(3))
    assert fingerprint(tmp_path) != whole
    assert fingerprint(tmp_path / "f*.npy") != pattern
    with pytest.raises(InputError, match="does not exist"):
        fingerprint(tmp_path / "nothing")
