"""The GADF reader against astropy, and its one error for bad files."""

from __future__ import annotations

import gzip

import fitsio
import numpy as np
import pytest
from astropy.io import fits

from iactflow.errors import InputError
from iactflow.io.gadf import find_files, read_hdu_index, read_obs_index, read_observation

RUN = 23523


@pytest.fixture(scope="module")
def crab_file(dr1):
    return find_files(dr1)[RUN]


def test_events_and_header_are_those_of_astropy(crab_file):
    run = read_observation(crab_file)
    with fits.open(crab_file) as hdus:
        header, rows = hdus["EVENTS"].header, hdus["EVENTS"].data
        assert run.obs_id == RUN == header["OBS_ID"]
        assert (run.ra_pnt_deg, run.dec_pnt_deg) == (header["RA_PNT"], header["DEC_PNT"])
        assert run.zenith_deg == 90 - header["ALT_PNT"]
        for name, values in (
            ("TIME", run.event_time_s),
            ("RA", run.event_ra_deg),
            ("DEC", run.event_dec_deg),
            ("ENERGY", run.event_energy_tev),
        ):
            np.testing.assert_array_equal(values, rows[name].astype(float))
        assert run.time_ref_mjd == header["MJDREFI"] + header["MJDREFF"]
        assert run.ontime_s == pytest.approx(header["ONTIME"], rel=1e-12)
        assert run.livetime_s == pytest.approx(header["LIVETIME"], rel=1e-6)
        np.testing.assert_array_equal(run.gti_start_s, hdus["GTI"].data["START"])
        np.testing.assert_array_equal(run.gti_stop_s, hdus["GTI"].data["STOP"])


def test_responses_are_those_of_astropy(crab_file):
    run = read_observation(crab_file)
    with fits.open(crab_file) as hdus:
        for table, column, values in (
            ("AEFF", "EFFAREA", run.aeff.area_m2),
            ("EDISP", "MATRIX", run.edisp.matrix),
            ("PSF", "RPSF", run.psf.value_per_sr),
        ):
            np.testing.assert_array_equal(values, hdus[table].data[column][0])
            assert values.dtype == np.float64
        # Filed as (energy, x, y) with x towards rising right ascension; held as [energy, y, x].
        filed = hdus["BKG"].data["BKG"][0]
        np.testing.assert_array_equal(
            run.bkg.rate_per_s_mev_sr, filed[:, ::-1, :].transpose(0, 2, 1)
        )
        np.testing.assert_array_equal(
            run.bkg.x_edges_deg[:-1], -hdus["BKG"].data["DETX_HI"][0][::-1].astype(float)
        )
        assert run.aeff.lo_thres_tev == hdus["AEFF"].header["LO_THRES"]
        assert run.aeff.hi_thres_tev == hdus["AEFF"].header["HI_THRES"]
        assert run.aeff.energy_edges_tev[-1] == hdus["AEFF"].data["ENERG_HI"][0][-1]
    # The release gives responses at offsets (THETA_LO = THETA_HI), not in bins.
    np.testing.assert_allclose(run.aeff.offset_nodes_deg, [0, 0.5, 1, 1.5, 2, 2.5])
    np.testing.assert_allclose(run.aeff.offset_edges_deg, np.arange(-0.25, 3, 0.5))


def test_only_the_tables_asked_for_are_read(crab_file):
    run = read_observation(crab_file, hdus=("aeff",))
    assert run.aeff is not None
    assert run.edisp is run.psf is run.bkg is None
    assert len(run.event_time_s) == 0
    assert run.ontime_s == 1687.0


def test_every_run_of_the_release_is_read(dr1):
    files = find_files(dr1)
    index = read_obs_index(dr1).set_index("OBS_ID")
    assert len(files) == len(index) == 105
    for run, path in files.items():
        observation = read_observation(path, hdus=("events", "gti"))
        assert observation.obs_id == run
        assert len(observation.event_time_s) == index.loc[run, "EVENT_COUNT"]
        assert observation.zenith_deg == pytest.approx(index.loc[run, "ZEN_PNT"], abs=1e-4)


def test_hdu_index_names_every_table(dr1):
    index = read_hdu_index(dr1)
    assert len(index) == 630
    assert set(index["HDU_TYPE"]) == {"events", "gti", "aeff", "edisp", "psf", "bkg"}


# A small run in other units and under other names than the release's.
EDGES = {"ENERG": np.array([100.0, 1000.0, 1e4]), "THETA": np.array([0.0, 60.0, 120.0])}
AREA_CM2 = np.array([[1e8, 1e9], [5e7, 5e8]])


def _tables():
    """Columns with units, and keywords, of a run by table."""
    events = {
        "TIME": ([10.0, 20.0], "s"),
        "RA": ([1.0, 1.1], "rad"),
        "DEC": ([0.1, 0.2], "rad"),
        "ENERGY": ([500.0, 2000.0], "GeV"),
    }
    keywords = {
        "HDUCLASS": "GADF",
        "HDUCLAS1": "EVENTS",
        "OBS_ID": 7,
        "RA_PNT": 57.3,
        "DEC_PNT": 5.7,
        "ALT_PNT": 70.0,
        "TSTART": 0.0,
        "TSTOP": 100.0,
        "ONTIME": 100.0,
        "DEADC": 0.9,
        "MJDREFI": 54000,
        "MJDREFF": 0.5,
        "TIMESYS": "UTC",
    }
    gti = {"START": ([60.0, 0.0], "s"), "STOP": ([100.0, 50.0], "s")}
    time = {k: keywords[k] for k in ("MJDREFI", "MJDREFF", "TIMESYS")}
    energy, theta = EDGES["ENERG"], EDGES["THETA"]
    aeff = {
        "ENERG_LO": ([energy[:-1]], "GeV"),
        "ENERG_HI": ([energy[1:]], "GeV"),
        "THETA_LO": ([theta[:-1]], "arcmin"),
        "THETA_HI": ([theta[1:]], "arcmin"),
        "EFFAREA": ([AREA_CM2], "cm2"),
    }
    response = {
        "HDUCLASS": "GADF",
        "HDUCLAS1": "RESPONSE",
        "HDUCLAS2": "EFF_AREA",
        "HDUCLAS3": "FULL-ENCLOSURE",
        "HDUCLAS4": "AEFF_2D",
    }
    return {
        "EVENTS": [events, keywords],
        "GTI": [gti, {"HDUCLAS1": "GTI", **time}],
        "EFFECTIVE AREA": [aeff, response],
    }


def _write(path, tables):
    with fitsio.FITS(str(path), "rw", clobber=True) as file:
        for name, (columns, keywords) in tables.items():
            file.write(
                [np.array(v) for v, _ in columns.values()],
                names=list(columns),
                units=[unit for _, unit in columns.values()],
                header=[{"name": k, "value": v} for k, v in keywords.items()],
                extname=name,
            )
    return path


HDUS = ("events", "gti", "aeff")


def test_units_are_converted_and_tables_found_by_class(tmp_path):
    run = read_observation(_write(tmp_path / "run.fits", _tables()), hdus=HDUS)
    np.testing.assert_allclose(run.event_energy_tev, [0.5, 2.0])
    np.testing.assert_allclose(run.event_ra_deg, np.degrees([1.0, 1.1]))
    np.testing.assert_allclose(run.aeff.energy_edges_tev, [0.1, 1.0, 10.0])
    np.testing.assert_allclose(run.aeff.offset_edges_deg, [0.0, 1.0, 2.0])
    np.testing.assert_allclose(run.aeff.offset_nodes_deg, [0.5, 1.5])
    np.testing.assert_allclose(run.aeff.area_m2, AREA_CM2 / 1e4)
    assert run.aeff.lo_thres_tev is None
    # TT - UTC in 2006: 33 leap seconds and 32.184 s.
    assert (run.time_ref_mjd - 54000.5) * 86400 == pytest.approx(65.184, abs=1e-5)
    np.testing.assert_array_equal(run.gti_start_s, [0.0, 60.0])
    assert run.ontime_s == 90.0
    assert run.livetime_s == pytest.approx(81.0)


def _drop_table(tables, name):
    del tables[name]


def _drop_column(tables, name, column):
    del tables[name][0][column]


def _drop_keyword(tables, name, key):
    del tables[name][1][key]


def _set_keyword(tables, name, key, value):
    tables[name][1][key] = value


def _set_column(tables, name, column, values, unit):
    tables[name][0][column] = ([np.array(values)] if name == "EFFECTIVE AREA" else values, unit)


@pytest.mark.parametrize(
    ("change", "arguments", "named"),
    [
        (_drop_table, ("GTI",), "HDU GTI"),
        (_drop_table, ("EFFECTIVE AREA",), "HDU AEFF"),
        (_drop_table, ("EVENTS",), "HDU EVENTS"),
        (_drop_column, ("EVENTS", "ENERGY"), "HDU EVENTS: ENERGY"),
        (_drop_column, ("EFFECTIVE AREA", "EFFAREA"), "HDU AEFF: EFFAREA"),
        (_drop_keyword, ("EVENTS", "RA_PNT"), "HDU EVENTS: RA_PNT"),
        (_drop_keyword, ("EVENTS", "MJDREFI"), "HDU EVENTS: MJDREFI"),
        (_set_keyword, ("EVENTS", "DEADC", "none"), "HDU EVENTS: DEADC"),
        (_set_keyword, ("EVENTS", "TIMESYS", "LOCAL"), "HDU EVENTS: TIMESYS"),
        (_set_keyword, ("EFFECTIVE AREA", "HDUCLAS3", "POINT-LIKE"), "HDU AEFF: HDUCLAS3"),
        (_set_keyword, ("EFFECTIVE AREA", "HDUCLAS4", "AEFF_3D"), "HDU AEFF: HDUCLAS4"),
        (_set_column, ("EVENTS", "ENERGY", [1.0, 2.0], "s"), "HDU EVENTS: ENERGY"),
        (_set_column, ("EVENTS", "ENERGY", [1.0, 2.0], ""), "HDU EVENTS: ENERGY"),
        (_set_column, ("EVENTS", "RA", [1.0, np.nan], "deg"), "HDU EVENTS: RA"),
        (_set_column, ("GTI", "STOP", [10.0, 50.0], "s"), "HDU GTI: STOP"),
        (_set_column, ("GTI", "STOP", [100.0, 70.0], "s"), "HDU GTI: STOP"),
        (_set_column, ("EFFECTIVE AREA", "EFFAREA", [[1.0, 1.0]], "m2"), "HDU AEFF: EFFAREA"),
        (_set_column, ("EFFECTIVE AREA", "ENERG_HI", [90.0, 1e4], "GeV"), "HDU AEFF: ENERG_LO"),
        (_set_column, ("EFFECTIVE AREA", "ENERG_LO", [100.0, 2e3], "GeV"), "HDU AEFF: ENERG_LO"),
        (_set_column, ("EFFECTIVE AREA", "THETA_HI", [60.0, 30.0], "arcmin"), "HDU AEFF: THETA_LO"),
    ],
)
def test_one_error_names_file_table_and_column(tmp_path, change, arguments, named):
    tables = _tables()
    change(tables, *arguments)
    path = _write(tmp_path / "run.fits", tables)
    with pytest.raises(InputError) as caught:
        read_observation(path, hdus=HDUS)
    assert str(caught.value).startswith(f"{path}: {named}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0, 100, 100_000, 300_000])
def test_a_truncated_file_is_one_error(tmp_path, crab_file, kept):
    path = tmp_path / "run.fits.gz"
    path.write_bytes(crab_file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"run\.fits\.gz: "):
        read_observation(path)


def test_a_truncated_plain_file_is_one_error(tmp_path, crab_file):
    path = tmp_path / "run.fits"
    path.write_bytes(gzip.decompress(crab_file.read_bytes())[:-150_000])
    with pytest.raises(InputError, match=r"run\.fits: "):
        read_observation(path)


def test_a_corrupt_file_is_one_error(tmp_path, crab_file):
    data = bytearray(crab_file.read_bytes())
    data[200_000:200_200] = bytes(200)
    path = tmp_path / "run.fits.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"run\.fits\.gz: "):
        read_observation(path)


def test_missing_files_and_unknown_tables_are_errors(tmp_path, crab_file):
    with pytest.raises(InputError, match="existing GADF file"):
        read_observation(tmp_path / "none.fits")
    with pytest.raises(InputError, match="hdus: got 'rad_max'"):
        read_observation(crab_file, hdus=("events", "rad_max"))
    for reader in (read_obs_index, read_hdu_index, find_files):
        with pytest.raises(InputError, match=r"index\.fits\.gz: file"):
            reader(tmp_path)


def test_an_index_without_its_columns_is_an_error(tmp_path):
    fitsio.write(str(tmp_path / "hdu-index.fits"), [np.array([1])], names=["OBS_ID"])
    with pytest.raises(InputError, match="HDU_TYPE"):
        find_files(tmp_path)
    (tmp_path / "obs-index.fits").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"obs-index\.fits: file"):
        read_obs_index(tmp_path)
