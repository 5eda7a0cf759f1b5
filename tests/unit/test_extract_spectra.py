"""The stage that extracts spectra: files, tables, dropped runs."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from reference_targets import reference_runs, reference_targets

from iactflow.errors import InputError
from iactflow.science.ogip import read_ogip
from iactflow.science.stages.extract_spectra import extract_spectra

pytestmark = pytest.mark.data


def _extract(tmp_path, target, files):
    observations = tmp_path / "observations.tsv"
    rows = "".join(f"{run}\t{path.name}\n" for run, path in files.items())
    observations.write_text("obs_id\tfile\n" + rows)
    extract_spectra(
        SimpleNamespace(dl3=[str(p) for p in files.values()], observations=str(observations)),
        SimpleNamespace(ogip=str(tmp_path / "ogip")),
        SimpleNamespace(settings={"name": "source", **target}, obs_ids=list(files)),
        SimpleNamespace(),
    )
    return tmp_path / "ogip"


def test_crab(tmp_path, data_dir, dr1):
    target = reference_targets(data_dir)["crab"]
    own = {"model": "lp", "energy_axis": {"energy_min_tev": 1.0, "energy_max_tev": 10.0}}
    own["energy_axis"]["n_bins"] = 6
    spectrum = target["spectrum"] | {"models": [*target["spectrum"]["models"], own]}
    files = dict(list(reference_runs(data_dir, dr1, "crab").items())[:2])
    folder = _extract(tmp_path, target | {"spectrum": spectrum}, files)
    runs = Table.read(folder / "runs.ecsv", format="ascii.ecsv")
    assert list(runs["obs_id"]) == [23523, 23526]
    assert list(runs["n_on"]) == [189, 199]
    assert list(runs["n_off"]) == [201, 196]
    np.testing.assert_allclose(runs["alpha"], 1 / 11)
    assert set(runs["status"]) == {"kept"}
    for run in files:
        default = read_ogip(folder / "default" / f"obs_{run}" / f"pha_obs{run}.fits")
        other = read_ogip(folder / "lp" / f"obs_{run}" / f"pha_obs{run}.fits")
        assert (len(default.n_on), len(other.n_on)) == (80, 6)
        edges = default.energy_edges_tev
        inside = (edges[:-1] > 0.999) & (edges[1:] < 10.001)
        assert other.n_on.sum() == default.n_on[inside].sum()
    regions = Table.read(folder / "regions.ecsv", format="ascii.ecsv")
    assert np.sum(regions["kind"] == "off") == 22
    assert np.sum(regions["kind"] == "on") == 2
    assert set(regions["radius_deg"]) == {0.11}
    theta = Table.read(folder / "theta_squared.ecsv", format="ascii.ecsv")
    within = theta["theta_squared_max_deg2"] < 0.11**2
    excess = theta["n_on"] - theta["alpha"] * theta["n_off"]
    assert excess[within].sum() > 300
    assert np.argmax(theta["n_on"]) == 0
    # A point source: the tail of the point spread function beyond 0.155 deg holds a quarter.
    outer = theta["theta_squared_min_deg2"] > 0.5 * 0.22**2
    assert abs(excess[outer].sum()) < 0.35 * excess[within].sum()


def test_a_run_without_room_is_dropped_logged_and_listed(tmp_path, data_dir, dr1, caplog):
    target = reference_targets(data_dir)["rxj1713"]
    files = reference_runs(data_dir, dr1, "rxj1713")
    files = {run: files[run] for run in (20898, 20900)}
    with caplog.at_level(logging.WARNING, logger="iactflow"):
        folder = _extract(tmp_path, target, files)
    assert "run 20900 is dropped: the pointing" in caplog.text
    runs = Table.read(folder / "runs.ecsv", format="ascii.ecsv")
    assert list(runs["status"]) == ["kept", "dropped"]
    assert list(runs["n_on"]) == [1022, 1376]
    assert list(runs["n_off_regions"]) == [5, 0]
    assert "inside the on region" in runs["reason"][1]
    assert [p.name for p in (folder / "default").iterdir()] == ["obs_20898"]


def test_min_off_regions_drops_runs(tmp_path, data_dir, dr1):
    target = reference_targets(data_dir)["rxj1713"]
    target = target | {"spectrum": target["spectrum"] | {"min_off_regions": 6}}
    files = {20898: reference_runs(data_dir, dr1, "rxj1713")[20898]}
    folder = _extract(tmp_path, target, files)
    runs = Table.read(folder / "runs.ecsv", format="ascii.ecsv")
    assert runs["reason"][0] == "5 off regions, fewer than min_off_regions (6)"
    theta = Table.read(folder / "theta_squared.ecsv", format="ascii.ecsv")
    assert theta["n_on"].sum() == 0
    assert not (folder / "default").exists()


def test_an_unreadable_run_is_named(tmp_path, data_dir, dr1):
    target = reference_targets(data_dir)["crab"]
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"not FITS")
    with pytest.raises(InputError, match=r"broken\.fits"):
        _extract(tmp_path, target, {1: broken})
