"""The subarray as tables: exactly what went in comes back; tables that do not fit are named."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.errors import InputError
from iactflow.instrument.load import load_instrument
from iactflow.io.merge import merge_tables
from iactflow.io.root import RootWriter, write_table
from iactflow.io.subarray import Camera, Subarray, TelescopeType
from iactflow.io.subarray_tables import SUBARRAY, build_subarray, read_subarray, subarray_columns
from iactflow.telescope.subarray import make_subarray, traced_focal_length_m


def camera(name, n_pixels, n_channels, n_samples, n_points):
    """A camera with numbers that are all different."""
    x = np.linspace(-1.0, 1.0, n_pixels)
    pulse = np.arange(float(n_channels * n_points)).reshape(n_channels, n_points)
    rate = 1.025 if n_samples > 1 else np.nan
    shape = (n_channels, n_samples, rate, pulse, 0.1)
    return Camera(name, x, 2.0 * x + 0.1, 0.01 + 0.001 * x, "hexagon", 19.107, *shape)


@pytest.fixture
def subarray():
    """Two types of the same name, three telescopes, one camera of charges without a pulse."""
    types = (
        TelescopeType("MST", camera("one", 7, 2, 40, 5), 16.445, 16.0, 107.2),
        TelescopeType("MST", camera("two", 19, 1, 1, 0), 15.414, 15.0, 108.0),
    )
    positions = np.array([[1.0, 2.0, 3.0], [-70.0, 12.5, 0.25], [0.1, 0.2, 0.3]])
    telescopes = (np.array([2, 5, 9]), positions, types, np.array([1, 0, 1]))
    return Subarray("Array", *telescopes, 2156.0, np.nan, -17.89)


def same(a, b):
    """Whether two subarrays, types or cameras hold the same numbers and words."""
    for name, value in vars(a).items():
        other = getattr(b, name)
        if name == "types":
            assert len(value) == len(other)
            assert all(same(*pair) for pair in zip(value, other, strict=True))
        elif name == "camera":
            assert same(value, other)
        else:
            np.testing.assert_array_equal(value, other, err_msg=name)
            assert np.asarray(value).dtype.kind == np.asarray(other).dtype.kind
    return True


def test_a_subarray_comes_back_exactly(tmp_path, subarray):
    write_table(tmp_path / "a.root", subarray_columns(subarray))
    assert same(read_subarray(tmp_path / "a.root"), subarray)


def test_merges_keep_a_subarray_once(tmp_path, subarray):
    for name in "ab":
        write_table(tmp_path / f"{name}.root", subarray_columns(subarray))
    merge_tables([tmp_path / "a.root", tmp_path / "b.root"], tmp_path / "both.root")
    assert same(read_subarray(tmp_path / "both.root"), subarray)
    columns = subarray_columns(subarray)
    columns["array_telescopes"]["position_x_m"] = np.array([1.0, -70.0, 0.5])
    write_table(tmp_path / "moved.root", columns)
    with pytest.raises(InputError, match=r"array_telescopes.position_x_m: got 0\.5"):
        merge_tables([tmp_path / "a.root", tmp_path / "moved.root"], tmp_path / "no.root")


BAD = [
    ("array", "array_name", lambda v: np.append(v, "B"), "array: got '2 rows'"),
    ("array_telescopes", "tel_id", lambda v: v * 0, "array_telescopes.tel_id"),
    ("array_telescopes", "type_index", lambda v: v * 0, "array_telescopes.type_index"),
    ("array_telescopes", "focal_length_m", lambda v: v * 0, r"focal_length_m: got 0\.0"),
    ("array_telescopes", "mirror_area_m2", lambda v: np.arange(3.0), "mirror_area_m2"),
    ("camera_readouts", "type_index", lambda v: v + 1, "camera_readouts.type_index"),
    ("camera_readouts", "n_channels", lambda v: v * 0, "n_channels: got 0"),
    ("camera_pixels", "pixel_id", lambda v: v + 1, "camera_pixels.pixel_id"),
    ("camera_pixels", "type_index", lambda v: v + 5, "camera_pixels.type_index"),
    ("camera_pulses", "point", lambda v: v * 0, "camera_pulses"),
]


@pytest.mark.parametrize(("table", "column", "change", "message"), BAD)
def test_tables_that_do_not_fit_are_named(subarray, table, column, change, message):
    tables = subarray_columns(subarray)
    values = change(tables[table][column])
    rows = len(values)
    tables[table] = {k: np.resize(v, rows) for k, v in tables[table].items()}
    tables[table][column] = values
    with pytest.raises(InputError, match=message) as caught:
        build_subarray(tables, "file.root")
    assert caught.value.file == "file.root"


def test_a_file_without_an_array_says_so(tmp_path, subarray):
    columns = subarray_columns(subarray)
    columns.pop("camera_pulses")
    with RootWriter(tmp_path / "a.root", list(columns)) as writer:
        for name, table in columns.items():
            writer.append(name, table)
    with pytest.raises(InputError, match="no camera_pulses"):
        read_subarray(tmp_path / "a.root")


@pytest.fixture(scope="module")
def north(request):
    root = request.config.rootpath / "config" / "instruments"
    return load_instrument(root / "ctao-north-alpha" / "6.0.0")


def test_an_instrument_as_a_subarray(tmp_path, north):
    found = make_subarray(north)
    # Three of the large telescopes are alike but for their mirrors' reflectivity.
    assert found.type_index.tolist() == [0, 1, 1, 1] + [2] * 9
    assert [kind.name for kind in found.types] == ["LSTN-01", "LSTN-02", "MSTN-NectarCam"]
    nectarcam = found.telescope_type(5)
    pixels = north.telescopes[4].type.camera.pixels
    assert nectarcam.camera.pixel_area_m2[0] == pytest.approx(np.sqrt(3) / 2 * pixels.diameter_m**2)
    # Lightguides of NectarCAM: hexagons, a side's normal at 40.893 deg, a corner 30 deg further.
    assert nectarcam.camera.pixel_rotation_deg == pytest.approx(70.893 - 60.0)
    assert set(SUBARRAY) == set(subarray_columns(found))
    pulse, curve = nectarcam.camera.pulse[0], north.telescopes[4].type.camera.readout.pulse_high
    area = np.trapezoid(curve.y, curve.x)
    assert pulse.sum() * nectarcam.camera.pulse_step_ns == pytest.approx(area, rel=1e-3)
    write_table(tmp_path / "a.root", subarray_columns(found))
    assert same(read_subarray(tmp_path / "a.root"), found)


def test_plate_scale_is_that_of_the_traced_light(north):
    """Effective focal lengths of sim_telarray, against ours: 0.24 % (LST), 0.15 % (MST)."""
    for telescope, tolerance in ((north.telescopes[0], 3e-3), (north.telescopes[4], 2e-3)):
        optics = telescope.type.optics
        traced = traced_focal_length_m(optics)
        assert traced == pytest.approx(optics.effective_focal_length_m, rel=tolerance)
        assert abs(traced / optics.focal_length_m - 1.0) > 0.025
