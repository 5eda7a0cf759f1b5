"""The campaigns of CTAO North: one chain, in an hour or on a farm."""

from __future__ import annotations

import pytest
import yaml
from tests.workflow import job_counts, snakemake

from iactflow.campaign.load import load_campaign

HOUR, FARM = "ctao-north-alpha", "ctao-north-alpha-farm"
CHAIN = {"make_hadron_pool", "simulate_events", "reconstruct_geometry", "fill_shape_tables",
         "train_direction", "train_class", "reconstruct_events", "optimise_cuts", "make_responses",
         "plot_performance", "simulate_dl3", "make_sky_map", "fit_spectrum", "estimate_light_curve",
         "check_responses", "check_spectrum", "gate_products"}  # fmt: skip


def load(repository, name):
    file = repository / f"config/campaigns/{name}.yaml"
    return load_campaign(yaml.safe_load(file.read_text()), [file], repository)


@pytest.mark.parametrize("name", [HOUR, FARM])
def test_the_whole_chain_enters_the_dag(campaign, tmp_path, name):
    def change(content):
        # Fewer jobs, the same rules.
        for production in content["simulations"].values():
            production["showers_per_job"] = 50 * production["showers_per_job"]

    file = campaign(name, change)
    result = snakemake("-n", "--cores", 2, "--configfile", file, folder=tmp_path)
    assert result.returncode == 0, result.stdout
    counts = job_counts(result.stdout)
    assert set(counts) >= CHAIN
    assert counts["make_responses"] == {HOUR: 1, FARM: 2}[name]


def test_both_have_one_instrument_and_one_reconstruction(repository):
    hour, farm = (load(repository, name).model for name in (HOUR, FARM))
    assert hour.instrument == farm.instrument
    for key in ("extraction", "cleaning", "stereo"):
        assert getattr(hour.reconstruction, key) == getattr(farm.reconstruction, key)
    for key in ("containment", "signal_efficiency_min"):
        assert getattr(hour.cuts.optimise, key) == getattr(farm.cuts.optimise, key)
    assert hour.cuts.multiplicity_min == farm.cuts.multiplicity_min
    assert {p.zenith_deg for m in (hour, farm) for p in m.simulations.values()} == {20.0}


@pytest.mark.parametrize("name", [HOUR, FARM])
def test_nobody_takes_the_sensitivity_for_validated(repository, name):
    text = load(repository, name).model.description
    assert "sensitivity is not validated until a farm has run" in text


def test_jobs_of_the_farm_are_those_of_its_showers(repository):
    farm = load(repository, FARM)
    showers = sum(p.n_showers for p in farm.model.simulations.values())
    assert sum(len(farm.samples.parts[name]) for name in farm.samples.names) == showers // 1000
