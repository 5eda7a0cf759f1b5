"""Reader of CORSIKA IACT files: conventions, units, tolerance, errors."""

from __future__ import annotations

import gzip

import corsika_samples as samples
import numpy as np
import pytest
import zstandard

from iactflow.errors import InputError
from iactflow.io.corsika import read_corsika

FILES = (
    "3_gammas_reuse_5.dat",
    "gamma_100gev_1216.eventio",
    "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.corsika.zst",
    "one_shower.dat",
    "two_telescopes.dat",
)


def read(tmp_path, content):
    path = tmp_path / "sample.corsika"
    path.write_bytes(content)
    run, showers = read_corsika(path)
    return run, list(showers)


def test_units_and_frame(tmp_path):
    run, (shower,) = read(tmp_path, samples.sample())
    assert run.observation_level_m == 1800.0
    assert run.telescopes_m[1] == pytest.approx((120.0, -30.0, 4.0, 6.0))
    assert (run.wavelength_min_nm, run.wavelength_max_nm, run.bunch_size) == (300.0, 600.0, 5.0)
    # The array's x axis lies 40 deg east of magnetic north, so magnetic north is in its west.
    assert run.rotation_deg == pytest.approx(-40.0)
    expected = (20.0 * np.cos(np.radians(40.0)), 20.0 * np.sin(np.radians(40.0)), 10.0)
    assert run.magnetic_ut == pytest.approx(expected)
    assert shower.energy_tev == 0.5
    # Flies 50 deg west of magnetic north, so due west (90 deg) of the array's x axis.
    assert shower.direction == pytest.approx((0.0, 0.5, -np.sqrt(0.75)), abs=1e-6)
    assert (shower.altitude_deg, shower.azimuth_deg) == pytest.approx((60.0, 90.0), abs=1e-4)
    assert shower.first_interaction_m == pytest.approx(20e3)
    assert shower.from_start
    assert shower.starting_height_m == pytest.approx(110e3)
    assert shower.cores_m == pytest.approx(np.array([[-10.0, -5.0], [20.0, 0.0]]))
    assert shower.weights.tolist() == [1.0, 1.0]


def test_bunches(tmp_path):
    _, (shower,) = read(tmp_path, samples.sample())
    first, second = shower.photons
    assert {tel: len(rows) for tel, rows in first.items()} == {0: 1, 1: 2}
    assert {tel: len(rows) for tel, rows in second.items()} == {0: 0}
    assert first[0].dtype == np.float32
    expected = (1.0, -0.5, 0.1, -0.2, 12.5, 1.0e4, 410.0, 4.9)
    assert first[0][0] == pytest.approx(expected, rel=1e-6)


def test_separate_telescopes_and_ground_particles(tmp_path):
    """Blocks 1213 and 1214 in place of 1204, as written for large showers; particles ignored."""
    rows = [samples.BUNCH]
    content = b"".join(
        [
            samples.run_header(),
            samples.telescopes([(0.0, 0.0, 500.0, 600.0)]),
            samples.event_header(),
            samples.offsets([0.0], [0.0], [0.25]),
            samples.photons(999, 999, rows, top=True),
            samples.block(1213, b""),
            samples.photons(0, 0, rows, top=True),
            samples.photons(0, 0, rows, top=True),
            samples.block(1214, b""),
            samples.event_end(),
            samples.run_end(),
        ]
    )
    run, (shower,) = read(tmp_path, content)
    assert run.card == ""
    assert shower.weights.tolist() == [0.25]
    assert len(shower.photons[0][0]) == 2


def test_card_and_flags(tmp_path):
    text = "ATMLAY 7.E5 16.E5 50.E5 105.E5\nFIXHEI 2200000. 0\nCERQEF F T F\n"
    flag = 8 + 16 + 7 * 1024
    run, (shower,) = read(tmp_path, samples.sample(text, w77=flag, w7=2.2e6, w148=1e-6))
    assert run.atmosphere == 7
    assert run.refraction
    assert run.boundaries_m == pytest.approx((0.0, 7e3, 16e3, 50e3, 105e3))
    assert run.efficiencies == ("atmospheric extinction",)
    assert run.thinned
    assert run.fixed_height_m == 22e3
    assert (shower.first_interaction_m, shower.from_start) == (pytest.approx(22e3), False)


@pytest.mark.parametrize("name", FILES)
def test_published_files(data_dir, name):
    """Photons arrive where and when light from the axis must: frames, signs, time zero."""
    run, showers = read_corsika(data_dir / "sim" / name)
    times, angles = [], []
    for shower in showers:
        assert shower.particle_id == 1
        for core, reuse in zip(shower.cores_m, shower.photons, strict=True):
            for index, rows in reuse.items():
                if len(rows) >= 100:
                    late, angle = against_light_from_axis(run, shower, core, index, rows)
                    times.append(late)
                    angles.append(angle)
    assert len(times) > 0
    assert np.median(times) == pytest.approx(0.8, abs=1.5)
    assert np.abs(times).max() < 12.0
    assert np.abs(np.mean(angles, axis=0)).max() < 2e-3


def against_light_from_axis(run, shower, core, index, rows):
    """Median delay in ns and directions against light from the median height on the axis."""
    x, y, z, radius = run.telescopes_m[index]
    assert np.hypot(rows[:, 0], rows[:, 1]).max() < 1.5 * radius
    top = float(np.median(rows[:, 5]))
    length = (top - run.observation_level_m) / -shower.direction[2]
    path = np.array([x - core[0], y - core[1], z]) + length * shower.direction
    distance = np.linalg.norm(path)
    column = 8400.0 * (np.exp(-run.observation_level_m / 8400.0) - np.exp(-top / 8400.0))
    light = (distance - length + 2.8e-4 * column / -shower.direction[2]) / 0.299792458
    return np.median(rows[:, 4]) - light, np.median(rows[:, 2:4], axis=0) - path[:2] / distance


def test_no_extinction_in_wavelengths(data_dir):
    """Wavelengths of CEFFIC files follow 1 / lambda^2: nothing was absorbed."""
    _, showers = read_corsika(data_dir / "sim" / "3_gammas_reuse_5.dat")
    waves = np.concatenate(
        [rows[:, 6] for shower in showers for rows in (reuse[0] for reuse in shower.photons)]
    )
    edges = np.array([290.0, 340.0, 400.0, 480.0, 580.0, 700.0])
    expected = np.diff(-1.0 / edges) / (1.0 / 290.0 - 1.0 / 700.0) * waves.size
    counts = np.histogram(waves, edges)[0]
    assert np.sum((counts - expected) ** 2 / expected) < 20.0


def test_embedded_profile(data_dir):
    run, _ = read_corsika(data_dir / "sim" / "gamma_100gev_1216.eventio")
    assert run.atmosphere == 8
    assert run.profile[0] == pytest.approx((0.0, 1.2167e-3, 1052.6, 2.8047e-4))
    assert run.boundaries_m == (0.0, 7000.0, 10750.0, 23000.0, 115000.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"not an eventio file, but long enough to look at", "broken"),
        (samples.card("RUNNR 1\n"), "run header"),
        (samples.card("RUNNR 1\n") + samples.run_end(), "first block"),
        (samples.run_header() + samples.run_end(), "no showers|telescope"),
        (samples.run_header() + samples.event_header(), "telescope definition"),
        (samples.sample(w96=0.0), "wavelengths"),
        (samples.sample(w11=2.0), "downward"),
        (samples.sample()[:400], "broken|missing"),
    ],
)
def test_bad_files(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="missing"):
        read_corsika(tmp_path / "none.dat")


def test_every_truncation_is_one_clear_error(tmp_path):
    content = samples.sample()
    ends = len(content) - len(samples.run_end())
    for size in [*range(1, 300), *range(300, ends - 1, 7), ends - 1]:
        with pytest.raises(InputError, match="sample"):
            read(tmp_path, content[:size])
    # Only the end of the run is missing: all showers are there.
    assert len(read(tmp_path, content[:ends])[1]) == 1


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_compressed(tmp_path, compress):
    content = compress(samples.sample())
    assert len(read(tmp_path, content)[1]) == 1
    with pytest.raises(InputError, match="sample"):
        read(tmp_path, content[: len(content) // 2])


def test_counts_that_disagree(tmp_path):
    content = samples.sample().replace(samples.reuse(1, {0: []}), b"")
    with pytest.raises(InputError, match="one offset for each re-use"):
        read(tmp_path, content)
