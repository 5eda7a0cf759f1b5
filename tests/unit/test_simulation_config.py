"""Blocks of the simulations: what is refused, what a change reruns, how showers are cut."""

from __future__ import annotations

import copy
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from iactflow.campaign.config import validate_campaign
from iactflow.campaign.digest import config_sha256
from iactflow.campaign.load import load_campaign
from iactflow.campaign.runs import chunk_showers
from iactflow.campaign.schema_simulation import Cascade
from iactflow.errors import InputError
from iactflow.shower.cascade import CascadeSettings

GAMMA = {
    "particle": "gamma",
    "run": 1,
    "n_showers": 25,
    "showers_per_job": 10,
    "energy_min_tev": 0.1,
    "energy_max_tev": 1.0,
    "zenith_deg": 20,
    "azimuth_deg": 180,
    "core_radius_max_m": 200,
}
GOOD = {
    "campaign": "good",
    "instrument": {"name": "array", "version": "1.0"},
    "simulations": {"gamma": GAMMA},
}
GAMMA_KEY = "simulations.gamma"

# Key, value, key that the message names, hint that it gives.
BAD = {
    "no showers": ("n_showers", 0, f"{GAMMA_KEY}.n_showers", "> 0"),
    "fraction of a shower": ("n_showers", 1.5, f"{GAMMA_KEY}.n_showers", "whole number"),
    "flat Earth": ("zenith_deg", 60.5, f"{GAMMA_KEY}.zenith_deg", "<= 60"),
    "offset beyond": ("offset_deg", 41, f"{GAMMA_KEY}.offset_deg", "<= 10"),
    "particle": ("particle", "pion", f"{GAMMA_KEY}.particle", "'gamma_diffuse'"),
    "no energy": ("energy_min_tev", None, GAMMA_KEY, "give energy_min_tev"),
    "files of other backends": ("iact_files", ["a"], GAMMA_KEY, "iact_files exclude each other"),
    "energies": ("energy_max_tev", 0.05, GAMMA_KEY, "must be below"),
    "typo": ("viewcone", 3, f"{GAMMA_KEY}.viewcone", "did you mean viewcone_deg"),
    "cone of a point": ("viewcone_deg", 3, GAMMA_KEY, "diffuse particles"),
    "no run": ("run", None, GAMMA_KEY, "give run"),
    "no pointing": ("azimuth_deg", None, GAMMA_KEY, "give azimuth_deg"),
    "azimuth": ("azimuth_deg", 360, f"{GAMMA_KEY}.azimuth_deg", "< 360"),
    "radius": ("core_radius_max_m", 0, f"{GAMMA_KEY}.core_radius_max_m", "> 0"),
    "re-use": ("shower_reuse", 101, f"{GAMMA_KEY}.shower_reuse", "<= 100"),
    "level twice": ("nsb_levels", [1, 2, 1], GAMMA_KEY, "1 stands twice"),
    "levels of one file": ("nsb_levels", [1, 1.0000001], GAMMA_KEY, "1 stands twice"),
    "dark level": ("nsb_levels", [-1], f"{GAMMA_KEY}.nsb_levels[0]", ">= 0"),
    "no level": ("nsb_levels", [], f"{GAMMA_KEY}.nsb_levels", "at least 1"),
    "run and list": ("observations", {"conditions": "c.tsv"}, GAMMA_KEY, "exclude each other"),
    "tilt": ("alignment", [{"vertical": {"a": 1}}], f"{GAMMA_KEY}.alignment[0].vertical.a", "sine"),
}  # fmt: skip


def changed(key, value):
    content = copy.deepcopy(GOOD)
    content["simulations"]["gamma"][key] = value
    return content


@pytest.mark.parametrize("name", BAD)
def test_bad_productions_are_named(name):
    key, value, where, hint = BAD[name]
    with pytest.raises(InputError) as caught:
        validate_campaign(changed(key, value), "file.yaml")
    assert caught.value.file == "file.yaml"
    assert caught.value.key == where
    assert hint in str(caught.value)


def test_names_of_shared_folders_are_taken():
    with pytest.raises(InputError, match="results/hadrons is the folder that all") as caught:
        validate_campaign({**GOOD, "campaign": "hadrons"}, "file.yaml")
    assert caught.value.key == "campaign"
    validate_campaign({**GOOD, "campaign": "hadrons-ci"}, "file.yaml")
    named = {**GOOD, "simulations": {"models": GAMMA}, "reconstruction": {}}
    with pytest.raises(InputError, match="'models' is no name of a sample"):
        validate_campaign(named, "file.yaml")


def test_particles_stay_above_the_flat_horizon():
    diffuse = {**GAMMA, "particle": "gamma_diffuse", "zenith_deg": 58, "viewcone_deg": 3}
    with pytest.raises(InputError, match="zenith angles up to 61 deg"):
        validate_campaign({**GOOD, "simulations": {"gamma": diffuse}}, "file.yaml")


def test_nuclei_have_at_least_their_rest_mass():
    iron = {**GAMMA, "particle": "iron", "energy_min_tev": 0.06, "viewcone_deg": 3}
    validate_campaign({**GOOD, "simulations": {"iron": iron}}, "file.yaml")
    iron["energy_min_tev"] = 0.05
    with pytest.raises(InputError, match=r"energy_min_tev of iron is at least 0.056"):
        validate_campaign({**GOOD, "simulations": {"iron": iron}}, "file.yaml")


def test_cutting_into_jobs_changes_no_identity():
    def digest(key, value):
        return config_sha256(validate_campaign(changed(key, value), "f").model_dump(mode="json"))

    same = digest("n_showers", 25)
    assert digest("showers_per_job", 1) == same
    assert digest("n_showers", 26) != same


def test_defaults_of_the_cascade_are_those_of_the_code():
    code = {f.name: f.default for f in fields(CascadeSettings)}
    for key, value in Cascade().model_dump().items():
        assert value == code[key], key


@pytest.mark.parametrize(
    ("n", "size", "last"), [(25, 10, (21, 25)), (20, 10, (11, 20)), (3, 9, (1, 3))]
)
def test_chunks_hold_every_shower_once(n, size, last):
    chunks = chunk_showers(n, size)
    showers = [i for first, end in chunks.values() for i in range(first, end + 1)]
    assert showers == list(range(1, n + 1))
    assert list(chunks.values())[-1] == last
    assert list(chunks) == [f"{i:05d}" for i in range(len(chunks))]


@pytest.fixture
def checkout(tmp_path):
    """Root with an instrument that extends another, and an atmosphere."""
    below = "version: '0.9'\nsite: {atmosphere: air}\n"
    for version, text in (("1.0", "version: '1.0'\nextends: '0.9'\n"), ("0.9", below)):
        folder = tmp_path / "config/instruments/array" / version
        (folder / "tables").mkdir(parents=True)
        (folder / "instrument.yaml").write_text(text)
        (folder / "tables/pixels.ecsv").write_text("pixels")
        (folder / "digest.txt").write_text("0" * 64 + "\n")
    for name in ("air", "other"):
        (tmp_path / "config/atmospheres" / name).mkdir(parents=True)
        for table in ("profile.ecsv", "extinction.ecsv"):
            (tmp_path / "config/atmospheres" / name / table).write_text(name)
    (tmp_path / "file.yaml").write_text("campaign: good\n")
    return tmp_path


def load(checkout, content=GOOD):
    return load_campaign(content, [checkout / "file.yaml"], checkout)


def test_simulations_need_no_data(checkout, monkeypatch):
    monkeypatch.delenv("IACTFLOW_DATA", raising=False)
    simulations = load(checkout).simulations
    assert simulations.runs == {"gamma": [1]}
    # Not the tables of the instrument: its digest stands for them.
    assert [
        str(Path(f).relative_to(checkout / "config")) for f in simulations.instrument_files
    ] == [
        "instruments/array/1.0/digest.txt",
        "instruments/array/1.0/instrument.yaml",
        "instruments/array/0.9/digest.txt",
        "instruments/array/0.9/instrument.yaml",
        "atmospheres/air/extinction.ecsv",
        "atmospheres/air/profile.ecsv",
    ]


@pytest.mark.parametrize(
    "name", ["instruments/array/0.9/tables/pixels.ecsv", "atmospheres/air/extinction.ecsv"]
)
def test_every_file_of_an_instrument_counts(checkout, name):
    before = load(checkout).simulations.instrument.sha256
    assert load(checkout).simulations.instrument.sha256 == before
    (checkout / "config" / name).write_text("changed")
    assert load(checkout).simulations.instrument.sha256 != before


def test_another_atmosphere_does_not_count(checkout):
    before = load(checkout).simulations.instrument.sha256
    (checkout / "config/atmospheres/other/profile.ecsv").write_text("changed")
    assert load(checkout).simulations.instrument.sha256 == before


def test_all_files_of_an_instrument_elsewhere_are_inputs(checkout):
    shutil.move(checkout / "config/instruments/array", checkout / "own")
    elsewhere = {**GOOD, "instrument": {**GOOD["instrument"], "path": "own/1.0"}}
    simulations = load(checkout, elsewhere).simulations
    assert str(checkout / "own/0.9/tables/pixels.ecsv") in simulations.instrument_files
    assert simulations.instrument_files == simulations.instrument.files


def test_an_atmosphere_that_is_not_there_is_named(checkout):
    file = checkout / "config/instruments/array/1.0/instrument.yaml"
    file.write_text(file.read_text() + "site: {atmosphere: water}\n")
    words = r"1.0/instrument.yaml: site.atmosphere: got 'water'; allowed: air, other"
    with pytest.raises(InputError, match=words):
        load(checkout)


def test_files_that_workers_would_not_get_are_named(checkout):
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)
    load(checkout)
    (checkout / "config/instruments/array/1.0/new.ecsv").write_text("new")
    with pytest.raises(InputError, match=r"instrument: got .*new.ecsv.*git add.*instrument.path"):
        load(checkout)


def test_photons_do_not_depend_on_night_sky_and_alignment(checkout):
    settings = load(checkout).simulations.shower_settings("gamma")
    other = changed("nsb_levels", [1.0, 3.0])
    assert load(checkout, other).simulations.shower_settings("gamma") == settings
    other = changed("alignment", [{"vertical": {"sine_deg": 0.01}}])
    assert load(checkout, other).simulations.shower_settings("gamma") == settings
    other = changed("zenith_deg", 30)
    assert load(checkout, other).simulations.shower_settings("gamma") != settings
    assert "showers_per_job" not in load(checkout).simulations.settings("gamma")


@pytest.mark.parametrize("text", ["", "abc\n", "Z" * 64])
def test_a_broken_digest_is_named(checkout, text):
    (checkout / "config/instruments/array/1.0/digest.txt").write_text(text)
    with pytest.raises(InputError, match=r"digest.txt: digest: got .* 64 hexadecimal digits"):
        load(checkout)


def run_wise(**observations):
    production = {k: v for k, v in GAMMA.items() if k not in ("run", "zenith_deg", "azimuth_deg")}
    production["observations"] = {"conditions": "runs.tsv", **observations}
    return {**GOOD, "simulations": {"gamma": production}}


def write_conditions(checkout, *rows, name="runs.tsv"):
    header = "obs_id tel_id altitude_deg azimuth_deg throughput"
    lines = [line.replace(" ", "\t") for line in (header, *rows)]
    (checkout / name).write_text("# comment\n" + "\n".join(lines) + "\n")


def test_runs_come_from_the_table_of_conditions(checkout):
    write_conditions(checkout, *(f"{run} {tel} 70 180 1" for run in (30, 20) for tel in (1, 2)))
    assert load(checkout, run_wise()).simulations.runs == {"gamma": [20, 30]}
    assert load(checkout, run_wise(obs_ids=[30])).simulations.runs == {"gamma": [30]}
    with pytest.raises(InputError, match=r"observations.obs_ids: got 31; allowed: runs of .*runs"):
        load(checkout, run_wise(obs_ids=[31]))


def test_the_same_showers_twice_are_refused(checkout):
    content = copy.deepcopy(GOOD)
    content["simulations"]["again"] = {**GAMMA, "zenith_deg": 40}
    with pytest.raises(InputError, match=r"simulations.again: got 'run 1'; .* simulations.gamma"):
        load(checkout, content)
    content["simulations"]["again"]["particle"] = "electron"
    assert load(checkout, content).simulations.runs == {"gamma": [1], "again": [1]}


def test_the_same_run_of_observations_twice_is_refused(checkout):
    write_conditions(checkout, "20 1 70 180 1", "30 1 70 180 1")
    content = run_wise()
    content["simulations"]["again"] = {**GAMMA, "run": 30}
    with pytest.raises(InputError, match=r"simulations.again: got 'run 30'; .* simulations.gamma"):
        load(checkout, content)
    content["simulations"]["again"]["run"] = 31
    assert load(checkout, content).simulations.runs == {"gamma": [20, 30], "again": [31]}
    with pytest.raises(InputError, match=r"observations.*obs_ids: 30 stands twice"):
        load(checkout, run_wise(obs_ids=[30, 30]))


def test_conditions_of_other_runs_change_no_digest(checkout):
    def digests():
        simulations = load(checkout, run_wise()).simulations
        return {
            run: simulations.conditions_digest("gamma", run) for run in simulations.runs["gamma"]
        }

    write_conditions(checkout, "20 1 70 180 1", "20 2 70 180 1", "30 1 70 180 1")
    before = digests()
    write_conditions(checkout, "10 1 70 180 1", "20 2 70 180 1.0", "20 1 70 180 1", "30 1 70 180 2")
    after = digests()
    assert after[20] == before[20]
    assert after[30] != before[30]
    assert load(checkout).simulations.conditions_digest("gamma", 1) is None


def test_runs_too_low_are_found_before_any_job(checkout):
    write_conditions(checkout, "20 1 70 180 1", "30 1 30.4 180 1")
    assert load(checkout, run_wise()).simulations.runs == {"gamma": [20, 30]}
    content = run_wise()
    content["simulations"]["gamma"]["offset_deg"] = 0.5
    with pytest.raises(InputError, match=r"run 30, altitude_deg: got 30.4; .* 30.5 deg") as caught:
        load(checkout, content)
    assert caught.value.file == str(checkout / "runs.tsv")
    # Runs that are not wanted may be low.
    content["simulations"]["gamma"]["observations"]["obs_ids"] = [20]
    assert load(checkout, content).simulations.runs == {"gamma": [20]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "conditions: got .*allowed: an existing TSV file"),
        ("tel_id\n1\n", "obs_id: got 'missing column'"),
        ("{header}x\t1\t70\t0\t1\n", "obs_id, line 2: got 'x'; allowed: a whole number"),
        ("{header}1\t1\t70\t0\t-2\n", "throughput, line 2: got '-2'; allowed: a number from"),
    ],
)
def test_bad_tables_of_conditions_are_named(checkout, text, message):
    if text is not None:
        header = "obs_id\ttel_id\taltitude_deg\tazimuth_deg\tthroughput\n"
        (checkout / "runs.tsv").write_text(text.format(header=header))
    with pytest.raises(InputError, match=message):
        load(checkout, run_wise())
