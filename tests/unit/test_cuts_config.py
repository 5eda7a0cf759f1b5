"""Cuts of a campaign: what is refused, what their rule reads, what a change reruns."""

from __future__ import annotations

import copy

import pytest
import yaml

from iactflow.campaign.load import load_campaign
from iactflow.campaign.targets import Targets
from iactflow.errors import InputError

POINT = {"zenith_deg": 20, "azimuth_deg": 180, "energy_min_tev": 0.1, "energy_max_tev": 10,
         "core_radius_max_m": 300, "n_showers": 20, "showers_per_job": 10}  # fmt: skip
GOOD = {
    "campaign": "good",
    "instrument": {"name": "hess1", "version": "2006"},
    "simulations": {
        "gamma": {"particle": "gamma", "run": 1, **POINT},
        "electron": {"particle": "electron", "run": 2, "viewcone_deg": 2.0, **POINT},
    },
    "reconstruction": {"shape_tables": {"samples": ["gamma"]}},
    "cuts": {"preset": "standard", "optimise": {}},
    "responses": {"signal": ["gamma"], "background": {"electron": "electron_irfdoc"}},
}


def load(tmp_path, repository, *changes):
    content = copy.deepcopy(GOOD)
    for block, key, value in changes:
        at = content
        for name in block.split(".") if block else []:
            at = at[name]
        at[key] = value
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return load_campaign(content, [file], repository)


def test_cuts_are_chosen_on_the_samples_of_the_responses(tmp_path, repository):
    campaign = load(tmp_path, repository, ("responses", "direction", "forest"))
    plan = campaign.cuts
    assert plan.rules == ["cuts"]
    assert plan.folders("signal") == [
        f"results/good/reconstruction/gamma/events/run1-0000{i}" for i in (0, 1)
    ]
    assert len(plan.folders("background")) == 2
    settings = plan.settings
    assert settings["optimise"]["background"] == {"electron": "electron_irfdoc"}
    assert (settings["n_signal"], settings["n_background"]) == ({"gamma": 2}, {"electron": 2})
    assert (settings["energy"], settings["direction"]) == ("tables", "forest")
    targets = Targets(campaign)
    assert plan.product == ["results/good/responses/cuts.json"]
    assert plan.product[0] in targets.products
    assert "results/good/responses/cuts.json.prov.json" in targets.sidecars
    own = load(tmp_path, repository, ("cuts.optimise", "background", {"electron": None}))
    assert own.cuts.settings["optimise"]["background"] == {"electron": None}


def test_fixed_cuts_read_no_events(tmp_path, repository):
    campaign = load(tmp_path, repository, ("cuts", "optimise", None))
    assert campaign.cuts.folders("signal") == campaign.cuts.folders("background") == []
    assert "n_signal" not in campaign.cuts.settings
    without = load(tmp_path, repository, ("", "cuts", None))
    assert not without.cuts
    assert without.cuts.product == without.cuts.rules == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("cuts.optimise", "signal", ["muon"]), "cuts.optimise.signal: got 'muon'"),
        (("cuts.optimise", "background", {"proton": None}), "allowed: gamma, electron"),
        (("cuts.optimise", "cuts", []), "at least 1"),
        (("cuts.optimise", "energy_edges", []), "did you mean energy_edges_tev"),
        (("", "responses", None), r"cuts\.optimise\.signal: got \[\]"),
        (
            ("reconstruction", "splits",
             {"train_energy": 0.5, "train_direction": 0, "train_class": 0, "test_cuts": 0,
              "test_irfs": 0.5, "mock": 0}),
            "test_cuts: got 0.0",
        ),
    ],
)  # fmt: skip
def test_bad_cuts_are_refused(tmp_path, repository, change, message):
    with pytest.raises(InputError, match=message):
        load(tmp_path, repository, change)


def test_classifiers_alone_know_their_bands(tmp_path, repository):
    forests = {"signal": ["gamma"], "background": ["electron"], "energy": ["gamma"]}
    edges = {**forests, "class_energy_edges_tev": [0.1, 1.0, 10.0]}
    plain, banded = (
        load(tmp_path, repository, ("reconstruction", "forests", block)).samples
        for block in (forests, edges)
    )
    assert plain.model_settings("energy") == banded.model_settings("energy")
    assert banded.model_settings("class")["energy_edges_tev"] == [0.1, 1.0, 10.0]
    assert "energy_edges_tev" not in plain.model_settings("class")
    assert set(banded.model_settings("class")) - set(plain.model_settings("class")) == {
        "energy_edges_tev"
    }
