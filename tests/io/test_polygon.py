"""Polygons from JSON and Fiji, and their way to a binned movie."""

import json

import numpy as np
import pytest
import roifile
from skimage.draw import polygon2mask

from atomotion.data import InputError, Movie
from atomotion.data.polygon import Polygon
from atomotion.io.polygon import fit_polygon, read_polygon, write_polygon

CORNERS = [[1.0, 2.0], [7.5, 2.0], [7.5, 9.0], [1.0, 9.0]]


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def movie(height, width, pixel_size=None):
    return Movie(frames=np.zeros((1, height, width)), pixel_size=pixel_size)


def test_json_with_and_without_the_frame(tmp_path):
    plain = read_polygon(write(tmp_path / "p.json", {"polygon": CORNERS}))
    np.testing.assert_array_equal(plain.points, CORNERS)
    assert (plain.shape, plain.pixel_size) == (None, None)
    closed = {"polygon_xy": [*CORNERS, CORNERS[0]], "shape": [20, 30], "pixel_size_A": 0.358}
    full = read_polygon(write(tmp_path / "q.json", closed))
    np.testing.assert_array_equal(full.points, CORNERS)  # the first corner is not repeated
    assert (full.shape, full.pixel_size) == ((20, 30), 0.358)


def test_what_is_written_is_read(tmp_path):
    polygon = Polygon(points=np.array(CORNERS), shape=(20, 30), pixel_size=0.358)
    write_polygon(tmp_path / "p.json", polygon)
    again = read_polygon(tmp_path / "p.json")
    np.testing.assert_array_equal(again.points, polygon.points)
    assert (again.shape, again.pixel_size) == (polygon.shape, polygon.pixel_size)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"points": CORNERS}, 'has no key "polygon"'),
        ([1, 2], 'has no key "polygon"'),
        ({"polygon": CORNERS[:2]}, "2 corners and no area"),
        ({"polygon": [[0, 0], [1, 1], [2, 2]]}, "no area"),
        ({"polygon": [[0, 0], [1, 1], [2]]}, "not a list of"),
        ({"polygon": [[0, 0], [1, None], [2, 0]]}, "not a list of"),
        ({"polygon": CORNERS, "shape": [3]}, "shape in"),
        ({"polygon": CORNERS, "pixel_size_A": "0.3"}, "pixel_size_A in"),
    ],
)
def test_unusable_json_is_an_input_error(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_polygon(write(tmp_path / "p.json", content))


def test_unusable_files_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_polygon(tmp_path / "no.json")
    for name in ("p.json", "p.roi", "p.zip"):
        (tmp_path / name).write_bytes(b"\x00\xff nothing")
        with pytest.raises(InputError):
            read_polygon(tmp_path / name)


def roi(kind, **fields):
    made = roifile.ImagejRoi()
    made.roitype = roifile.ROI_TYPE[kind]
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_fiji_rectangle_covers_the_pixels_that_fiji_selects(tmp_path):
    # in Fiji makeRectangle(2, 3, 4, 5) selects columns 2..5 and rows 3..7, each pixel whole
    roi("RECT", left=2, top=3, right=6, bottom=8).tofile(tmp_path / "r.roi")
    points = read_polygon(tmp_path / "r.roi").points
    assert points.min(axis=0).tolist() == [1.5, 2.5]
    assert points.max(axis=0).tolist() == [5.5, 7.5]
    selected = np.argwhere(polygon2mask((12, 12), points[:, ::-1]))
    assert selected.min(axis=0).tolist() == [3, 2]
    assert selected.max(axis=0).tolist() == [7, 5]
    assert len(selected) == 4 * 5


def test_fiji_polygon_freehand_and_traced(tmp_path):
    corners = np.array([[10, 20], [30, 20], [30, 50], [12, 44]])
    for kind in ("POLYGON", "FREEHAND", "TRACED"):
        made = roi(kind, left=10, top=20, right=30, bottom=50, n_coordinates=4)
        made.integer_coordinates = corners - [10, 20]
        made.tofile(tmp_path / "p.roi")
        np.testing.assert_allclose(read_polygon(tmp_path / "p.roi").points, corners - 0.5)


def test_fiji_sub_pixel_corners(tmp_path):
    corners = np.array([[10.25, 20.5], [30.0, 20.5], [30.0, 50.75]], np.float32)
    made = roifile.ImagejRoi.frompoints(corners)
    made.tofile(tmp_path / "p.roi")
    np.testing.assert_allclose(read_polygon(tmp_path / "p.roi").points, corners - 0.5)


def test_fiji_oval_has_the_area_of_its_ellipse(tmp_path):
    roi("OVAL", left=10, top=20, right=50, bottom=40).tofile(tmp_path / "o.roi")
    x, y = read_polygon(tmp_path / "o.roi").points.T
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    # 64 corners on the ellipse lack 1 - sin(2π/64)/(2π/64) = 0.16 % of it
    assert area == pytest.approx(np.pi * 20 * 10, rel=2e-3)
    assert (x.mean(), y.mean()) == pytest.approx((29.5, 29.5))


def test_fiji_zip_of_one_selection_and_of_several(tmp_path):
    roi("RECT", left=2, top=3, right=6, bottom=8).tofile(tmp_path / "one.zip", name="a")
    assert len(read_polygon(tmp_path / "one.zip").points) == 4
    roi("RECT", left=3, top=3, right=6, bottom=8).tofile(tmp_path / "one.zip", name="b")
    with pytest.raises(InputError, match="2 selections"):
        read_polygon(tmp_path / "one.zip")


def test_fiji_line_is_no_area(tmp_path):
    roi("LINE", x1=1, y1=1, x2=5, y2=5).tofile(tmp_path / "l.roi")
    with pytest.raises(InputError, match="line selection"):
        read_polygon(tmp_path / "l.roi")


def test_polygon_on_the_same_frame_stays():
    polygon = Polygon(points=np.array(CORNERS), shape=(20, 30), pixel_size=0.5)
    fitted = fit_polygon(polygon, movie(20, 30, 0.5))
    np.testing.assert_array_equal(fitted.points, CORNERS)
    assert fit_polygon(Polygon(points=np.array(CORNERS)), movie(20, 30)).shape == (20, 30)


@pytest.mark.parametrize("known", ["both", "shape", "pixel_size"])
def test_binning_keeps_the_same_pixels_inside(known):
    # pixels 4..11 of 33 are, binned by 4, pixels 1..2 of 8 (and the 33rd is left out)
    square = np.array([[3.5, 3.5], [11.5, 3.5], [11.5, 11.5], [3.5, 11.5]])
    shape = None if known == "pixel_size" else (33, 33)
    size = None if known == "shape" else 0.5
    fitted = fit_polygon(Polygon(points=square, shape=shape, pixel_size=size), movie(8, 8, 2.0))
    np.testing.assert_allclose(fitted.points, [[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]])
    assert (fitted.shape, fitted.pixel_size) == ((8, 8), 2.0)
    if known == "shape":  # and back, from the binned to the full frames
        back = fit_polygon(Polygon(points=fitted.points, shape=(8, 8)), movie(33, 33))
        np.testing.assert_allclose(back.points, square)


def test_other_shapes_are_refused():
    polygon = Polygon(points=np.array(CORNERS), shape=(20, 30), pixel_size=0.5)
    with pytest.raises(InputError, match=r"30 x 20 pixels, which no binning takes to the 28 x 18 pixels"):
        fit_polygon(polygon, movie(18, 28))
    with pytest.raises(InputError, match=r"pixels of 0.5 Å and 1 Å"):
        fit_polygon(polygon, movie(20, 30, 1.0))


def test_outside_is_refused_and_the_edge_is_kept():
    polygon = Polygon(points=np.array([[-1.2, 0.0], [5.0, 0.0], [5.0, 11.9]]))
    fitted = fit_polygon(polygon, movie(12, 10))
    assert fitted.points[0].tolist() == [-0.5, 0.0]
    assert fitted.points[2].tolist() == [5.0, 11.5]
    with pytest.raises(InputError, match=r"y -?0.0 to 11.9, outside the frames of the movie \(10 x 10 pixels\)"):
        fit_polygon(polygon, movie(10, 10))


def test_measured_polygon(data_dir):
    # reference.json lists seven points, of which the last repeats the first
    polygon = read_polygon(data_dir / "pt_ceo2_movie" / "reference.json")
    assert polygon.points.tolist() == [[148, 37], [102, 10], [43, 50], [10, 137], [42, 235], [120, 227]]
    fit_polygon(polygon, movie(245, 158))
