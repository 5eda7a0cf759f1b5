"""Campaigns that start from a manifest: what is read, and what is refused before any job."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
from tests.unit.frozen_samples import (
    PRODUCTION,
    finish,
    finish_photons,
    frozen,
    load,
    start_from,
    write_campaign,
)

from iactflow.campaign.adopt import adopt_production, prov_of_production
from iactflow.campaign.job_list import list_jobs
from iactflow.campaign.manifest import read_manifest
from iactflow.campaign.provenance import read_sidecar
from iactflow.campaign.targets import Targets
from iactflow.errors import InputError
from iactflow.report.summary import cost_per_rule


@pytest.fixture
def manifest(tmp_path):
    """Manifest of a finished production, whose files lie in another working folder."""
    file = write_campaign(tmp_path / "campaign.yaml")
    finish(file, tmp_path / "run")
    assert frozen(file, tmp_path / "run", tmp_path / "gamma.tsv") == 0
    return tmp_path / "gamma.tsv"


def later(manifest, change=None):
    """Load the campaign that starts from it."""

    def both(content):
        start_from(manifest)(content)
        if change is not None:
            change(content)

    return load(write_campaign(manifest.parent / "later" / "campaign.yaml", both))


def test_raw_data_are_those_of_the_manifest(manifest):
    campaign = later(manifest, lambda c: c.update(reconstruction={}))
    files = campaign.simulations.raw("gamma", 1, "00001")
    folder = f"{manifest.parent}/run/{PRODUCTION}/run1/chunks/00001"
    assert files == [f"{folder}/nsb1.root", f"{folder}/nsb2.root"]
    assert campaign.samples.raw("gamma", "run1-00001") == files
    assert campaign.simulations.all_raw("gamma")[2:] == files
    checksums = campaign.storage.checksums(files)
    assert [value.partition(":")[0] for value in checksums] == ["67", "67"]
    assert campaign.storage.settings == {}


def test_nothing_is_simulated(manifest):
    campaign = later(manifest)
    assert campaign.simulations.rules == ["frozen", "simulate"]
    rules = [job.rule for job in list_jobs(campaign)]
    assert "simulate_events" not in rules
    assert rules.count("adopt_production") == 1
    assert not [path for path in Targets(campaign).simulations if "/chunks/" in path]


def test_no_product_depends_on_where_a_production_came_from(manifest):
    direct = load(manifest.parent / "campaign.yaml")
    campaign = later(manifest)
    assert campaign.config_sha256 == direct.config_sha256
    assert campaign.simulations.settings("gamma") == direct.simulations.settings("gamma")
    assert "frozen" not in direct.facts
    assert campaign.facts["frozen"]["gamma"]["sha256"] in manifest.read_text()


def test_chunks_are_cut_as_they_were(manifest):
    def cut(content):
        content["simulations"]["gamma"]["showers_per_job"] = 7

    campaign = later(manifest, cut)
    assert campaign.simulations.chunks["gamma"] == {1: {"00000": (1, 15), "00001": (16, 30)}}


def test_another_campaign_may_start_from_it(manifest):
    campaign = later(manifest, lambda content: content.update(campaign="other"))
    assert campaign.facts["frozen"]["gamma"]["campaign"] == "photons-ci"
    assert campaign.seed != campaign.facts["frozen"]["gamma"]["seed"]


def set_key(*keys, value):
    def change(content):
        for key in keys[:-1]:
            content = content.setdefault(key, {})
        content[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_key("simulations", "gamma", "n_showers", value=31),
            r"campaign\.yaml: simulations\.gamma\.n_showers: got 31; allowed: 30, as frozen in",
        ),
        (
            set_key("simulations", "gamma", "energy_max_tev", value=3),
            r"simulations\.gamma\.energy_max_tev: got 3\.0; allowed: 2\.0",
        ),
        (
            set_key("simulations", "gamma", "reduction", value={"picture_pe": 7}),
            r"simulations\.gamma\.reduction: got \{.*allowed: None",
        ),
        (
            set_key("shower", "cascade", value={"photon_cut_mev": 20}),
            r"shower\.cascade\.photon_cut_mev: got 20\.0; allowed: 10\.0",
        ),
        (
            set_key("instrument", value={"name": "hess1", "version": "2006-2"}),
            r"instrument\.version: got '2006-2'; allowed: '2006'",
        ),
        (
            set_key("storage", "frozen", "proton", value="../gamma.tsv"),
            r"storage\.frozen: got 'pro",
        ),
        (set_key("storage", "frozen", "gamma", value="none.tsv"), r"none\.tsv: manifest"),
    ],
)
def test_other_settings_are_refused_by_key(manifest, change, message):
    with pytest.raises(InputError, match=message) as error:
        later(manifest, change)
    assert len(str(error.value).splitlines()) == 1


def test_what_changes_no_event_is_not_compared(manifest):
    def change(content):
        content["shower"] = {"keep_photons": True, "hadrons": {"n_nodes": 12}}

    assert later(manifest, change).simulations.rules == ["frozen", "simulate"]


def test_an_instrument_with_other_numbers_is_refused(manifest):
    """The same name and version, but the digest is another one."""
    text = manifest.read_text()
    digest = load(manifest.parent / "campaign.yaml").simulations.instrument.digest
    _rewrite(manifest, text.replace(digest, "0" * 64))
    with pytest.raises(InputError, match=f"instrument: got '{digest}'; allowed: 0000"):
        later(manifest)


def test_keys_that_the_schema_has_learnt_since_have_their_defaults(manifest):
    text = manifest.read_text()
    assert '"max_bend_rad":0.1,' in text
    _rewrite(manifest, text.replace('"max_bend_rad":0.1,', ""))
    later(manifest)
    with pytest.raises(InputError, match=r"max_bend_rad: got 0\.2; allowed: 0\.1"):
        later(manifest, set_key("shower", "cascade", value={"max_bend_rad": 0.2}))


def _rewrite(manifest, text):
    """Write a manifest by hand, with the digest that belongs to it."""
    from hashlib import sha256

    above = text[: text.rindex("# sha256: ")]
    manifest.write_text(f"{above}# sha256: {sha256(above.encode()).hexdigest()}\n")


def test_a_file_that_is_gone_or_cut_is_one_error_before_any_job(manifest):
    file = manifest.parent / "run" / PRODUCTION / "run1/chunks/00001/nsb2.root"
    size = file.stat().st_size
    file.write_text("cut")
    with pytest.raises(InputError, match=f"nsb2.root: size_bytes: got 3; allowed: {size}, as froz"):
        later(manifest)
    file.unlink()
    with pytest.raises(InputError, match=r"nsb2\.root: size_bytes: got 'missing'; allowed"):
        later(manifest)


def test_manifest_and_data_move_together(tmp_path):
    file = write_campaign(tmp_path / "here/campaign.yaml")
    finish(file, tmp_path / "here")
    assert frozen(file, tmp_path / "here", tmp_path / "here/gamma.tsv") == 0
    shutil.move(tmp_path / "here", tmp_path / "there")
    # Relative to the campaign file, as everything that it names.
    campaign = later(tmp_path / "there/gamma.tsv", start_from("../gamma.tsv"))
    (first, *_) = campaign.simulations.raw("gamma", 1, "00000")
    assert first == f"{tmp_path}/there/{PRODUCTION}/run1/chunks/00000/nsb1.root"


def test_the_jobs_that_made_it_are_taken_over(manifest, tmp_path):
    folders = {f"run1/chunks/0000{i}": f"copies/0000{i}" for i in range(2)}
    outputs = {name: str(tmp_path / name) for name in ("manifest", "jobs")}
    params = SimpleNamespace(manifest=str(manifest), folders=folders)
    adopt_production(None, SimpleNamespace(**outputs), params, None)
    assert (tmp_path / "manifest").read_bytes() == manifest.read_bytes()
    document = read_sidecar(tmp_path / "jobs")
    made = manifest.parent / "run" / PRODUCTION
    for i in range(2):
        before = read_sidecar(made / f"run1/chunks/0000{i}.prov.json")
        job = document["activity"][f"iactflow:job/run1/chunks/0000{i}/0"]
        assert job == before["activity"]["iactflow:job"]
        entity = document["entity"][f"iactflow:entity/copies/0000{i}"]
        assert entity["iactflow:content_digest"] == f"{i:0>64}"
        agent = document["agent"][f"iactflow:software/run1/chunks/0000{i}/0"]
        assert agent == before["agent"]["iactflow:software"]
    assert json.loads((tmp_path / "jobs").read_text())["used"]
    read = {r["prov:entity"] for r in document["used"].values()}
    assert read == {"iactflow:entity/config/site.yaml"}


def test_photons_that_were_kept_have_jobs_of_their_own(tmp_path):
    """Their cost counts, and every job keeps its own inputs."""

    def keep(content):
        content["shower"] = {"keep_photons": True}

    file = write_campaign(tmp_path / "campaign.yaml", keep)
    campaign = finish(file, tmp_path)
    assert frozen(file, tmp_path, tmp_path / "gamma.tsv") == 2
    for chunk in ("00000", "00001"):
        photons = campaign.paths.photons.format(production="gamma", run=1, chunk=chunk)
        finish_photons(campaign, tmp_path, photons)
    assert frozen(file, tmp_path, tmp_path / "gamma.tsv") == 0
    manifest = read_manifest(tmp_path / "gamma.tsv")
    folders = {chunk.path: f"copies/{chunk.name}" for chunk in manifest.chunks}
    document = prov_of_production(manifest, folders)
    rules = [job["iactflow:rule"] for job in document["activity"].values()]
    assert rules == ["simulate_showers", "simulate_events"] * 2
    assert cost_per_rule([document])["simulate_showers"]["jobs"] == 2
    made = {relation["prov:entity"] for relation in document["wasGeneratedBy"].values()}
    assert f"iactflow:entity/{PRODUCTION}/run1/photons/00001.root" in made
    assert "iactflow:entity/copies/00001" in made
    assert manifest.files_of["run1/chunks/00001"] == [
        f"run1/chunks/00001/nsb{level}.root" for level in (1, 2)
    ]


CONDITIONS = "obs_id\ttel_id\taltitude_deg\tazimuth_deg\n"


def test_runs_and_their_conditions_are_compared(tmp_path):
    def follow(content):
        gamma = content["simulations"]["gamma"]
        for key in ("run", "zenith_deg", "azimuth_deg"):
            del gamma[key]
        gamma["observations"] = {"conditions": "conditions.tsv"}

    rows = [f"{run}\t{tel}\t70\t180\n" for run in (7, 9) for tel in (1, 2, 3, 4)]
    table = tmp_path / "conditions.tsv"
    table.write_text(CONDITIONS + "".join(rows))
    file = write_campaign(tmp_path / "campaign.yaml", follow)
    finish(file, tmp_path / "run")
    assert frozen(file, tmp_path / "run", tmp_path / "gamma.tsv") == 0
    (tmp_path / "later").mkdir()
    there = tmp_path / "later/conditions.tsv"
    there.write_text(CONDITIONS + "".join(reversed(rows)))
    campaign = later(tmp_path / "gamma.tsv", follow)
    assert list(campaign.simulations.chunks["gamma"]) == [7, 9]
    there.write_text(CONDITIONS + "".join(rows[:-1]))
    with pytest.raises(InputError, match="observations, run 9: got"):
        later(tmp_path / "gamma.tsv", follow)
    there.write_text(CONDITIONS + "".join(rows[:4]))
    with pytest.raises(InputError, match="observations, run 9: got None"):
        later(tmp_path / "gamma.tsv", follow)


def test_existing_files_of_corsika_need_not_be_there_any_more(tmp_path):
    from tests.unit.corsika_samples import run_header

    def of_files(content):
        content["shower"] = {"backend": "iact_files"}
        content["simulations"]["gamma"] = {"particle": "gamma", "iact_files": ["*.corsika"]}

    for name, run in (("a", 7), ("b", 7), ("c", 12)):
        (tmp_path / f"{name}.corsika").write_bytes(run_header(run=run))
    file = write_campaign(tmp_path / "campaign.yaml", of_files)
    finish(file, tmp_path / "run")
    assert frozen(file, tmp_path / "run", tmp_path / "gamma.tsv") == 0
    campaign = later(tmp_path / "gamma.tsv", of_files)
    chunks = {7: {"00000": (), "00001": ()}, 12: {"00000": ()}}
    assert campaign.simulations.chunks["gamma"] == chunks
    assert campaign.simulations.rules == ["frozen", "simulate"]


def test_a_pool_of_interactions_is_made_for_what_is_simulated_alone(tmp_path):
    file = write_campaign(tmp_path / "campaign.yaml", name="chain-ci")
    finish(file, tmp_path / "run")
    out = tmp_path / "proton.tsv"
    assert frozen(file, tmp_path / "run", out, "--production", "proton") == 0
    change = start_from(out, "proton")
    campaign = load(write_campaign(tmp_path / "later.yaml", change, "chain-ci"))
    assert campaign.simulations.rules == ["simulate_events", "frozen", "simulate"]
    assert "hadron_pool" in campaign.simulations.settings("proton")
    rules = [job.rule for job in list_jobs(campaign)]
    assert "make_hadron_pool" not in rules
    assert rules.count("simulate_events") == 2
