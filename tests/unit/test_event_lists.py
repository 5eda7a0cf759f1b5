"""Event lists of reconstructed data: a tracked run whose every direction is known."""

from __future__ import annotations

from types import SimpleNamespace

import awkward
import mock_samples
import numpy as np
import pytest
from astropy import units
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.time import Time
from mock_samples import SITE

from iactflow.campaign.event_lists import EventListPlan
from iactflow.campaign.paths import Paths
from iactflow.campaign.schema_dl3 import EventLists
from iactflow.dl3.event_lists import select_events
from iactflow.dl3.real_events import Pointing, good_intervals, live_fraction, make_observation
from iactflow.dl3.sky_frames import horizontal_to_icrs_deg, tai_seconds
from iactflow.errors import InputError
from iactflow.io.gadf import find_files, read_observation
from iactflow.io.gadf_responses import ResponseFile, write_responses
from iactflow.io.root import write_table
from iactflow.response import parametrised

START = Time("2010-11-06T00:30:00", scale="utc")
STAR = SkyCoord(83.633083, 22.0145, unit="deg")
PLACE = EarthLocation.from_geodetic(
    SITE["longitude_deg"] * units.deg, SITE["latitude_deg"] * units.deg, SITE["height_m"] * units.m
)
RATE_HZ, DEAD_S = 20.0, 0.002
DURATION_S = 300.0


def horizontal(star, seconds):
    frame = AltAz(obstime=START + seconds * units.s, location=PLACE)
    found = star.transform_to(frame)
    return found.alt.deg, found.az.deg


def trigger_times(rng):
    """Times of triggers with a dead time after each, and a pause in the middle."""
    steps = DEAD_S + rng.exponential(1.0 / RATE_HZ, int(DURATION_S * RATE_HZ * 1.2))
    times = np.cumsum(steps)
    times = times[times < DURATION_S]
    return times[(times < 100.0) | (times > 130.0)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in two files: the star wobbled by half a degree; half of the events fail the cut."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(6)
    times = trigger_times(rng)
    pointing = STAR.directional_offset_by(0.0 * units.deg, 0.5 * units.deg)
    steps = np.arange(0.0, DURATION_S, 1.0)
    alt, az = horizontal(pointing, steps)
    star_alt, star_az = horizontal(STAR, times)
    start_s = round((START.tai.mjd - 40587.0) * 86400.0)
    # Whole seconds of TAI: the few hundred milliseconds that are lost move nothing.
    assert abs((tai_seconds(start_s) - START).to_value("s")) < 1e-3

    def split(seconds):
        whole = np.floor(seconds).astype(np.int64)
        return {"time_s": start_s + whole, "time_qns": ((seconds - whole) * 4e9).astype(np.uint32)}

    for name, mine in (("a", times < 150.0), ("b", times >= 150.0)):
        n = int(mine.sum())
        events = {
            "obs_id": np.full(n, 9), "event_id": np.flatnonzero(mine) + 1, **split(times[mine]),
            "is_valid": np.ones(n, bool), "alt_deg": star_alt[mine], "az_deg": star_az[mine],
            "energy_tev": np.full(n, 1.5), "energy_forest_tev": np.full(n, 2.5),
            "mean_scaled_width": (np.arange(n) % 2) * 2.0 - 1.0,
            "multiplicity": np.full(n, 3), "split": np.full(n, -1),
        }  # fmt: skip
        angles = {"altitude_deg": alt, "azimuth_deg": az}
        rows = {"obs_id": np.full(len(steps), 9), "tel_id": np.ones(len(steps)), **angles}
        tables = {
            "events_dl2": mock_samples.fill("events_dl2", n, events),
            "pointing": mock_samples.fill("pointing", len(steps), {**rows, **split(steps)}),
            "array": mock_samples.fill(
                "array", 1, {"array_name": ["four"], **{k: [v] for k, v in SITE.items()}}
            ),
            "array_telescopes": mock_samples.fill("array_telescopes", 2, {"tel_id": [1, 2]}),
        }
        pairs = np.tile(np.array([1, 2], np.int16), n)
        tables["events_dl2"]["telescopes"] = awkward.unflatten(pairs, np.full(n, 2))
        (folder / "events" / name).mkdir(parents=True)
        write_table(folder / "events" / name / f"{name}.root", tables)
    tables = parametrised.responses(50.0)
    made = ResponseFile(tables.aeff, tables.edisp, tables.psf, tables.bkg)
    write_responses(folder / "irf.fits", made, {})
    return folder, times


def settings(**changes):
    return EventLists.model_validate({"samples": ["data"], **changes}).model_dump(mode="json")


TABLES = {"energy": "tables", "direction": "geometry"}


def select(folder, out, block=None, cuts=None, **estimators):
    inputs = SimpleNamespace(
        events=[folder / "events" / "a", folder / "events" / "b"], responses=[folder / "irf.fits"]
    )
    params = SimpleNamespace(
        settings=block or settings(), cuts=cuts or {}, estimators={**TABLES, **estimators}
    )
    select_events(inputs, SimpleNamespace(dl3=out), params, None)


def test_a_tracked_star_stands_still_on_the_sky(run, tmp_path):
    folder, times = run
    select(folder, tmp_path)
    file = find_files(tmp_path)[9]
    found = read_observation(file)
    events = SkyCoord(found.event_ra_deg, found.event_dec_deg, unit="deg")
    assert STAR.separation(events).arcsec.max() < 2.0
    pointing = SkyCoord(found.ra_pnt_deg, found.dec_pnt_deg, unit="deg")
    assert pointing.separation(STAR).deg == pytest.approx(0.5, abs=1e-3)
    alt, az = horizontal(pointing, np.array([DURATION_S / 2.0]))
    assert found.zenith_deg == pytest.approx(90.0 - alt[0], abs=0.05)
    assert fits.getheader(file, "EVENTS")["AZ_PNT"] == pytest.approx(az[0], abs=0.2)
    assert len(found.event_time_s) == len(times)
    start = Time(found.time_ref_mjd, found.event_time_s[0] / 86400.0, format="mjd", scale="tt")
    assert (start - START).to_value("s") == pytest.approx(times[0], abs=1e-3)


def test_intervals_and_live_time(run, tmp_path):
    folder, times = run
    select(folder, tmp_path)
    found = read_observation(tmp_path / "run_000009.fits.gz")
    np.testing.assert_allclose(
        np.diff(np.column_stack([found.gti_start_s, found.gti_stop_s]).ravel()),
        np.diff([times[0], times[times < 110][-1], times[times > 110][0], times[-1]]),
        atol=1e-5,
    )
    # 20 Hz with 2 ms after each: 20 / 1.04 events a second, 3.85 % of the time dead.
    assert found.livetime_s / found.ontime_s == pytest.approx(1.0 / 1.04, abs=0.003)


def test_cuts_select(run, tmp_path):
    folder, times = run
    select(folder, tmp_path, cuts={"mean_scaled_width_max": 0.0})
    found = read_observation(tmp_path / "run_000009.fits.gz")
    assert len(found.event_time_s) == pytest.approx(len(times) / 2, abs=2)
    # Live time is that of all triggers.
    assert found.livetime_s / found.ontime_s == pytest.approx(1.0 / 1.04, abs=0.003)


def test_events_have_the_estimators_of_the_responses(run, tmp_path):
    folder, times = run
    select(folder, tmp_path / "energy", energy="forest")
    found = read_observation(tmp_path / "energy" / "run_000009.fits.gz")
    np.testing.assert_array_equal(found.event_energy_tev, np.full(len(times), np.float32(2.5)))
    # No forest of directions was learnt: no event has one.
    select(folder, tmp_path / "direction", direction="forest")
    assert not len(read_observation(tmp_path / "direction" / "run_000009.fits.gz").event_time_s)


def test_old_and_wandering_pointings_are_refused(run, tmp_path):
    folder, _ = run
    with pytest.raises(InputError, match="age at an event"):
        select(folder, tmp_path / "old", settings(pointing_age_max_s=0.5))
    # A drift scan: one horizontal direction for five minutes.
    seconds = np.round((START.tai.mjd - 40587.0) * 86400.0) + np.arange(0.0, 300.0)
    drift = Pointing(seconds, np.full(300, 60.0), np.full(300, 20.0))
    events = {"time_s": seconds, "time_qns": np.zeros(300), "obs_id": np.full(300, 9)}
    with pytest.raises(InputError, match="distance from its mean"):
        make_observation(events, drift, (16.5, -23.3, 1835.0), None, settings(), None, "run 9")


def test_simulations_are_refused(tmp_path):
    mock_samples.write_sample(tmp_path / "events" / "a" / "a.root", n_showers=50)
    mock_samples.write_sample(tmp_path / "events" / "b" / "b.root", n_showers=50)
    (tmp_path / "irf.fits").touch()
    with pytest.raises(InputError, match="real times"):
        select(tmp_path, tmp_path / "out")


def test_good_intervals():
    times = np.array([0.0, 1.0, 2.0, 50.0, 90.0, 91.0])
    start, stop = good_intervals(times, 10.0)
    # A single trigger between two pauses has no length.
    np.testing.assert_array_equal(start, [0.0, 90.0])
    np.testing.assert_array_equal(stop, [2.0, 91.0])
    # Nor have two at one time.
    assert [len(t) for t in good_intervals(np.array([5.0, 5.0, 90.0]), 10.0)] == [0, 0]
    assert [len(t) for t in good_intervals(np.zeros(0), 10.0)] == [0, 0]


def test_live_fraction_of_a_known_dead_time():
    times = np.arange(0.0, 10.0, 0.1)
    assert live_fraction(times, [0.0], [9.9], 0.01) == pytest.approx(0.9)
    assert live_fraction(times, [0.0], [9.9], 1.0) == 0.0
    # The least difference of all: a dead time as long as the steps.
    assert live_fraction(times, [0.0], [9.9], None) == pytest.approx(0.0, abs=1e-9)


def test_directions_of_astropy():
    seconds = np.array([0.0, 100.0])
    alt, az = horizontal(STAR, seconds)
    start_s = round((START.tai.mjd - 40587.0) * 86400.0)
    site = SITE["longitude_deg"], SITE["latitude_deg"], SITE["height_m"]
    times = tai_seconds(start_s + seconds.astype(int))
    ra, dec = horizontal_to_icrs_deg(alt, az, times, site)
    assert STAR.separation(SkyCoord(ra, dec, unit="deg")).arcsec.max() < 1.0


def test_the_plan_refuses(tmp_path):
    class Known:
        names = ("data", "gamma")

        @staticmethod
        def is_simulation(name):
            return name == "gamma"

    def plan(own=(), responses_block=None, **changes):
        config = {"dl3": settings(**changes), "responses": responses_block}
        return EventListPlan(config, Paths("x"), Known(), "x.yaml", own)

    plan(own=["irf.fits"]).check_files()
    assert plan(responses_block={"energy": "forest"}).estimators["energy"] == "forest"
    typed = {"event_types": {"two": {}}, "background": {"proton": None}, "off_data": []}
    assert plan().products == ["results/x/dl3/samples/data"]
    for wrong, message in (
        (plan(own=["irf.fits"], samples=["gamma"]), "dl3.samples"),
        (plan(), "dl3.responses"),
        (plan(["irf.fits"], typed), r"responses\.event_types: got \['two'\]"),
        (plan(["irf.fits"], {"psf": "3gauss"}), r"responses\.psf: got '3gauss'"),
        (plan(responses=[str(tmp_path / "none.fits")]), "existing GADF file"),
    ):
        with pytest.raises(InputError, match=message):
            wrong.check_files()
    empty = EventListPlan({"dl3": None}, Paths("x"), Known(), "x.yaml")
    empty.check_files()
    assert (empty.rules, empty.products) == ([], [])
