"""Responses of a campaign: nodes, axes, files, and what is refused before any job."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import yaml

from iactflow.campaign.load import load_campaign
from iactflow.campaign.targets import Targets
from iactflow.errors import InputError

LAW = {"azimuth_deg": 180, "energy_min_tev": 0.3, "energy_max_tev": 10, "core_radius_max_m": 300,
       "n_showers": 20, "showers_per_job": 10}  # fmt: skip
GOOD = {
    "campaign": "good",
    "instrument": {"name": "hess1", "version": "2006"},
    "simulations": {
        f"{name}-{zenith}": {**LAW, **block, "zenith_deg": zenith, "nsb_levels": [1.0, 2.5]}
        for zenith in (20, 40)
        for name, block in {
            "near": {"particle": "gamma", "run": zenith, "offset_deg": 0.5},
            "far": {"particle": "gamma", "run": zenith + 1, "offset_deg": 1.5},
            "diffuse": {"particle": "gamma_diffuse", "run": zenith, "viewcone_deg": 2.2},
            "electron": {"particle": "electron", "run": zenith, "viewcone_deg": 3.0},
        }.items()
    },
    "reconstruction": {"shape_tables": {"samples": ["near-20"]}},
    "cuts": {"preset": "standard"},
    "responses": {
        "signal": ["near-20", "far-20", "near-40", "far-40"],
        "background": {"electron-20": None, "electron-40": "electron_irfdoc"},
    },
}
ROOT = "results/good"


def load(tmp_path, repository, *changes):
    content = copy.deepcopy(GOOD)
    for block, key, value in changes:
        at = content
        for name in block.split("."):
            at = at[name]
        at[key] = value
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return load_campaign(content, [file], repository)


DIFFUSE = [("responses", "signal", ["diffuse-20", "diffuse-40"])]


def test_nodes_are_the_simulated_conditions(tmp_path, repository):
    plan = load(tmp_path, repository).responses
    names = [f"zen{z}-az180-nsb{n}" for z in (20, 40) for n in ("1", "2.5")]
    assert list(plan.nodes) == names
    node = plan.nodes["zen40-az180-nsb2.5"]
    assert list(node.signal) == ["near-40", "far-40"]
    assert list(node.background) == ["electron-40"]
    settings = plan.settings(node.name)
    assert (settings["zenith_deg"], settings["level"]) == (40.0, 2.5)
    assert len(plan.index(node.name)["signal"]) == 4


def test_samples_of_one_particle_are_weighted_together(tmp_path, repository):
    block = {**GOOD["simulations"]["electron-20"], "run": 99, "energy_min_tev": 5}
    names = dict.fromkeys(["electron-20", "high", "electron-40"])
    changes = [("simulations", "high", block), ("responses", "background", names)]
    plan = load(tmp_path, repository, *changes).responses
    found = plan.nodes["zen20-az180-nsb1"].background
    assert list(found) == ["electron-20"]
    assert len(found["electron-20"]) == 4
    apart = {**names, "high": "electron_irfdoc"}
    plan = load(tmp_path, repository, changes[0], ("responses", "background", apart)).responses
    assert list(plan.nodes["zen20-az180-nsb1"].background) == ["electron-20", "high"]


def test_axes_follow_what_is_thrown(tmp_path, repository):
    plan = load(tmp_path, repository).responses
    axes = plan.axes
    tenths = 10 * np.log10(axes["energy_edges_tev"])
    np.testing.assert_allclose(tenths, np.arange(-6, 11), atol=1e-9)
    assert len(axes["energy_reco_edges_tev"]) == 9
    assert axes["offset_nodes_deg"] == [0.5, 1.5]
    assert axes["offset_edges_deg"] == [0.0, 1.0, 2.0]
    assert axes["fov_max_deg"] == 3.0
    one = load(tmp_path, repository, ("responses", "signal", ["near-20", "near-40"]))
    assert one.responses.axes["offset_edges_deg"] == [0.25, 0.75]
    cone = load(tmp_path, repository, *DIFFUSE)
    assert cone.responses.axes["offset_edges_deg"] == [0.0, 0.5, 1.0, 1.5, 2.0]
    own = {"energy_min_tev": 0.5, "energy_max_tev": 5.0, "n_bins": 2}
    given = load(tmp_path, repository, ("responses", "energy_true", own)).responses.axes
    np.testing.assert_allclose(given["energy_edges_tev"], [0.5, np.sqrt(2.5), 5.0])


def test_types_of_events_are_nodes_of_their_own(tmp_path, repository):
    types = {"two": {"multiplicity_max": 2}, "more": {"multiplicity_min": 3}}
    plan = load(tmp_path, repository, ("responses", "event_types", types)).responses
    assert list(plan.nodes)[:2] == ["zen20-az180-nsb1-two", "zen20-az180-nsb1-more"]
    settings = plan.settings("zen20-az180-nsb1-more")
    assert (settings["multiplicity_min"], settings["multiplicity_max"]) == (3, None)


def test_targets_of_responses(tmp_path, repository):
    campaign = load(tmp_path, repository, ("responses", "point_like", True))
    targets = Targets(campaign)
    node = f"{ROOT}/responses/zen20-az180-nsb1"
    for name in ("irf.fits", "irf_point_like.fits", "summary.json"):
        assert f"{node}/{name}" in targets.products
    assert targets.responses.checks["zen20-az180-nsb1"] in targets.responses.checks.values()
    assert f"{node}/irf.fits.prov.json" in targets.sidecars
    assert "respond" in targets.rules
    assert targets.gate
    none = load(tmp_path, repository, ("responses", "signal", ["near-20", "near-40"]))
    assert Targets(none).responses.outputs.keys() == {"irf", "summary"}


def test_off_data_are_runs_of_targets(tmp_path, repository):
    circle = {"ra_deg": 84.0, "dec_deg": 21.0, "radius_deg": 0.3}
    crab = {"label": "Crab", "position": {"ra_deg": 83.6, "dec_deg": 22.0},
            "observations": {"obs_ids": [1, 2]}, "exclusion_regions": [circle]}  # fmt: skip
    source = {"position": crab["position"]}
    changes = {"targets": {"crab": crab}, "data": {"source": "mock"}, "mock": {"source": source}}
    off = {"signal": ["near-20"], "off_data": ["crab"], "fov_max_deg": 2.0}
    content = {**copy.deepcopy(GOOD), **changes, "responses": off}
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    campaign = load_campaign(content, [file], repository)
    settings = campaign.responses.settings("zen20-az180-nsb1")
    near = {**crab["position"], "radius_deg": 0.4}
    assert settings["excluded"] == {"crab": [near, circle]}
    assert settings["fov_max_deg"] == 2.0
    assert Targets(campaign).responses.off_data == ["crab"]
    content["responses"] = {**off, "off_data": ["moon"]}
    with pytest.raises(InputError, match="off_data: got 'moon'; allowed: crab"):
        load_campaign(content, [file], repository)


def test_mock_runs_of_simulations_take_what_the_responses_rest_on(tmp_path, repository):
    """Their estimators; responses of a type of events would not be those of the events drawn."""
    source = {"position": {"ra_deg": 83.6, "dec_deg": 22.0}}
    crab = {"label": "Crab", **source, "observations": {"obs_ids": [1]}}
    drawn = {"source": source, "n_runs": 1, "simulations": {"signal": ["near-20"]}}
    content = copy.deepcopy(GOOD) | {
        "targets": {"crab": crab}, "data": {"source": "mock"}, "mock": drawn,
    }  # fmt: skip
    content["responses"]["energy"] = "forest"
    content["reconstruction"]["forests"] = {"energy": ["near-20"]}
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    plan = load_campaign(content, [file], repository).mock_plan
    assert plan.estimators == {"energy": "forest", "direction": "geometry"}
    nodes = [f"zen{zenith}-az180-nsb{level:g}" for zenith in (20, 40) for level in (1.0, 2.5)]
    assert plan.inputs["responses"] == [f"{ROOT}/responses/{node}/irf.fits" for node in nodes]
    content["responses"]["event_types"] = {"three": {"multiplicity_min": 3}}
    with pytest.raises(InputError, match=r"responses\.event_types: got \['three'\]"):
        load_campaign(content, [file], repository)


MOCKS = {
    "targets": {"crab": {"label": "Crab", "position": {"ra_deg": 83.6, "dec_deg": 22.0},
                         "observations": {"obs_ids": [1]}}},
    "data": {"source": "mock"},
    "mock": {"source": {"position": {"ra_deg": 83.6, "dec_deg": 22.0}}, "n_runs": 1,
             "simulations": {"signal": ["near-20"]}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"psf": "king"}, r"responses\.psf: got 'king'; allowed: table, where mock\.responses"),
        ({"background_table": "2d"}, r"responses\.background_table: got '2d'; allowed: 3d"),
        ({"background": {}}, r"responses\.background: .*off_data, where mock\.responses"),
    ],
)
def test_mock_runs_have_responses_that_runs_can_have(tmp_path, repository, changes, message):
    content = copy.deepcopy({**GOOD, **MOCKS})
    content["responses"] |= changes
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message):
        load_campaign(content, [file], repository)
    # Files of the user's stand in place of them; runs from the parametrisations need none.
    irf = tmp_path / "irf.fits"
    irf.touch()
    for mock in ({"responses": [str(irf)]}, {"simulations": None}):
        given = {**content, "mock": {**content["mock"], **mock}}
        load_campaign(given, [file], repository)


def test_off_data_drawn_from_their_own_responses_are_refused(tmp_path, repository):
    content = copy.deepcopy({**GOOD, **MOCKS})
    content["responses"] = {"signal": ["near-20"], "off_data": ["crab"], "fov_max_deg": 2.0}
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="off_data: the runs of targets are drawn from these very"):
        load_campaign(content, [file], repository)
    irf = tmp_path / "irf.fits"
    irf.touch()
    content["mock"]["responses"] = [str(irf)]
    assert load_campaign(content, [file], repository).responses.nodes


def test_runs_are_nodes(tmp_path, repository):
    table = tmp_path / "runs.tsv"
    rows = [f"{run}\t{tel}\t{alt}\t90\t{0.8 if tel == 1 else 0.6}\t1.5"
            for run, alt in ((7, 60.0), (8, 55.0)) for tel in (1, 2)]  # fmt: skip
    head = "obs_id\ttel_id\taltitude_deg\tazimuth_deg\tthroughput\tnsb_factor"
    table.write_text("\n".join([head, *rows]) + "\n")
    law = {k: v for k, v in LAW.items() if k != "azimuth_deg"}
    block = {**law, "observations": {"conditions": "runs.tsv"}}
    simulations = {
        "gamma": {"particle": "gamma", "offset_deg": 0.5, **block},
        "electron": {"particle": "electron", "viewcone_deg": 3.0, **block},
    }
    changes = [("simulations", name, value) for name, value in simulations.items()] + [
        ("responses", "signal", ["gamma"]),
        ("responses", "background", {"electron": None}),
    ]
    plan = load(tmp_path, repository, *changes).responses
    assert list(plan.nodes) == ["run7-nsb1", "run8-nsb1"]
    settings = plan.settings("run8-nsb1")
    assert settings["zenith_deg"] == 35.0
    assert settings["throughput"] == pytest.approx(0.7)
    assert (settings["nsb_factor"], settings["level"]) == (1.5, 1.0)
    folders = plan.index("run8-nsb1")["signal"]
    assert folders == [f"{ROOT}/reconstruction/gamma/events/run8-0000{i}" for i in (0, 1)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("responses", "signal", ["muon"]), r"responses\.signal: got 'muon'"),
        (("simulations.near-20", "particle", "muon"), "gamma or gamma_diffuse"),
        (("responses", "background", {"far-40": None}), "is both signal and background"),
        (("responses", "background", {"diffuse-20": None}), "allowed: no gamma rays"),
        (("responses", "background", {"electron-20": None}), "no zen40-az180-nsb1"),
        (("responses", "signal", ["near-20", "far-20", "near-40"]), "no offset of 1.5 deg"),
        (("responses", "signal", ["near-20", "diffuse-20"]), "not both"),
        (("responses", "offset_edges_deg", [0.0, 1.0]), "empty, where signal is gamma"),
        (("responses", "off_data", ["crab"]), "background and off_data exclude each other"),
        (("responses", "migra_max", 0.1), r"migra_min \(0\.2\) must be below"),
        (("responses", "psf", "moffat"), "'table', '3gauss' or 'king'"),
        (("responses", "event_types", {"none": {"multiplicity_min": 3, "multiplicity_max": 2}}),
         "must not exceed"),
        (("simulations.near-20", "nsb_levels", [1.0]), "no offset of 0.5 deg"),
        (("reconstruction", "samples", ["near-20", "far-20", "near-40", "far-40"]),
         "a sample of the block reconstruction"),
        (("reconstruction", "splits", {"train_energy": 1.0, "train_direction": 0,
                                       "train_class": 0, "test_cuts": 0, "test_irfs": 0,
                                       "mock": 0}), "test_irfs: got 0.0"),
    ],
)  # fmt: skip
def test_bad_responses_are_refused(tmp_path, repository, change, message):
    with pytest.raises(InputError, match=message):
        load(tmp_path, repository, change)


def test_edges_beyond_the_cone_are_refused(tmp_path, repository):
    with pytest.raises(InputError, match=r"up to viewcone_deg, 2\.2"):
        load(tmp_path, repository, *DIFFUSE, ("responses", "offset_edges_deg", [0.0, 2.5]))


def test_responses_need_reconstructed_events(tmp_path, repository):
    content = copy.deepcopy(GOOD)
    del content["reconstruction"]
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="responses need the block reconstruction"):
        load_campaign(content, [file], repository)
