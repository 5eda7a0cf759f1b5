"""Parameters of images: ctapipe's numbers, slow twins, a Gaussian ellipse, degenerate images."""

from __future__ import annotations

import numpy as np
import pytest
from ctapipe.fitting import lts_linear_regression
from ctapipe.image import (
    concentration_parameters,
    hillas_parameters,
    leakage_parameters,
    morphology_parameters,
    timing_parameters,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from image_samples import geometry_of, shower_images, telescope_type

from iactflow.imaging.camera import camera_table
from iactflow.imaging.clean import CleaningSettings, clean_images
from iactflow.imaging.parameters import COLUMNS, COUNTS, image_parameters
from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.tables import TABLES

KINDS = {"hexagon": telescope_type(), "square": telescope_type("square", 400, 0.045)}
SMALL = telescope_type(n_pixels=61)
GEOMETRIES = {name: geometry_of(kind)[1] for name, kind in KINDS.items()}
SMALL_GEOMETRY = geometry_of(SMALL)[1]
TIMING = [name for name in COLUMNS if name.startswith("timing")]


def _of_ctapipe(geometry, image, time, mask):
    """Parameters of one image by ctapipe, under our names."""
    chosen, charge = geometry[mask], image[mask]
    hillas = hillas_parameters(chosen, charge)
    concentration = concentration_parameters(chosen, charge, hillas)
    timing = timing_parameters(chosen, charge, time[mask], hillas)
    leakage = leakage_parameters(geometry, image, mask)
    morphology = morphology_parameters(geometry, mask)
    angles = ("fov_lon", "fov_lat", "r", "phi", "psi")
    sizes = ("length", "length_uncertainty", "width", "width_uncertainty")
    return {
        **{f"hillas_{k}_deg": hillas[k].to_value("deg") for k in (*angles, *sizes)},
        **{f"hillas_{k}": hillas[k] for k in ("intensity", "skewness", "kurtosis")},
        "timing_slope_ns_per_deg": timing.slope.to_value("1/deg"),
        "timing_intercept_ns": timing.intercept,
        "timing_deviation_ns": timing.deviation,
        **{f"leakage_{k}": v for k, v in leakage.items()},
        **{f"concentration_{k}": v for k, v in concentration.items()},
        **{f"morphology_{k}": morphology[k] for k in ("n_pixels", "n_islands")},
    }


def _measure(kind, image, time, mask):
    """Parameters of one image as numbers."""
    rows = (np.atleast_2d(a) for a in (image, time, mask))
    return {k: v[0] for k, v in image_parameters(*rows, kind).items()}


def _difference_deg(a, b, period):
    return abs((a - b + 0.5 * period) % period - 0.5 * period)


@pytest.mark.parametrize("shape", KINDS)
def test_parameters_of_ctapipe(shape):
    kind, geometry = KINDS[shape], GEOMETRIES[shape]
    image, time = shower_images(kind, 60, seed=2)
    mask = clean_images(image, time, camera_neighbours(kind.camera), CleaningSettings())
    mask[mask.sum(axis=1) < 3] = False
    ours = image_parameters(image, time, mask, kind)
    filled = np.flatnonzero(mask.any(axis=1))
    assert len(filled) > 40
    for row in filled:
        theirs = _of_ctapipe(geometry, image[row], time[row], mask[row])
        for name in (*COLUMNS, *COUNTS):
            if name in TIMING:
                continue
            # ctapipe adds up charges in float32 for concentration and leakage
            expected = pytest.approx(theirs[name], rel=1e-6, abs=1e-9, nan_ok=True)
            assert ours[name][row] == expected, name


def test_leakage_of_ctapipe_in_full_cameras():
    for shape, kind in KINDS.items():
        table = camera_table(kind)
        np.testing.assert_array_equal(table.ring_1, GEOMETRIES[shape].get_border_pixel_mask(1))
        np.testing.assert_array_equal(table.ring_2, GEOMETRIES[shape].get_border_pixel_mask(2))
        np.testing.assert_allclose(
            table.width_deg, GEOMETRIES[shape].pixel_width.to_value("deg"), rtol=1e-9
        )


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 12))
def test_any_image_as_ctapipe(data, n_pixels):
    pixels = data.draw(st.sets(st.integers(0, 60), min_size=n_pixels, max_size=n_pixels))
    mask = np.zeros(61, dtype=bool)
    mask[list(pixels)] = True
    charges = st.integers(0, 400).map(lambda i: 0.25 * i)
    image = data.draw(arrays(np.float32, 61, elements=charges))
    time = data.draw(arrays(np.float32, 61, elements=st.integers(0, 40).map(float)))
    ours = _measure(SMALL, image, time, mask)
    if image[mask].sum() == 0.0:
        assert all(np.isnan(ours[name]) for name in COLUMNS)
        return
    # pixels without light define no axis, and ctapipe cannot invert its matrix
    if np.count_nonzero(image[mask]) == 1 and n_pixels > 1:
        return
    theirs = _of_ctapipe(SMALL_GEOMETRY, image, time, mask)
    length, width = theirs["hillas_length_deg"], theirs["hillas_width_deg"]
    is_round = length - width < 1e-6
    is_line = width < 1e-6
    for name in (*COLUMNS, *COUNTS):
        # a round image has no axis; the width of a line is rounding; times: another test
        of_axis = name in ("hillas_skewness", "hillas_kurtosis", "hillas_psi_deg")
        of_axis |= "uncertainty" in name or name == "concentration_core"
        of_width = name in ("hillas_width_uncertainty_deg", "concentration_core")
        if name in TIMING or (is_round and of_axis) or (is_line and of_width):
            continue
        if name in ("hillas_psi_deg", "hillas_phi_deg") and np.isfinite(theirs[name]):
            loose = name == "hillas_phi_deg" and theirs["hillas_r_deg"] < 1e-9
            period = 180.0 if name == "hillas_psi_deg" else 360.0
            assert loose or _difference_deg(ours[name], theirs[name], period) < 1e-3
            continue
        # concentration: a pixel may be exactly one width away from the centre of gravity
        if name == "concentration_cog" and _on_the_circle(image, mask, ours):
            continue
        assert ours[name] == pytest.approx(theirs[name], rel=1e-5, abs=1e-6, nan_ok=True), name


def _on_the_circle(image, mask, found):
    table = camera_table(SMALL)
    x = table.lon_deg[mask] - found["hillas_fov_lon_deg"]
    y = table.lat_deg[mask] - found["hillas_fov_lat_deg"]
    return np.any(np.abs(np.hypot(x, y) / table.width_deg[mask] - 1.0) < 1e-9)


def test_moments_slow_twin():
    kind = KINDS["hexagon"]
    image, time = shower_images(kind, 10, seed=7)
    mask = image > 9.0
    ours = image_parameters(image, time, mask, kind)
    for row in np.flatnonzero(mask.sum(axis=1) > 3):
        w = image[row][mask[row]].astype(float)
        points = np.stack([kind.pixel_lon_deg[mask[row]], kind.pixel_lat_deg[mask[row]]])
        centre = (points * w).sum(axis=1) / w.sum()
        values, vectors = np.linalg.eigh(np.cov(points, aweights=w, ddof=0))
        axis = vectors[:, 1] * np.sign(vectors[0, 1])
        along = axis @ (points - centre[:, None])
        m3, m4 = ((along**k * w).sum() / w.sum() for k in (3, 4))
        length = np.sqrt(values[1])
        expected = {
            "hillas_intensity": w.sum(),
            "hillas_fov_lon_deg": centre[0],
            "hillas_fov_lat_deg": centre[1],
            "hillas_r_deg": np.hypot(*centre),
            "hillas_length_deg": length,
            "hillas_width_deg": np.sqrt(values[0]),
            "hillas_psi_deg": np.degrees(np.arctan2(axis[1], axis[0])),
            "hillas_skewness": m3 / length**3,
            "hillas_kurtosis": m4 / length**4,
            "hillas_length_uncertainty_deg": np.sqrt((m4 - length**4) / w.sum()) / (2 * length),
            "concentration_pixel": w.max() / w.sum(),
            "leakage_pixels_width_1": camera_table(kind).ring_1[mask[row]].mean(),
            "morphology_n_pixels": mask[row].sum(),
        }
        for name, value in expected.items():
            assert ours[name][row] == pytest.approx(value, rel=1e-8, abs=1e-10), name


def test_gaussian_ellipse():
    kind = telescope_type(n_pixels=2791, diameter_m=0.05, rotation_deg=0.0)
    lon, lat = kind.pixel_lon_deg, kind.pixel_lat_deg
    pitch = np.degrees(0.05 / kind.focal_length_m)
    length, width, psi, centre = 0.8, 0.45, np.radians(35.0), (0.3, -0.2)
    a = (lon - centre[0]) * np.cos(psi) + (lat - centre[1]) * np.sin(psi)
    b = (lat - centre[1]) * np.cos(psi) - (lon - centre[0]) * np.sin(psi)
    image = 100.0 * np.exp(-0.5 * ((a / length) ** 2 + (b / width) ** 2))
    time = 12.0 + 3.5 * a
    found = _measure(kind, image, time, np.ones(len(lon), dtype=bool))
    # sums over a lattice much finer than the ellipse are integrals; the camera is finite
    total = 2.0 * np.pi * length * width * 100.0 / (pitch**2 * np.sqrt(3.0) / 2.0)
    expected = {
        "hillas_intensity": (total, 2e-3 * total), "hillas_fov_lon_deg": (0.3, 2e-3),
        "hillas_fov_lat_deg": (-0.2, 2e-3), "hillas_length_deg": (length, 5e-3),
        "hillas_width_deg": (width, 1e-3), "hillas_psi_deg": (35.0, 0.1),
        "hillas_skewness": (0.0, 0.02), "hillas_kurtosis": (3.0, 0.05),
        "hillas_length_uncertainty_deg": (length / np.sqrt(2.0 * total), 0.05 / np.sqrt(total)),
        "hillas_width_uncertainty_deg": (width / np.sqrt(2.0 * total), 0.02 / np.sqrt(total)),
        "concentration_core": (1.0 - np.exp(-0.5), 0.01),
        "timing_slope_ns_per_deg": (3.5, 1e-5), "timing_intercept_ns": (12.0, 0.01),
        "timing_deviation_ns": (0.0, 1e-4), "morphology_n_islands": (1, 0),
    }  # fmt: skip
    for name, (value, tolerance) in expected.items():
        assert found[name] == pytest.approx(value, abs=tolerance), name


def test_degenerate_images():
    kind = telescope_type(n_pixels=61, rotation_deg=90.0)
    line = np.flatnonzero(np.abs(kind.pixel_lon_deg) < 1e-6)
    assert len(line) > 4
    rows = [[], [5], [5, 6], line, [1, 2, 3]]
    image = np.full((5, 61), 10.0, dtype=np.float32)
    time = np.full((5, 61), 3.0, dtype=np.float32)
    mask = np.zeros((5, 61), dtype=bool)
    for row, pixels in enumerate(rows):
        mask[row, pixels] = True
    image[4, 1:4] = 5.0, -2.0, -3.5
    found = image_parameters(image, time, mask, kind)
    assert found["morphology_n_pixels"].tolist() == [0, 1, 2, len(line), 3]
    assert np.isnan([found[name][[0, 4]] for name in COLUMNS]).all()
    one = {name: found[name][1] for name in COLUMNS}
    assert one["hillas_length_deg"] == one["hillas_width_deg"] == 0.0
    assert one["concentration_pixel"] == one["concentration_cog"] == 1.0
    for name in ("hillas_psi_deg", "hillas_skewness", "timing_slope_ns_per_deg"):
        assert np.isnan(one[name])
    two = {name: found[name][2] for name in COLUMNS}
    assert two["hillas_kurtosis"] == pytest.approx(1.0)
    assert two["hillas_width_deg"] == 0.0
    assert np.isnan(two["hillas_width_uncertainty_deg"])
    assert np.isnan(two["timing_slope_ns_per_deg"])
    assert found["hillas_psi_deg"][3] == pytest.approx(90.0)
    assert found["hillas_width_deg"][3] == 0.0
    assert found["timing_slope_ns_per_deg"][3] == pytest.approx(0.0, abs=1e-6)


def test_negative_charges_of_a_dilated_image_count_as_they_are():
    image = np.zeros((1, 61), dtype=np.float32)
    image[0, :7] = 50.0, 40.0, 30.0, 20.0, 30.0, 40.0, -1.0
    mask = np.zeros((1, 61), dtype=bool)
    mask[0, :7] = True
    found = _measure(SMALL, image, image, mask)
    assert found["hillas_intensity"] == pytest.approx(209.0)
    expected = (SMALL.pixel_lon_deg[:7] * image[0, :7]).sum() / 209.0
    assert found["hillas_fov_lon_deg"] == pytest.approx(expected)


def test_times_that_are_no_numbers():
    kind = KINDS["hexagon"]
    image, time = shower_images(kind, 4, seed=3)
    mask = image > 5.0
    time[1, np.flatnonzero(mask[1])[0]] = np.nan
    time[2] = np.nan
    found = image_parameters(image, time, mask, kind)
    assert np.isfinite(found["timing_slope_ns_per_deg"]).tolist() == [True, True, False, True]
    assert np.isfinite(found["timing_deviation_ns"]).tolist() == [True, False, False, True]


def _along(kind, found):
    """Coordinate along the major axis."""
    psi = np.radians(found["hillas_psi_deg"])
    lon = kind.pixel_lon_deg - found["hillas_fov_lon_deg"]
    return lon * np.cos(psi) + (kind.pixel_lat_deg - found["hillas_fov_lat_deg"]) * np.sin(psi)


def _trimmed_squares(x, y, slope, intercept):
    residuals = np.sort((y - slope * x - intercept) ** 2)
    return residuals[: int(0.85 * len(x))].sum()


def test_gradient_ends_as_low_as_that_of_ctapipe():
    """Both look for the least sum of the smallest 85 % of the squares, from other beginnings."""
    kind = KINDS["hexagon"]
    random = np.random.default_rng(5)
    better, worse, equal = 0, 0, 0
    for _ in range(150):
        n = int(random.integers(4, 60))
        pixels = random.choice(kind.camera.n_pixels, n, replace=False)
        mask = np.zeros(kind.camera.n_pixels, dtype=bool)
        mask[pixels] = True
        image = random.uniform(5.0, 50.0, mask.size).astype(np.float32)
        time = 10.0 + 3.0 * kind.pixel_lon_deg + random.normal(0.0, 0.5, mask.size)
        time[pixels[: n // 8]] += random.normal(0.0, 8.0, n // 8)
        found = _measure(kind, image, time, mask)
        along = _along(kind, found)[mask]
        times = time.astype(np.float32).astype(float)[mask]
        slope, intercept = found["timing_slope_ns_per_deg"], found["timing_intercept_ns"]
        beta, squares = lts_linear_regression(along, times, samples=5, rng=np.random.default_rng(1))
        ours = _trimmed_squares(along, times, slope, intercept)
        better += ours < squares * (1 - 1e-6)
        worse += ours > squares * (1 + 1e-6)
        if abs(ours / squares - 1) < 1e-9:
            equal += 1
            assert slope == pytest.approx(beta[0], rel=1e-5, abs=1e-5)
            rms = np.sqrt(np.mean((times - beta[0] * along - beta[1]) ** 2))
            assert found["timing_deviation_ns"] == pytest.approx(rms, rel=1e-4)
    assert equal > 120
    assert worse <= better + 10


def test_gradient_does_not_follow_outliers():
    kind = KINDS["hexagon"]
    image = (kind.pixel_lon_deg / 0.5) ** 2 + (kind.pixel_lat_deg / 0.1) ** 2
    image = 100.0 * np.exp(-0.5 * image)
    mask = image > 5.0
    time = 20.0 - 4.0 * _along(kind, _measure(kind, image, image, mask))
    outliers = np.flatnonzero(mask)[::8]
    time[outliers] += 30.0
    found = _measure(kind, image, time, mask)
    assert found["timing_slope_ns_per_deg"] == pytest.approx(-4.0, abs=1e-5)
    assert found["timing_intercept_ns"] == pytest.approx(20.0, abs=1e-5)
    rms = 30.0 * np.sqrt(len(outliers) / mask.sum())
    assert found["timing_deviation_ns"] == pytest.approx(rms, rel=1e-6)


def test_columns_are_those_of_the_table():
    found = image_parameters(*(np.zeros((2, 61)) for _ in range(3)), SMALL)
    table = {column.name: column.dtype for column in TABLES["parameters"].columns}
    assert list(found) == list(table)[3:]
    assert {name: f"{v.dtype.kind}{v.dtype.itemsize}" for name, v in found.items()} == {
        name: table[name] for name in found
    }
    assert all(v.shape == (2,) for v in found.values())


def test_rows_do_not_depend_on_each_other():
    kind = KINDS["square"]
    image, time = shower_images(kind, 12, seed=8)
    mask = image > 8.0
    mask[3] = False
    together = image_parameters(image, time, mask, kind)
    for row in range(12):
        alone = _measure(kind, image[row], time[row], mask[row])
        for name, value in alone.items():
            np.testing.assert_array_equal(value, together[name][row])
