"""What the stages write is what the data model declares: columns, units, types, in this order."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import Table

from iactflow.campaign.mock_runs import mock_run_table
from iactflow.campaign.schema import Mock, Target
from iactflow.crosscheck.verdicts import Verdict, read_verdicts, write_verdicts
from iactflow.dl3.index import checksum_table
from iactflow.dl3.select import select_observations
from iactflow.dl3.stages import simulate_dl3
from iactflow.io.datamodel import validate
from iactflow.io.tables import TABLES
from iactflow.report.summary import cost_per_rule
from iactflow.science.stages.extract_spectra import extract_spectra
from iactflow.science.stages.fit_spectrum import fit_spectrum
from iactflow.science.stages.light_curves import estimate_light_curve
from iactflow.science.stages.sky_maps import fill_sky_map, make_sky_map

SOURCE = {"ra_deg": 83.633083, "dec_deg": 22.0145}
MOCK = Mock.model_validate({"n_runs": 2, "source": {"position": SOURCE}}).model_dump(mode="json")
TARGET = {
    "label": "mock",
    "position": SOURCE,
    "observations": {"obs_ids": [1, 2]},
    "exclusion_regions": [{**SOURCE, "radius_deg": 0.3}],
    "sky_maps": [{"energy_bands_tev": [[1.0, 10.0]], "size_deg": 2.0, "pixel_deg": 0.05}],
    "spectrum": {},
    "light_curves": {"runs": {"binning": "run_wise"}},
}


def run_stages(folder):
    """Products of a target by mock data, in a folder."""
    target = {"name": "mock", **Target.model_validate(TARGET).model_dump(mode="json")}
    params = SimpleNamespace(settings=target, obs_ids=[1, 2], mock_source=None, seed=3)
    here = SimpleNamespace(band="1-10", binning="runs", target="mock")
    mock = SimpleNamespace(settings=MOCK, seed=3, obs_ids=[1, 2])
    simulate_dl3(None, SimpleNamespace(dl3=folder / "dl3"), mock, None)
    mock_run_table(MOCK, 2).to_csv(folder / "runs.tsv", sep="\t", index=False)
    names = ("observations", "spectrum", "flux_points", "profiles", "theta_squared", "light_curve")
    path = SimpleNamespace(**{name: folder / name for name in names}, ogip=folder / "ogip")
    path.summary = folder / "summary"
    select_observations(SimpleNamespace(table=str(folder / "runs.tsv")), path, params, here)
    inputs = SimpleNamespace(dl3=str(folder / "dl3"), observations=str(path.observations))
    extract_spectra(inputs, path, params, here)
    fit_spectrum(SimpleNamespace(ogip=[path.ogip]), path, params, here)
    estimate_light_curve(inputs, path, params, here)
    sums = SimpleNamespace(maps=folder / "sums.fits")
    fill_sky_map(inputs, sums, params, here)
    finished = SimpleNamespace(maps=folder / "map.fits", summary=folder / "map.json")
    make_sky_map(SimpleNamespace(chunks=[sums.maps]), finished, params, here)
    return folder


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    return run_stages(tmp_path_factory.mktemp("products"))


def read_ecsv(path):
    """Columns of a table, and their units as text."""
    table = Table.read(path, format="ascii.ecsv")
    table = table.filled("") if table.masked or table.has_masked_columns else table
    columns = {name: np.asarray(table[name]) for name in table.colnames}
    return columns, {name: table[name].unit for name in table.colnames}


def read_hdu(path, name):
    """Columns of a binary table of a FITS file, and their units."""
    with fits.open(path) as hdus:
        found = hdus[name].columns
        columns = {c.name: np.array(hdus[name].data[c.name]) for c in found}
        return columns, {c.name: c.unit for c in found}


def read_images(path):
    """Images of a FITS file as the columns of one row, and their units."""
    with fits.open(path) as hdus:
        images = [hdu for hdu in hdus[1:] if hdu.is_image]
        columns = {hdu.name: np.array(hdu.data)[np.newaxis] for hdu in images}
        return columns, {hdu.name: hdu.header.get("BUNIT") for hdu in images}


def check(name, found):
    """Compare what a file holds with a table of the data model."""
    columns, found_units = found
    table = TABLES[name]
    validate(table, columns)
    assert list(columns) == [c.name for c in table.columns if c.name in columns]
    for column in table.columns:
        if column.name in columns:
            unit = units.Unit(str(found_units[column.name] or ""))
            assert unit == units.Unit(column.unit, format="fits"), column.name


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("spectrum_runs", "ogip/runs.ecsv"),
        ("spectrum_regions", "ogip/regions.ecsv"),
        ("theta_squared", "ogip/theta_squared.ecsv"),
        ("theta_squared", "theta_squared"),
        ("flux_points", "flux_points"),
        ("spectrum_profiles", "profiles"),
        ("light_curve", "light_curve"),
    ],
)
def test_ecsv_products(products, name, path):
    check(name, read_ecsv(products / path))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("SPECTRUM", "ogip/default/obs_1/pha_obs1.fits"),
        ("SPECTRUM", "ogip/default/obs_1/bkg_obs1.fits"),
        ("EBOUNDS", "ogip/default/obs_1/pha_obs1.fits"),
        ("EBOUNDS", "ogip/default/obs_1/rmf_obs1.fits"),
        ("SPECRESP", "ogip/default/obs_1/arf_obs1.fits"),
        ("MATRIX", "ogip/default/obs_1/rmf_obs1.fits"),
        ("GTI", "ogip/default/obs_1/pha_obs1.fits"),
        ("CONTAINMENT", "sums.fits"),
        ("RUNS", "sums.fits"),
        ("RUNS", "map.fits"),
        ("EVENTS", "dl3/run_000001.fits.gz"),
        ("GTI", "dl3/run_000001.fits.gz"),
        ("AEFF", "dl3/run_000001.fits.gz"),
        ("EDISP", "dl3/run_000001.fits.gz"),
        ("PSF", "dl3/run_000001.fits.gz"),
        ("BKG", "dl3/run_000001.fits.gz"),
    ],
)
def test_fits_tables(products, name, path):
    check(name, read_hdu(products / path, name))


@pytest.mark.parametrize(("name", "path"), [("sky_map_sums", "sums.fits"), ("sky_map", "map.fits")])
def test_fits_images(products, name, path):
    check(name, read_images(products / path))


def test_run_lists_and_checksums(products):
    tables = {
        "runs": pd.read_csv(products / "runs.tsv", sep="\t"),
        "observations": pd.read_csv(products / "observations", sep="\t"),
        "checksums": checksum_table(products, ["runs.tsv"]),
    }
    for name, table in tables.items():
        assert list(table) == [column.name for column in TABLES[name].columns]
        validate(TABLES[name], {key: np.asarray(table[key]) for key in table})


def test_verdicts(tmp_path):
    verdict = Verdict("crab", "spectrum", "n_on", 1.0, float("nan"), 0.0, passed=False)
    write_verdicts(tmp_path / "v.tsv", [verdict])
    columns = {
        key: np.array([value]) for key, value in read_verdicts(tmp_path / "v.tsv")[0].items()
    }
    validate(TABLES["verdicts"], columns)


def test_costs():
    cost = {"cpu_s": 1.0, "wall_s": 2.0, "max_rss_mb": 3.0, "output_bytes": 4, "input_bytes": 5}
    job = {"iactflow:rule": "fit_spectrum", "iactflow:wildcards": {}, "iactflow:cost": cost}
    rows = cost_per_rule([{"activity": {"job": job}}])
    columns = {key: np.array([value]) for key, value in rows["fit_spectrum"].items()}
    validate(TABLES["cost"], {"rule": np.array(list(rows)), **columns})


def test_a_wrong_unit_is_found(products):
    columns, found_units = read_ecsv(products / "flux_points")
    with pytest.raises(AssertionError, match="dnde"):
        check("flux_points", (columns, {**found_units, "dnde": "m-2 s-1 TeV-1"}))
