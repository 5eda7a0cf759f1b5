"""Showers of hadrons in the stages: pool from a file, chunks, kept photons, truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from simple_hadrons import write_simple_pool

from iactflow.campaign.digest import content_digest
from iactflow.campaign.schema_hadrons import Hadrons
from iactflow.campaign.schema_simulation import Cascade, Production
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table
from iactflow.shower.hadron_models import load_hadron_models
from iactflow.telescope.stages.events import simulate_events, simulate_telescopes
from iactflow.telescope.stages.setup import make_setup
from iactflow.telescope.stages.showers import simulate, simulate_showers

PROTON = {
    "particle": "proton",
    "run": 3,
    "n_showers": 4,
    "energy_min_tev": 0.3,
    "energy_max_tev": 1.0,
    "zenith_deg": 20.0,
    "azimuth_deg": 180.0,
    "viewcone_deg": 1.0,
    "core_radius_max_m": 100.0,
}


@pytest.fixture(scope="module")
def files(request):
    """Files of H.E.S.S. I and of the atmospheres."""
    root = request.config.rootpath / "config"
    folders = (root / "instruments/hess1/2006", root / "atmospheres")
    return [str(p) for f in folders for p in sorted(f.rglob("*")) if p.is_file()]


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """A pool in a file."""
    return write_simple_pool(tmp_path_factory.mktemp("pool") / "pool.root")


def job(files, pool, showers, **changes):
    """Arguments of a stage."""
    block = Production.model_validate({**PROTON, **changes}).model_dump(mode="json")
    shower = {"backend": "iactflow", "cascade": Cascade().model_dump()}
    shower["hadrons"] = Hadrons().model_dump()
    settings = {"name": "p", **block, "shower": shower}
    inputs = SimpleNamespace(instrument=files, conditions=[], hadrons=[pool])
    params = SimpleNamespace(settings=settings, seed=5, showers=showers)
    return inputs, params, SimpleNamespace(run="3", production="p")


def profiles(files, pool, showers):
    """Truth and light of showers, by number."""
    inputs, params, wildcards = job(files, pool, showers)
    found = {}
    for shower in simulate(make_setup(inputs, params, wildcards)):
        photons = [p.copy() for by_telescope in shower.photons for p in by_telescope.values()]
        found[shower.thrown.shower_id] = shower.truth(), shower.n_photons, photons
    return found


def test_a_shower_does_not_depend_on_its_chunk(files, pool):
    whole = profiles(files, pool, (1, 4))
    for showers in ((1, 1), (3, 4)):
        for shower, (truth, n_photons, photons) in profiles(files, pool, showers).items():
            assert truth == whole[shower][0]
            assert n_photons == whole[shower][1] > 0.0
            for mine, other in zip(photons, whole[shower][2], strict=True):
                np.testing.assert_array_equal(mine, other)


def test_kept_photons_give_the_same_events(tmp_path, files, pool):
    inputs, params, wildcards = job(files, pool, (1, 3))
    outputs = SimpleNamespace(events=str(tmp_path / "fused"))
    simulate_events(inputs, outputs, params, wildcards)
    outputs = SimpleNamespace(photons=str(tmp_path / "p.root"), events=str(tmp_path / "split"))
    simulate_showers(inputs, outputs, params, wildcards)
    apart = SimpleNamespace(instrument=files, conditions=[], photons=outputs.photons)
    simulate_telescopes(apart, outputs, params, wildcards)
    assert content_digest(outputs.events) == content_digest(tmp_path / "fused")
    assert read_metadata(outputs.photons)["hadrons"] == params.settings["shower"]["hadrons"]
    thrown = read_table(tmp_path / "fused/nsb1.root", "thrown_events")
    assert set(thrown["particle_id"].tolist()) == {14}
    assert thrown["n_thrown"].sum() == 3
    assert thrown["viewcone_max_deg"].max() <= 1.0
    showers = read_table(outputs.photons, "showers")
    # Between the ground and a hundredth of a mean free path.
    assert (showers["true_h_first_int_m"] > 1800.0).all()
    assert (showers["true_h_first_int_m"] < 6e4).all()
    params.settings["shower"]["hadrons"]["switch_gev"] = 70.0
    with pytest.raises(InputError, match="hadrons"):
        simulate_telescopes(apart, outputs, params, wildcards)


@pytest.mark.parametrize("particle", ["helium", "iron"])
def test_nuclei_are_thrown_with_their_total_energy(files, pool, particle):
    inputs, params, wildcards = job(
        files, pool, (1, 1), particle=particle, energy_min_tev=2.0, energy_max_tev=2.1
    )
    (shower,) = simulate(make_setup(inputs, params, wildcards))
    assert shower.thrown.particle_id == {"helium": 402, "iron": 5626}[particle]
    assert 2.0 <= shower.thrown.energy_tev <= 2.1
    assert shower.n_photons > 1e6


def test_hadrons_without_a_pool_are_refused(files):
    inputs, params, wildcards = job(files, "", (1, 1))
    inputs.hadrons = []
    with pytest.raises(InputError, match="models of hadronic interactions"):
        list(simulate(make_setup(inputs, params, wildcards)))


def test_the_pool_s_file_says_with_which_models(pool):
    models = load_hadron_models(pool)
    assert models.kinetic_cut_mev == 300.0
    assert models.pool.max_kinetic_mev == 80e3
    assert models.model.settings.high_energy_model == "sibyll23d"
