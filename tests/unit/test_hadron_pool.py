"""The pool of hadronic interactions: what it holds, its key, its file."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hadron_samples import energies_mev

from iactflow.campaign.digest import content_digest
from iactflow.campaign.pool_key import generators_version, pool_key
from iactflow.campaign.schema_hadrons import Hadrons
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table, write_table
from iactflow.shower.hadrons.kinds import HADRONS, PRODUCED, rest_mass_mev
from iactflow.shower.hadrons.pool import make_pool, pool_of
from iactflow.shower.hadrons.pool_files import read_interactions, read_pool, write_pool
from iactflow.shower.hadrons.settings import HadronSettings, hadron_settings
from iactflow.shower.hadrons.stages import make_hadron_pool

SETTINGS = HadronSettings(n_nodes=4, events_per_node=6, transition_gev=100.0)


@pytest.fixture(scope="module")
def interactions():
    return make_pool(SETTINGS)


@pytest.fixture(scope="module")
def pool(interactions):
    return pool_of(interactions)


@pytest.fixture(scope="module")
def file(interactions, tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.root"
    write_pool(path, interactions)
    return path


def event(pool, row, node, number):
    """Secondaries of an event."""
    first, last = pool.starts[row, node, number : number + 2]
    return pool.secondaries[first:last].astype(np.float64)


def test_arrays_for_kernels(pool):
    assert [a.dtype.name for a in pool[:7]] == [
        *("float64", "int64", "int64", "float32"),
        *("float64", "float64", "int64"),
    ]
    assert pool.starts.shape == (9, 4, 7)
    assert pool.log_kinetic.tolist() == pytest.approx(np.linspace(np.log(300), np.log(1e5), 4))
    assert pool.max_kinetic_mev == 1e5
    assert [int(pool.rows[k]) for k in HADRONS] == list(range(9))
    assert (pool.rows >= 0).sum() == 9
    assert pool.nucleus_rows[:2].tolist() == [-1, -1]
    assert sorted(pool.nucleus_rows[2:]) == list(range(9, 64))
    assert pool.cross_section.shape == (64, pool.log_kinetic_xs.size)
    assert pool.starts[-1, -1, -1] == len(pool.secondaries)
    assert all(a.flags.c_contiguous for a in pool[:7])


def test_every_event_is_one_of_its_energy(pool):
    for row, kind in enumerate(HADRONS):
        for node in range(SETTINGS.n_nodes):
            kinetic = np.exp(pool.log_kinetic[node])
            for number in range(SETTINGS.events_per_node):
                rows = event(pool, row, node, number)
                assert len(rows) > 0
                assert {int(k) for k in rows[:, 0]} <= set(PRODUCED)
                # Nucleons of the target that take part bring their masses.
                surplus = energies_mev(rows).sum() - kinetic - rest_mass_mev(kind)
                assert -800.0 < surplus < 20.0 * 940.0
                assert rows[:, 3].sum() < kinetic + rest_mass_mev(kind) + 1500.0


def test_rare_hadrons_repeat_their_events(pool, interactions):
    assert [SETTINGS.events_of(k) for k in (14, 8, 11, 10, 15)] == [6, 6, 2, 2, 2]
    assert (interactions.sizes[HADRONS.index(11), :, 2:] == 0).all()
    for kind, same in ((11, True), (14, False)):
        row = HADRONS.index(kind)
        a, b = event(pool, row, 1, 0), event(pool, row, 1, 2)
        assert np.array_equal(a, b) == same


def test_events_do_not_depend_on_the_rest_of_the_pool(interactions):
    """Fewer events are the first of more; only the key that is part of their streams is held."""
    fewer = replace(SETTINGS, events_per_node=3)
    assert pool_key(asdict(fewer)) != pool_key(asdict(SETTINGS))
    again = make_pool(replace(SETTINGS))
    np.testing.assert_array_equal(interactions.secondaries, again.secondaries)
    np.testing.assert_array_equal(interactions.cross_section, again.cross_section)


def test_the_file_holds_the_pool(file, interactions, pool):
    again = read_interactions(file)
    assert again.settings == SETTINGS
    np.testing.assert_array_equal(again.sizes, interactions.sizes)
    np.testing.assert_array_equal(again.secondaries, interactions.secondaries)
    np.testing.assert_array_equal(again.cross_section, interactions.cross_section)
    np.testing.assert_allclose(again.log_kinetic_xs, interactions.log_kinetic_xs, rtol=1e-15)
    for mine, theirs in zip(pool, read_pool(file), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-15)
    metadata = read_metadata(file)
    assert metadata["hadron_pool_key"] == pool_key(asdict(SETTINGS))
    assert metadata["hadron_generators"] == generators_version()


def test_the_stage_makes_the_same_product(file, tmp_path):
    outputs = SimpleNamespace(pool=str(tmp_path / "again.root"))
    params = SimpleNamespace(settings=asdict(SETTINGS))
    make_hadron_pool(SimpleNamespace(), outputs, params, SimpleNamespace())
    assert content_digest(outputs.pool) == content_digest(file)


def broken(file, tmp_path, change):
    """File whose table of interactions is changed."""
    tables = {name: read_table(file, name) for name in INTERACTION_TABLES}
    change(tables["hadron_interactions"])
    path = tmp_path / "broken.root"
    settings = {"hadron_settings": read_metadata(file)["hadron_settings"]}
    write_table(path, tables, settings)
    return path


INTERACTION_TABLES = ("hadron_interactions", "hadron_cross_sections")


def test_a_pool_with_gaps_is_refused(file, tmp_path):
    def shorten(columns):
        for name in columns:
            columns[name] = columns[name][:-1]

    def misplace(columns):
        columns["energy_node"] = columns["energy_node"] + 1

    def swap(columns):
        for name in columns:
            columns[name] = columns[name][::-1]

    for change, message in (
        (shorten, "2 interactions of 25 at each energy"),
        (misplace, "energy_node: got 4"),
        (swap, "sorted by their key"),
    ):
        with pytest.raises(InputError, match=message):
            read_pool(broken(file, tmp_path, change))
    path = tmp_path / "other.root"
    write_table(path, {n: read_table(file, n) for n in INTERACTION_TABLES})
    with pytest.raises(InputError, match="hadron_settings"):
        read_pool(path)


def test_keys_tell_settings_apart():
    defaults = asdict(HadronSettings())
    keys = {pool_key(defaults)}
    changes = {
        "high_energy_model": "sibyll23e",
        "low_energy_model": "other",
        "switch_gev": 70.0,
        "transition_gev": 90.0,
        "kinetic_cut_gev": 0.5,
        "n_nodes": 25,
        "events_per_node": 700,
        "seed": 2,
    }
    assert set(changes) == set(defaults)
    for key, value in changes.items():
        keys.add(pool_key({**defaults, key: value}))
    assert len(keys) == 1 + len(changes)
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in keys)
    assert pool_key(dict(reversed(defaults.items()))) == pool_key(defaults)


def test_the_version_of_the_generators_is_part_of_the_key(monkeypatch):
    from iactflow.campaign import pool_key as module

    before = pool_key(asdict(SETTINGS))
    monkeypatch.setattr(module, "generators_version", lambda: "chromo 9.9")
    assert module.pool_key(asdict(SETTINGS)) != before


def test_block_and_settings_are_one():
    block = Hadrons().model_dump()
    assert hadron_settings(block) == HadronSettings()
    assert set(block) == set(asdict(HadronSettings()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"high_energy_model": "geisha"}, "high_energy_model: got 'geisha'"),
        ({"low_energy_model": "fluka"}, "low_energy_model"),
        ({"switch_gev": 20.0}, "switch_gev: got 20.0; allowed: 53 to 100"),
        ({"transition_gev": 55.0}, "transition_gev: got 55.0; allowed: 60 to"),
        ({"kinetic_cut_gev": 0.01}, "kinetic_cut_gev"),
        ({"n_nodes": 1}, "n_nodes"),
        ({"events_per_node": 0}, "events_per_node"),
        ({"seed": -1}, "seed"),
        ({"nodes": 3}, "nodes: got 3; allowed: high_energy_model"),
    ],
)
def test_settings_that_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        hadron_settings(change)
