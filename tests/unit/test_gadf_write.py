"""What is written is what is read, by our reader and by gammapy."""

from __future__ import annotations

import gzip
from dataclasses import fields, replace

import fitsio
import numpy as np
import pytest
from astropy.time import Time, TimeDelta

from iactflow.errors import InputError
from iactflow.io.gadf import (
    Background3D,
    EffectiveArea,
    EnergyDispersion,
    Observation,
    PointSpread,
    find_files,
    read_hdu_index,
    read_obs_index,
    read_observation,
)
from iactflow.io.gadf_write import REQUIRED_CARDS, write_indices, write_observation

CARDS = {
    "OBJECT": "nothing",
    "TELESCOP": "HESS",
    "INSTRUME": "H.E.S.S. Phase I",
    "ORIGIN": "test",
    "GEOLON": 16.5,
    "GEOLAT": -23.27,
    "ALTITUDE": 1835.0,
}


def observation(obs_id=7, n_events=11):
    """A run whose axes all differ in length, so that no two can be swapped unseen."""
    random = np.random.Generator(np.random.Philox(key=obs_id))
    energy, offset = np.geomspace(0.1, 10.0, 5), np.array([-0.5, 0.5, 1.5, 2.5])
    migra, rad = np.linspace(0.2, 2.0, 7), np.linspace(0.0, 0.5, 8)
    x, y = np.linspace(-1.0, 1.0, 3), np.linspace(-2.0, 2.0, 7)
    start = 790200005.0 + 1800.0 * obs_id
    return Observation(
        obs_id=obs_id,
        ra_pnt_deg=83.63,
        dec_pnt_deg=22.51,
        zenith_deg=20.0,
        livetime_s=90.0,
        ontime_s=100.0,
        time_ref_mjd=51910.00074287037,
        time_system="TT",
        tstart_s=start,
        tstop_s=start + 100.0,
        event_time_s=np.sort(start + random.uniform(0.0, 100.0, n_events)),
        event_ra_deg=random.uniform(82.0, 85.0, n_events),
        event_dec_deg=random.uniform(21.0, 24.0, n_events),
        event_energy_tev=random.uniform(0.2, 20.0, n_events),
        gti_start_s=np.array([start]),
        gti_stop_s=np.array([start + 100.0]),
        aeff=EffectiveArea(energy, offset, random.uniform(1e4, 1e5, (3, 4)), 0.2, 50.0),
        edisp=EnergyDispersion(energy, migra, offset, random.uniform(size=(3, 6, 4))),
        psf=PointSpread(energy, offset, rad, random.uniform(size=(7, 3, 4))),
        bkg=Background3D(energy, x, y, random.uniform(size=(4, 6, 2))),
    )


@pytest.fixture
def store(tmp_path):
    """A data store of two runs in two folders."""
    files = []
    for obs_id, folder in ((7, "00000"), (8, "00001")):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / f"run_{obs_id:06d}.fits.gz")
        write_observation(observation(obs_id), files[-1], CARDS)
    write_indices(tmp_path, files[::-1])
    return tmp_path


def assert_equal(ours, written, rtol):
    for field in fields(written):
        a, b = getattr(ours, field.name), getattr(written, field.name)
        if isinstance(b, float | np.ndarray):
            np.testing.assert_allclose(a, b, rtol=rtol, err_msg=field.name)


def test_our_reader_reads_it_back(store):
    written, ours = observation(7), read_observation(store / "00000" / "run_000007.fits.gz")
    assert ours.obs_id == 7
    assert ours.time_system == "TT"
    assert_equal(ours, written, 1e-13)
    np.testing.assert_array_equal(ours.event_time_s, written.event_time_s)
    for name in ("aeff", "edisp", "psf", "bkg"):
        assert_equal(getattr(ours, name), getattr(written, name), 1e-7)


def test_gammapy_reads_events_and_times(store):
    from gammapy.data import DataStore

    written = observation(7)
    run = DataStore.from_dir(store).get_observations([7], required_irf="full-enclosure")[0]
    table = run.events.table
    np.testing.assert_array_equal(table["RA"], written.event_ra_deg)
    np.testing.assert_array_equal(table["DEC"], written.event_dec_deg)
    np.testing.assert_array_equal(table["ENERGY"], written.event_energy_tev)
    reference = Time("2001-01-01T00:00:00", scale="utc").tt
    first = reference + TimeDelta(written.event_time_s[0], format="sec")
    assert abs((run.events.time[0] - first).sec) < 1e-5
    assert run.gti.time_sum.to_value("s") == pytest.approx(100.0)
    assert run.observation_live_time_duration.to_value("s") == pytest.approx(90.0)
    pointing = run.get_pointing_icrs(run.tmid)
    assert (pointing.ra.deg, pointing.dec.deg) == pytest.approx((83.63, 22.51))


def test_gammapy_reads_the_responses(store):
    from gammapy.data import DataStore

    written = observation(7)
    run = DataStore.from_dir(store).get_observations([7], required_irf="full-enclosure")[0]
    # gammapy's axes: aeff energy, offset; edisp energy, migra, offset; psf energy, offset, rad;
    # bkg energy, longitude, latitude.
    expected = {
        "aeff": (written.aeff.area_m2.T, "m2"),
        "edisp": (written.edisp.matrix.transpose(2, 1, 0), ""),
        "psf": (written.psf.value_per_sr.transpose(2, 1, 0), "sr-1"),
        "bkg": (written.bkg.rate_per_s_mev_sr.transpose(0, 2, 1), "s-1 MeV-1 sr-1"),
    }
    for name, (values, unit) in expected.items():
        table = getattr(run, name)
        np.testing.assert_allclose(table.quantity.to_value(unit), values, rtol=1e-7, err_msg=name)
        np.testing.assert_allclose(
            table.axes[0].edges.to_value("TeV"), written.aeff.energy_edges_tev, rtol=1e-12
        )
    np.testing.assert_allclose(run.aeff.axes["offset"].center.to_value("deg"), [0.0, 1.0, 2.0])
    np.testing.assert_allclose(run.bkg.axes["fov_lat"].edges.value, written.bkg.y_edges_deg)
    assert run.aeff.meta["LO_THRES"] == 0.2
    assert str(run.bkg.fov_alignment.value) == "RADEC"


def test_gammapy_finds_no_fault(store):
    from gammapy.data import DataStore
    from gammapy.data.observations import ObservationChecker

    data_store = DataStore.from_dir(store)
    assert list(data_store.check(["obs_table", "hdu_table", "consistency"])) == []
    for run in data_store.get_observations():
        records = ObservationChecker(run).run(["gti", "aeff", "edisp", "psf"])
        assert {record["level"] for record in records} == {"debug"}


def test_indices(store):
    index = read_obs_index(store).set_index("OBS_ID")
    assert list(index.index) == [7, 8]
    assert index.loc[7, "ZEN_PNT"] == pytest.approx(20.0)
    assert index.loc[7, "EVENT_COUNT"] == 11
    assert index.loc[7, "SAFE_ENERGY_LO"] == pytest.approx(0.2)
    # 2026-01-15T23:30:00 UTC is 69.184 s later in TT.
    assert index.loc[7, "DATE-OBS"] == "2026-01-15"
    assert index.loc[7, "TIME-OBS"] == "23:31:09.184"
    assert np.isnan(index.loc[7, "RA_OBJ"])
    assert find_files(store)[8] == store / "00001" / "run_000008.fits.gz"
    tables = read_hdu_index(store)
    assert list(tables["HDU_TYPE"][:6]) == ["events", "gti", "aeff", "edisp", "psf", "bkg"]
    assert list(tables["HDU_CLASS"][2:6]) == ["aeff_2d", "edisp_2d", "psf_table", "bkg_3d"]


def test_bytes_follow_from_the_content(tmp_path, monkeypatch):
    write_observation(observation(), tmp_path / "a.fits.gz", CARDS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_observation(observation(), tmp_path / "b.fits.gz", CARDS)
    write_observation(observation(), tmp_path / "c.fits", CARDS)
    content = (tmp_path / "a.fits.gz").read_bytes()
    assert content == (tmp_path / "b.fits.gz").read_bytes()
    assert gzip.decompress(content) == (tmp_path / "c.fits").read_bytes()
    assert b"DATE    =" not in (tmp_path / "c.fits").read_bytes()


def test_header_holds_every_mandatory_keyword(tmp_path):
    from gammapy.data.event_list import EventListChecker

    write_observation(observation(), tmp_path / "a.fits", {**CARDS, "MC_INDEX": (2.6, "index")})
    header = fitsio.read_header(str(tmp_path / "a.fits"), "EVENTS")
    assert set(EventListChecker.meta_required) - set(header.keys()) == set()
    assert (header["HDUVERS"], header["TIMESYS"]) == ("0.3", "TT")
    assert header["DEADC"] == pytest.approx(0.9)
    assert header["MC_INDEX"] == 2.6


def test_a_run_without_events_and_with_binned_offsets(tmp_path):
    run = observation(n_events=0)
    offset = np.array([0.0, 1.0, 2.0, 3.0])
    area = replace(run.aeff, offset_edges_deg=offset, offset_nodes_deg=offset[:-1] + 0.5)
    write_observation(replace(run, aeff=area, psf=None), tmp_path / "a.fits", CARDS)
    ours = read_observation(tmp_path / "a.fits", hdus=("events", "gti", "aeff"))
    assert len(ours.event_time_s) == 0
    np.testing.assert_array_equal(ours.aeff.offset_edges_deg, offset)
    with pytest.raises(InputError, match="PSF"):
        read_observation(tmp_path / "a.fits")


@pytest.mark.parametrize("key", REQUIRED_CARDS)
def test_missing_keyword(tmp_path, key):
    cards = {k: v for k, v in CARDS.items() if k != key}
    with pytest.raises(InputError, match=key):
        write_observation(observation(), tmp_path / "a.fits", cards)


def test_events_must_ascend(tmp_path):
    run = observation()
    with pytest.raises(InputError, match=r"TIME.*ascending"):
        write_observation(
            replace(run, event_time_s=run.event_time_s[::-1]), tmp_path / "a.fits", CARDS
        )


def test_indices_refuse_what_is_no_store(store):
    with pytest.raises(InputError, match="at least one DL3 file"):
        write_indices(store, [])
    file = store / "00000" / "run_000007.fits.gz"
    with pytest.raises(InputError, match="each run in one file"):
        write_indices(store, [file, file])
    (store / "text.fits").write_text("no FITS")
    with pytest.raises(InputError, match=r"text\.fits"):
        write_indices(store, [store / "text.fits"])
    with pytest.raises(InputError, match="no EVENTS"):
        write_indices(store, [store / "obs-index.fits.gz"])
