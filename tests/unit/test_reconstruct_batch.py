"""Geometry of batches: ctapipe's on real files, cuts, pointings apart, edges of the sphere."""

import awkward
import numpy as np
import pytest
from stereo_samples import SQUARE_M, Batch, batch_of_ctapipe

from iactflow.campaign.directions import separation_deg
from iactflow.errors import InputError
from iactflow.io.subarray import Camera, Subarray, TelescopeType
from iactflow.io.tables import find_table
from iactflow.stereo import reconstruct
from iactflow.stereo.frames import (
    axis_distance_m,
    horizontal_to_telescope,
    sky_vectors,
    telescope_to_horizontal,
    vectors_to_horizontal,
)
from iactflow.stereo.reconstruct import (
    StereoSettings,
    camera_radius_deg,
    reconstruct_batch,
    usable_images,
)

FILES = (
    "gamma_diffuse_run000010_za20deg_azm000deg_North_alpha_6.0.0_test_file.simtel.zst",
    "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst",
    "proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test.simtel.zst",
    "lst_muons_with_true_photons.simtel.zst",
)


def _camera():
    side = np.arange(10) * 0.1 - 0.45
    x, y = (a.ravel() for a in np.meshgrid(side, side))
    area = np.full(x.size, 0.01)
    return Camera("square", x, y, area, "square", 0.0, 1, 1, np.nan, np.empty((1, 0)), 1.0)


def _subarray(n=4):
    kind = TelescopeType("t", _camera(), 15.0, 15.0, 100.0)
    types = np.zeros(n, dtype=np.int64)
    return Subarray("a", np.arange(n) + 11, SQUARE_M[:n], (kind,), types, 1800.0, 0.0, 0.0)


def _batch(alt_deg, az_deg, pointing_deg, core_m, length_m=9000.0):
    """Exact images of showers; pointing_deg: altitude and azimuth of each telescope."""
    subarray = _subarray()
    n_events, n_tel = len(alt_deg), len(subarray.tel_ids)
    event, tel = np.divmod(np.arange(n_events * n_tel), n_tel)
    direction = sky_vectors(alt_deg, az_deg)
    core = np.column_stack([core_m, np.zeros(n_events)])
    point = np.asarray(pointing_deg, dtype=float)[tel]
    places = []
    for distance in (length_m - 1.0, length_m, length_m + 1.0):
        line = (core + distance * direction)[event] - subarray.positions_m[tel]
        places.append(horizontal_to_telescope(*vectors_to_horizontal(line), *point.T))
    (lon_0, lat_0), (lon, lat), (lon_1, lat_1) = places
    n = len(event)
    parameters = {
        "hillas_intensity": np.full(n, 500.0),
        "hillas_fov_lon_deg": lon,
        "hillas_fov_lat_deg": lat,
        "hillas_r_deg": np.hypot(lon, lat),
        "hillas_length_deg": np.full(n, 0.3),
        "hillas_width_deg": np.full(n, 0.1),
        "hillas_psi_deg": np.degrees(np.arctan2(lat_1 - lat_0, lon_1 - lon_0)),
        "leakage_intensity_width_2": np.zeros(n),
        "morphology_n_pixels": np.full(n, 20),
    }
    mean = np.mean(pointing_deg, axis=0)
    everyone = (np.full(n_events, x) for x in mean)
    return Batch(event, tel, parameters, *point.T.copy(), *everyone, n_events, subarray, {})


SHOWERS = (np.array([0.2, -0.3, 0.5]), np.array([0.1, -0.6, 0.4]))
CORES = np.array([[30.0, 40.0], [-120.0, 60.0], [10.0, -150.0]])


def _around(alt_deg, az_deg, batch_pointing=None, **keywords):
    pointing = [(alt_deg, az_deg)] * 4 if batch_pointing is None else batch_pointing
    alt, az = telescope_to_horizontal(*SHOWERS, alt_deg, az_deg)
    return (alt, az), _batch(alt, az, pointing, CORES, **keywords)


@pytest.fixture
def near_points(monkeypatch):
    """Planes by two near points: ctapipe's are so far apart that exact images miss by 5e-5 deg."""
    monkeypatch.setattr(reconstruct, "PLANE_STEP", 1e-3)


@pytest.mark.parametrize("pointing", [(70.0, 180.0), (60.0, 0.0), (60.0, 359.9), (90.0, 0.0)])
def test_exact_images_give_the_shower_back(pointing, near_points):
    (alt, az), batch = _around(*pointing)
    geometry, impact = reconstruct_batch(*batch.arguments, StereoSettings())
    assert geometry["is_valid"].all()
    # Axes come from two points a metre apart around the maximum.
    assert separation_deg(geometry["az_deg"], geometry["alt_deg"], az, alt).max() < 1e-5
    assert separation_deg(geometry["az_fit_deg"], geometry["alt_fit_deg"], az, alt).max() < 1e-5
    assert np.all((geometry["az_deg"] >= 0.0) & (geometry["az_deg"] < 360.0))
    core = np.column_stack([geometry["core_x_fit_m"], geometry["core_y_fit_m"]])
    assert core == pytest.approx(CORES, abs=2e-3)
    height = 1800.0 + 9000.0 * np.sin(np.radians(alt))
    assert geometry["h_max_m"] == pytest.approx(height, rel=1e-5)
    e, t = batch.event_index, batch.tel_index
    expected = axis_distance_m(*CORES[e].T, alt[e], az[e], SQUARE_M[t])
    assert impact == pytest.approx(expected, abs=5e-3)
    assert geometry["telescopes"].tolist() == [[11, 12, 13, 14]] * 3
    assert geometry["fit_statistic"] == pytest.approx(np.zeros(3), abs=1e-6)


def test_telescopes_may_point_apart(near_points):
    apart = [(70.0, 180.0), (71.5, 178.0), (68.0, 183.0), (70.0, 186.0)]
    (alt, az), batch = _around(70.0, 181.0, apart)
    geometry, _ = reconstruct_batch(*batch.arguments, StereoSettings())
    assert separation_deg(geometry["az_deg"], geometry["alt_deg"], az, alt).max() < 1e-5
    assert separation_deg(geometry["az_fit_deg"], geometry["alt_fit_deg"], az, alt).max() < 1e-5


def _ctapipe_direction(parameters, rows, pointing, radius_deg):
    """Direction of images by ctapipe's transformations and its ``estimate_direction``."""
    import astropy.units as u
    from astropy.coordinates import AltAz, SkyCoord
    from ctapipe.coordinates import TelescopeFrame, altaz_to_righthanded_cartesian
    from ctapipe.reco import HillasReconstructor

    lon, lat, psi, size, length, width = (
        parameters[f"hillas_{name}"][rows]
        for name in (
            "fov_lon_deg",
            "fov_lat_deg",
            "psi_deg",
            "intensity",
            "length_deg",
            "width_deg",
        )
    )
    axis = SkyCoord(alt=pointing[0] * u.deg, az=pointing[1] * u.deg, frame=AltAz())
    frame = TelescopeFrame(telescope_pointing=axis)
    ends = []
    for step in (0.0, 0.1 * radius_deg):
        place = (lon + step * np.cos(np.radians(psi)), lat + step * np.sin(np.radians(psi))) * u.deg
        sky = SkyCoord(fov_lon=place[0], fov_lat=place[1], frame=frame).transform_to(AltAz())
        ends.append(altaz_to_righthanded_cartesian(alt=sky.alt, az=sky.az))
    weight = size * length / width
    direction, _ = HillasReconstructor.estimate_direction(np.cross(*ends), weight)
    return vectors_to_horizontal(direction)


def test_nearly_parallel_axes_go_by_the_planes_of_ctapipe(monkeypatch):
    """A plane that is turned by 0.01 deg moves where parallel planes meet, not where others do."""
    pointing = (70.0, 180.0)
    _, batch = _around(*pointing)
    # Two telescopes alone; axes that cross at 0.4 deg in the first event, at 60 deg in the second.
    keep = np.flatnonzero((batch.event_index < 2) & (batch.tel_index < 2))
    parameters = {k: v[keep] for k, v in batch.parameters.items()}
    parameters["hillas_fov_lon_deg"] = np.array([1.2, -0.9, 1.0, -0.5])
    parameters["hillas_fov_lat_deg"] = np.array([1.5, -1.1, 0.7, 1.5])
    parameters["hillas_psi_deg"] = np.array([30.0, 30.4, 10.0, -50.0])
    arguments = (
        batch.event_index[keep], batch.tel_index[keep], parameters,
        *(np.full(4, x) for x in pointing), *(np.full(2, x) for x in pointing), 2, batch.subarray,
    )  # fmt: skip

    def away(event):
        geometry, _ = reconstruct_batch(*arguments, StereoSettings())
        rows = slice(2 * event, 2 * event + 2)
        radius_deg = camera_radius_deg(batch.subarray.types[0])
        alt, az = _ctapipe_direction(parameters, rows, pointing, radius_deg)
        return separation_deg(geometry["az_deg"][event], geometry["alt_deg"][event], az, alt)

    assert [away(0), away(1)] == pytest.approx([0.0, 0.0], abs=1e-7)
    monkeypatch.setattr(reconstruct, "PLANE_STEP", 1e-3)
    assert away(0) > 0.01
    assert 1e-6 < away(1) < 1e-3


@pytest.mark.parametrize(
    ("column", "bad", "settings"),
    [
        ("hillas_intensity", 50.0, {}),
        ("hillas_intensity", 79.0, {"min_size_pe": 80.0}),
        ("hillas_width_deg", 0.0, {}),
        ("hillas_width_deg", np.nan, {}),
        ("morphology_n_pixels", 3, {}),
        ("hillas_r_deg", 2.1, {"max_distance_deg": 2.0}),
        ("leakage_intensity_width_2", 0.3, {"max_leakage": 0.2}),
        ("hillas_psi_deg", np.nan, {}),
    ],
)
def test_cuts_leave_images_out(column, bad, settings):
    _, batch = _around(70.0, 180.0)
    batch.parameters[column] = batch.parameters[column].astype(float)
    batch.parameters[column][[1, 4, 5, 6]] = bad
    settings = StereoSettings(**settings)
    assert np.flatnonzero(~usable_images(batch.parameters, settings)).tolist() == [1, 4, 5, 6]
    geometry, impact = reconstruct_batch(*batch.arguments, settings)
    assert geometry["telescopes"].tolist() == [[11, 13, 14], [], [11, 12, 13, 14]]
    assert geometry["multiplicity"].tolist() == [3, 0, 4]
    assert geometry["is_valid"].tolist() == [True, False, True]
    assert np.isnan(geometry["alt_deg"]).tolist() == [False, True, False]
    # Also telescopes whose image was left out have a distance.
    assert np.isnan(impact).tolist() == [False] * 4 + [True] * 4 + [False] * 4


def test_events_need_enough_telescopes():
    _, batch = _around(70.0, 180.0)
    batch.parameters["hillas_intensity"][0] = 10.0
    geometry, _ = reconstruct_batch(*batch.arguments, StereoSettings(min_telescopes=4))
    assert geometry["multiplicity"].tolist() == [0, 4, 4]


def test_columns_are_those_of_the_table():
    _, batch = _around(70.0, 180.0)
    geometry, _ = reconstruct_batch(*batch.arguments, StereoSettings())
    names = {c.name for c in find_table("geometry", "test").columns}
    assert set(geometry) == names - {"obs_id", "event_id", "time_s", "time_qns"}
    assert isinstance(geometry["telescopes"], awkward.Array)


def test_an_empty_batch_is_no_error():
    empty = np.zeros(0)
    _, batch = _around(70.0, 180.0)
    parameters = {k: v[:0] for k, v in batch.parameters.items()}
    rows = (empty.astype(np.int64), empty.astype(np.int64), parameters, empty, empty)
    geometry, impact = reconstruct_batch(
        *rows, np.full(2, 70.0), np.zeros(2), 2, batch.subarray, StereoSettings()
    )
    assert geometry["is_valid"].tolist() == [False, False]
    assert geometry["telescopes"].tolist() == [[], []]
    assert len(impact) == 0


def test_rows_must_follow_the_events():
    _, batch = _around(70.0, 180.0)
    with pytest.raises(InputError, match="event_index"):
        reconstruct_batch(batch.event_index[::-1], *batch.arguments[1:], StereoSettings())


@pytest.mark.parametrize("key", ["min_telescopes", "min_size_pe", "min_pixels", "max_leakage"])
def test_settings_out_of_range_are_refused(key):
    with pytest.raises(InputError, match=key):
        StereoSettings(**{key: -1})


def test_the_radius_of_a_camera_is_the_mean_over_its_border():
    camera = _camera()
    border = np.maximum(np.abs(camera.pixel_x_m), np.abs(camera.pixel_y_m)) > 0.44
    expected = np.hypot(camera.pixel_x_m[border], camera.pixel_y_m[border]).mean()
    found = camera_radius_deg(TelescopeType("t", camera, 15.0, 14.0, 100.0))
    assert found == pytest.approx(np.degrees(expected / 15.0))


@pytest.mark.parametrize("name", FILES)
def test_geometry_is_that_of_ctapipe(data_dir, name):
    batch = batch_of_ctapipe(data_dir / "sim" / name)
    geometry, _ = reconstruct_batch(*batch.arguments, StereoSettings())
    valid = np.array(batch.known["is_valid"])
    assert geometry["is_valid"].tolist() == valid.tolist()
    assert geometry["telescopes"].tolist() == batch.known["telescopes"]
    known = {k: np.array(batch.known[k])[valid] for k in ("alt", "az", "core_x", "core_y", "h_max")}
    ours = {k: np.asarray(v)[valid] for k, v in geometry.items() if k != "telescopes"}
    away = separation_deg(ours["az_deg"], ours["alt_deg"], known["az"], known["alt"])
    assert away.max(initial=0.0) < 1e-9
    assert ours["core_x_m"] == pytest.approx(known["core_x"], abs=1e-3)
    assert ours["core_y_m"] == pytest.approx(known["core_y"], abs=1e-3)
    assert ours["h_max_m"] == pytest.approx(known["h_max"], rel=1e-6)
    away = axis_distance_m(
        *(geometry[k][batch.event_index] for k in ("core_x_m", "core_y_m", "alt_deg", "az_deg")),
        batch.subarray.positions_m[batch.tel_index],
    )
    for distance, event, tel in zip(away, batch.event_index, batch.tel_index, strict=True):
        expected = batch.known["impact"][event].get(int(batch.subarray.tel_ids[tel]), np.nan)
        assert distance == pytest.approx(expected, abs=0.01, nan_ok=True)
