"""Responses of a run: from the parametrisations, one file, or between nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iactflow.campaign.schema_mock import Mock
from iactflow.dl3.from_responses import sample_source
from iactflow.dl3.run_responses import read_node, run_responses
from iactflow.errors import InputError
from iactflow.io.gadf_responses import ResponseFile, write_responses
from iactflow.response import parametrised


def conditions(**changes):
    given = {"zenith_deg": 20.0, "azimuth_deg": 180.0, "nsb_factor": 1.0, "throughput": 1.0}
    return {**given, **changes}


def node(folder, zenith_deg, cards=True, **changes):
    tables = parametrised.responses(zenith_deg)
    made = ResponseFile(tables.aeff, tables.edisp, tables.psf, tables.bkg)._replace(**changes)
    path = folder / f"irf{zenith_deg:g}{len(changes)}{cards}.fits"
    given = {"ZENITH": zenith_deg, "AZIMUTH": 180.0, "NSB": 1.0, "THROUGH": 1.0}
    write_responses(path, made, given if cards else {})
    return path


def test_without_files_those_of_the_parametrisations():
    assert run_responses([], conditions(), 1.0) is parametrised.responses(20.0)


def test_a_node_comes_back(tmp_path):
    path = node(tmp_path, 20.0)
    expected, found = parametrised.responses(20.0), run_responses([path], conditions(), 1.0)
    np.testing.assert_allclose(found.aeff.area_m2, expected.aeff.area_m2, rtol=1e-6)
    np.testing.assert_allclose(found.psf.value_per_sr, expected.psf.value_per_sr, rtol=1e-5)
    assert read_node(str(path))[1] == conditions()


def test_a_run_between_nodes(tmp_path):
    files = [node(tmp_path, zenith) for zenith in (20.0, 40.0)]
    found = run_responses(files, conditions(zenith_deg=30.0), 1.0)
    low, high, true = (parametrised.responses(z).aeff.area_m2 for z in (20.0, 40.0, 30.0))
    at = np.s_[1, 40:70]
    assert np.all(found.aeff.area_m2[at] > np.minimum(low, high)[at])
    assert np.all(found.aeff.area_m2[at] < np.maximum(low, high)[at])
    np.testing.assert_allclose(found.aeff.area_m2[at], true[at], rtol=0.03)


def test_one_file_without_conditions_is_for_all_runs(tmp_path):
    path = node(tmp_path, 20.0, cards=False)
    found = run_responses([path], conditions(zenith_deg=50.0), 1.0)
    np.testing.assert_allclose(
        found.aeff.area_m2, parametrised.responses(20.0).aeff.area_m2, rtol=1e-6
    )


def test_a_single_offset_has_two_bins(tmp_path):
    """Tables of one offset have no neighbours to interpolate between: both bins hold it."""
    tables = parametrised.responses(20.0)
    one = {"offset_edges_deg": np.array([0.25, 0.75]), "offset_nodes_deg": None}
    changes = {
        "aeff": replace(tables.aeff, area_m2=tables.aeff.area_m2[1:2], **one),
        "edisp": replace(tables.edisp, matrix=tables.edisp.matrix[1:2], **one),
        "psf": replace(tables.psf, value_per_sr=tables.psf.value_per_sr[:, 1:2], **one),
    }
    found = run_responses([node(tmp_path, 20.0, **changes)], conditions(), 1.0)
    assert found.aeff.area_m2.shape[0] == found.psf.value_per_sr.shape[1] == 2
    np.testing.assert_array_equal(found.aeff.area_m2[0], found.aeff.area_m2[1])
    block = {"source": {"position": {"ra_deg": 83.6, "dec_deg": 22.0}, "amplitude": 1e-10}}
    settings = Mock.model_validate(block).model_dump(mode="json")
    columns = sample_source(settings, settings["source"], 1, found, np.random.default_rng(1))
    assert len(columns[0]) > 100
    assert all(np.isfinite(column).all() for column in columns)


def test_refused(tmp_path):
    nodes = [node(tmp_path, zenith) for zenith in (20.0, 40.0)]
    for wrong in ({"zenith_deg": 45.0}, {"nsb_factor": 3.0}, {"throughput": 0.5}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            run_responses(nodes, conditions(**wrong), 1.0)
    with pytest.raises(InputError, match="ZENITH"):
        run_responses([nodes[0], node(tmp_path, 40.0, cards=False)], conditions(), 1.0)
    with pytest.raises(InputError, match="POINT-LIKE"):
        run_responses([node(tmp_path, 20.0, point_like=True)], conditions(), 1.0)
    with pytest.raises(InputError, match="BKG"):
        run_responses([node(tmp_path, 20.0, bkg=None, rad_max=None)], conditions(), 1.0)
