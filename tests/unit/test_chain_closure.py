"""Closure of mock observations drawn from simulated events of known laws: the truth comes back.

All bounds are four standard errors of what is averaged; `docs/validation/chain-closure.md` has the
real chain with more of them.
"""

from __future__ import annotations

from pathlib import Path

import mock_samples
import numpy as np
import pytest

from iactflow.campaign.schema import Target
from iactflow.campaign.schema_mock import Mock
from iactflow.response.parametrised import responses
from iactflow.response.selection import CutBand, Cuts

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "validation"
POSITION = {"ra_deg": 83.633083, "dec_deg": 22.0145}
CUTS = Cuts("none", (CutBand(),))
SPLITS = {"test_irfs": 0.5, "mock": 0.5}
BINS_S = [(0.0, 240.0), (240.0, 480.0), (600.0, 840.0), (840.0, 1080.0)]
N_SIGMA = 4.0
AXES = {
    "energy_edges_tev": 10.0 ** (np.arange(-6, 16) / 10.0),
    "migra_edges": np.linspace(0.2, 3.0, 141),
    "rad_edges_deg": np.linspace(0.0, 1.0, 201),
}


@pytest.fixture
def closures(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import closures

    return closures


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Gamma rays from a point and from a cone, with a threshold."""
    folder = tmp_path_factory.mktemp("closure")
    files = {name: folder / name / "nsb1.root" for name in ("gamma", "diffuse")}
    common = {"splits": SPLITS, "law": mock_samples.threshold}
    mock_samples.write_sample(files["gamma"], n_showers=40000, **common)
    mock_samples.write_sample(files["diffuse"], n_showers=60000, viewcone_deg=1.0, run=2, **common)
    return files


def blocks(source, sample="gamma", **spectrum):
    mock = Mock.model_validate({
        "n_runs": 2, "run_duration_s": 480.0, "zenith_deg": 20.0, "azimuth_deg": 180.0,
        "source": {"position": POSITION, "index": 2.5, **source},
        "simulations": {"signal": [sample]},
    })  # fmt: skip
    target = Target.model_validate({
        "label": "source", "position": POSITION, "observations": {"obs_ids": [1, 2]},
        "exclusion_regions": [{**POSITION, "radius_deg": 0.3}],
        "sky_maps": [{"energy_bands_tev": [[0.5, 20.0]], "size_deg": 2.0, "pixel_deg": 0.04}],
        "spectrum": {"energy_axis": {"energy_min_tev": 0.5, "energy_max_tev": 20.0, "n_bins": 8},
                     "models": [{"model": "pl"}], **spectrum},
    })  # fmt: skip
    return mock.model_dump(mode="json"), {"name": "crab", **target.model_dump(mode="json")}


def halves(closures, folder, file, sample, source, n, axes=None, **spectrum):
    """Results of mocks, the parts of the showers exchanged for half of them, and the truth."""
    axes = axes or {**AXES, "offset_edges_deg": [0.25, 0.75], "offset_nodes_deg": [0.5]}
    bkg, found = responses(20.0).bkg, []
    made = [closures.part_responses(folder, [file], axes, CUTS, p, bkg)[0] for p in closures.PARTS]
    settings, target = blocks(source, sample, **spectrum)
    for part, path in zip(closures.PARTS, made[::-1], strict=True):
        mocks = closures.Mocks(settings, target, {sample: [file]}, CUTS, part, path)
        found += [mocks.analyse(f"{part}-{i}", BINS_S) for i in range(n // 2)]
    columns = (np.array(column) for column in zip(*found, strict=True))
    return closures.Found(*columns), mocks.truth(BINS_S)


def worst_of_bins(found):
    """Largest deviation of the summed excess from that predicted, in standard errors."""
    deviation = (found.excess - found.predicted).sum(axis=0)
    return np.abs(deviation / np.sqrt(found.variance.sum(axis=0))).max()


def test_a_flaring_point_source_comes_back(closures, files, tmp_path):
    source = {"flare_factor": 4.0, "flare_start_s": 600.0, "flare_duration_s": 240.0}
    found, (parameters, fluxes) = halves(closures, tmp_path, files["gamma"], "gamma", source, 60)
    fit = (found.parameters - parameters) / found.errors
    place = found.position_deg / found.position_error_deg[:, None]
    curve = (found.fluxes - fluxes) / found.flux_errors
    pulls = np.hstack([fit, place, curve])
    assert np.abs(pulls.mean(axis=0)).max() < N_SIGMA / np.sqrt(60)
    assert np.abs(pulls.std(axis=0) - 1.0).max() < N_SIGMA / np.sqrt(120)
    assert worst_of_bins(found) < N_SIGMA
    # The bounds can be missed: a tenth more flux is seen.
    wrong = (found.excess - 1.1 * found.predicted).sum()
    assert abs(wrong) > N_SIGMA * np.sqrt(found.variance.sum())


def test_a_periodic_source_comes_back(closures, files, tmp_path):
    source = {"periodic": {"period_s": 1200.0, "phase": 0.1, "fraction": 0.9}, "amplitude": 2e-10}
    found, _ = halves(closures, tmp_path, files["gamma"], "gamma", source, 6)
    predicted = found.predicted[0]
    assert predicted.max() > 3.0 * predicted.min()
    assert worst_of_bins(found) < N_SIGMA


def test_an_extended_source_comes_back(closures, files, tmp_path):
    """Diffuse gamma rays in rings of offset, an on region that holds the whole source."""
    source = {"extension": {"shape": "disk", "radius_deg": 0.15}, "amplitude": 2e-10}
    edges = np.array([0.2, 0.4, 0.6, 0.8])
    offsets = {"offset_edges_deg": edges, "offset_nodes_deg": 0.5 * (edges[1:] + edges[:-1])}
    found, _ = halves(
        closures, tmp_path, files["diffuse"], "diffuse", source, 6, {**AXES, **offsets},
        on_radius_deg=0.4, containment_correction=False,
    )  # fmt: skip
    assert found.excess.sum() > 50.0 * np.sqrt(found.variance.sum() / 10.0)
    assert worst_of_bins(found) < N_SIGMA
