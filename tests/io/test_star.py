from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from atomotion.data import InputError, Poses
from atomotion.geometry import angle_between, matrices_from_quaternions, quaternions_from_vectors, random_quaternions
from atomotion.io.star import read_poses, write_poses


def poses(n: int = 30, **extras: object) -> Poses:
    rng = np.random.default_rng(0)
    quaternions = random_quaternions(n, rng)
    quaternions[0] = [1, 0, 0, 0]  # tilt 0, where rot and psi are not determined one by one
    quaternions[1] = quaternions_from_vectors([180.0, 0, 0])  # tilt 180
    quaternions[2] = quaternions_from_vectors([0, 0, 33.0])
    return Poses(quaternions=quaternions, shifts=rng.normal(size=(n, 2)), **extras)


def test_poses_and_facts_come_back(tmp_path: Path):
    written = poses(score=np.linspace(0, 1, 30), weight=np.linspace(1, 2, 30))
    write_poses(
        tmp_path / "poses.star",
        written,
        stack="run 1/box.mrcs",
        pixel_size=0.358,
        image_size=160,
        voltage=300e3,
        cs=-11e4,
    )
    back = read_poses(tmp_path / "poses.star")
    # six decimals of a degree and of an Å
    assert angle_between(back.poses.quaternions, written.quaternions).max() < 1e-5
    np.testing.assert_allclose(back.poses.shifts, written.shifts, atol=1e-6)
    np.testing.assert_allclose(back.poses.score, written.score, atol=1e-7)
    np.testing.assert_allclose(back.poses.weight, written.weight, atol=1e-7)
    assert back.images[0] == "000001@run 1/box.mrcs"
    assert back.images[29] == "000030@run 1/box.mrcs"
    assert (back.pixel_size, back.voltage) == (0.358, 300e3)
    assert back.cs == pytest.approx(-11e4)


def test_the_file_holds_relions_angles_offsets_and_units(tmp_path: Path):
    """RELION's matrix, written out: R = Rz(psi) Ry(tilt) Rz(rot) of rotated axes (Heymann, Chagoyen & Belnap 2005)."""
    rot, tilt, psi = np.deg2rad([20.0, 35.0, -50.0])

    def about_z(angle: float) -> np.ndarray:
        return np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])

    about_y = np.array([[np.cos(tilt), 0, -np.sin(tilt)], [0, 1, 0], [np.sin(tilt), 0, np.cos(tilt)]])
    matrix = about_z(psi) @ about_y @ about_z(rot)
    quaternion = np.roll(Rotation.from_matrix(matrix).as_quat(), 1)
    one = Poses(quaternions=quaternion[None], shifts=np.array([[1.25, -0.5]]))
    write_poses(tmp_path / "one.star", one, stack="box.mrcs", pixel_size=0.4, voltage=300e3, cs=1.2e7)
    text = (tmp_path / "one.star").read_text()
    columns = [line.split()[0] for line in text.split("data_particles")[1].splitlines() if line.startswith("_")]
    row = dict(zip(columns, text.split("data_particles")[1].strip().splitlines()[-1].split(), strict=True))
    assert float(row["_rlnAngleRot"]) == pytest.approx(20.0, abs=1e-5)
    assert float(row["_rlnAngleTilt"]) == pytest.approx(35.0, abs=1e-5)
    assert float(row["_rlnAnglePsi"]) == pytest.approx(-50.0, abs=1e-5)
    assert float(row["_rlnOriginXAngst"]) == -1.25
    assert float(row["_rlnOriginYAngst"]) == 0.5
    assert row["_rlnImageName"] == "000001@box.mrcs"
    optics = text.split("data_particles")[0]
    assert "300.000000" in optics  # kV
    assert "1.200000000" in optics  # mm


RELION_30 = """
data_

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnAngleTilt #3
_rlnAnglePsi #4
_rlnOriginX #5
_rlnOriginY #6
_rlnVoltage #7
_rlnSphericalAberration #8
{extra}
000001@a.mrcs   10.0 20.0 30.0  2.0 -1.0 200.0 2.7 {values}
000002@a.mrcs   -10.0 90.0 0.0  0.0 0.5 200.0 2.7 {values}

"""


def test_relion_30_has_offsets_in_pixels(tmp_path: Path):
    path = tmp_path / "old.star"
    extra = "_rlnDetectorPixelSize #9\n_rlnMagnification #10"
    path.write_text(RELION_30.format(extra=extra, values="5.0 100000"))
    back = read_poses(path)
    assert back.pixel_size == pytest.approx(0.5)  # 5 µm / 100,000
    np.testing.assert_allclose(back.poses.shifts, [[-1.0, 0.5], [0.0, -0.25]])
    assert back.voltage == 200e3
    assert back.cs == pytest.approx(2.7e7)
    expected = Rotation.from_euler("ZYZ", [[10, 20, 30], [-10, 90, 0]], degrees=True).inv().as_matrix()
    np.testing.assert_allclose(matrices_from_quaternions(back.poses.quaternions), expected, atol=1e-12)
    path.write_text(RELION_30.format(extra="", values=""))
    with pytest.raises(InputError, match=r"in pixels.*--pixel-size"):
        read_poses(path)
    np.testing.assert_allclose(read_poses(path, pixel_size=2.0).poses.shifts, [[-4.0, 2.0], [0.0, -1.0]])


def test_relion_31_as_it_is_written_by_others(tmp_path: Path):
    path = tmp_path / "new.star"
    path.write_text(
        "# version 30001\r\n\r\ndata_general\r\n\r\n_rlnSomething 1\r\n\r\ndata_optics\r\n\r\nloop_ \r\n"
        "_rlnOpticsGroupName #1\r\n_rlnImagePixelSize #2\r\n'group 1' 1.1\r\n\r\n\r\n# version 30001\r\n\r\n"
        "data_particles\r\n\r\nloop_ \r\n_rlnAngleTilt #1\r\n_rlnAngleRot #2\r\n_rlnAnglePsi #3\r\n"
        "_rlnOriginXAngst #4\r\n_rlnOriginYAngst #5\r\n  0.0 15.0 5.0 3.0 -4.0 \r\n \r\n"
    )
    back = read_poses(path)
    assert back.pixel_size == 1.1
    assert back.images == ()
    np.testing.assert_allclose(back.poses.shifts, [[-3.0, 4.0]])
    assert angle_between(back.poses.quaternions[0], quaternions_from_vectors([0, 0, -20.0])) == pytest.approx(
        0, abs=1e-6
    )


def test_a_table_of_one_particle_without_a_loop(tmp_path: Path):
    path = tmp_path / "single.star"
    path.write_text("data_\n_rlnAngleRot 1.0\n_rlnAngleTilt 2.0\n_rlnAnglePsi 3.0\n_rlnImageName 000001@a.mrcs\n")
    back = read_poses(path)
    assert len(back.poses) == 1
    assert back.images == ("000001@a.mrcs",)
    np.testing.assert_array_equal(back.poses.shifts, 0.0)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("data_\nloop_\n_rlnCoordinateX #1\n5\n", "no table with rlnAngleRot"),
        ("not a star file", "no table with"),
        ("data_\nloop_\n_rlnAngleRot\n_rlnAngleTilt\n_rlnAnglePsi\n1 2\n", "line 6 of .* has 2 values for 3 columns"),
        ("data_\nloop_\n_rlnAngleRot\n_rlnAngleTilt\n_rlnAnglePsi\n1 2 x\n", "rlnAnglePsi in .* not always a number"),
    ],
)
def test_broken_files_are_refused_with_a_reason(tmp_path: Path, text: str, match: str):
    (tmp_path / "bad.star").write_text(text)
    with pytest.raises(InputError, match=match):
        read_poses(tmp_path / "bad.star")
    with pytest.raises(InputError, match="does not exist"):
        read_poses(tmp_path / "gone.star")
