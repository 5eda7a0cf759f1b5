"""Bad campaign files: one message each, naming file, key, value and what is allowed."""

from __future__ import annotations

import copy

import pytest
import yaml

from iactflow.campaign.config import read_campaign_file, validate_campaign
from iactflow.campaign.load import load_campaign
from iactflow.errors import InputError

GOOD = {
    "campaign": "good",
    "data": {"dl3_root": "runs", "run_table": "runs.tsv"},
    "targets": {
        "crab": {
            "label": "Crab Nebula",
            "position": {"ra_deg": 83.633083, "dec_deg": 22.0145},
            "observations": {"obs_ids": [1, 2]},
            "sky_maps": [{"energy_bands_tev": [[1, 10]]}],
            "spectrum": {"models": [{"model": "pl"}, {"model": "lp"}]},
            "light_curves": {"nights": {"binning": "nightly"}},
        }
    },
}

TABLE = """\
obs_id\ttarget_name\tra_pnt_deg\tdec_pnt_deg\tzenith_deg\tstart_utc\tstop_utc\tlivetime_s\tfile
1\tCrab\t83.63\t22.51\t46\t2004-12-04T22:00:00\t2004-12-04T22:28:00\t1580\tdata/run_1.fits
2\tCrab\t83.63\t21.51\t48\t2004-12-04T22:30:00\t2004-12-04T22:58:00\t1570\tdata/run_2.fits
"""

CRAB = "targets.crab."


def changed(path, value):
    """Return the good campaign with one key changed; `del` removes it."""
    content = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    block = content
    for part in parents:
        block = block[int(part) if part.isdigit() else part]
    if value == "del":
        del block[last]
    else:
        block[int(last) if last.isdigit() else last] = value
    return content


# ruff: noqa: E501
# What is wrong: the path of the key and its value; the key, value and hint that the message names.
BAD = {
    "typo": ("targets/crab/spectrum/on_radius_degg", 0.1, CRAB + "spectrum.on_radius_degg", "did you mean on_radius_deg"),
    "unit in the key": ("targets/crab/sky_maps/0/size_arcmin", 300, CRAB + "sky_maps[0].size_arcmin", "size_deg"),
    "unit in the value": ("targets/crab/spectrum/on_radius_deg", "0.1 deg", CRAB + "spectrum.on_radius_deg", "without unit"),
    "negative radius": ("targets/crab/spectrum/on_radius_deg", -0.1, CRAB + "spectrum.on_radius_deg", "> 0"),
    "declination": ("targets/crab/position/dec_deg", 122.0, CRAB + "position.dec_deg", "<= 90"),
    "right ascension": ("targets/crab/position/ra_deg", "05h34m", CRAB + "position.ra_deg", "right ascension"),
    "unknown model": ("targets/crab/spectrum/models/0/model", "powerlaw", CRAB + "spectrum.models[0].model", "'pl', 'bpl', 'ecpl' or 'lp'"),
    "axis upside down": ("targets/crab/spectrum/energy_axis", {"energy_min_tev": 100, "energy_max_tev": 0.1, "n_bins": 10}, CRAB + "spectrum.energy_axis", "must be below"),
    "band upside down": ("targets/crab/sky_maps/0/energy_bands_tev", [[10, 1]], CRAB + "sky_maps[0]", "upside down"),
    "band of one edge": ("targets/crab/sky_maps/0/energy_bands_tev", [[1]], CRAB + "sky_maps[0].energy_bands_tev[0]", "at least 2"),
    "fit range upside down": ("targets/crab/spectrum/models/0", {"model": "pl", "energy_min_tev": 5, "energy_max_tev": 1}, CRAB + "spectrum.models[0]", "must be below"),
    "two models of one name": ("targets/crab/spectrum/models/1", {"model": "pl"}, CRAB + "spectrum", "named pl"),
    "flux points of no model": ("targets/crab/spectrum/flux_points", {"model": "bpl"}, CRAB + "spectrum", "none of the models"),
    "edges descend": ("targets/crab/spectrum/flux_points", {"energy_edges_tev": [2, 1]}, CRAB + "spectrum.flux_points", "must ascend"),
    "unknown binning": ("targets/crab/light_curves/nights", {"binning": "weekly"}, CRAB + "light_curves.nights.binning", "'nightly'"),
    "fixed bins without width": ("targets/crab/light_curves/nights", {"binning": "fixed", "start": "2004-12-04"}, CRAB + "light_curves.nights", "step_min"),
    "an index for a curved spectrum": ("targets/crab/light_curves/nights", {"binning": "nightly", "model": "lp", "spectral_index": 2.5}, CRAB + "light_curves.nights", "goes with model pl, not lp"),
    "a broken light curve": ("targets/crab/light_curves/nights", {"binning": "nightly", "model": "bpl"}, CRAB + "light_curves.nights.model", "'ecpl'"),
    "safe range of a light curve": ("targets/crab/light_curves/nights", {"binning": "nightly", "safe_range": {"effective_area_min_fraction": 1.0}}, CRAB + "light_curves.nights.safe_range.effective_area_min_fraction", "this fraction"),
    "no time": ("targets/crab/observations", {"radius_deg": 2, "start": "tonight"}, CRAB + "observations", "ISO 8601"),
    "a time zone": ("targets/crab/observations", {"radius_deg": 2, "start": "2004-12-04T00:00:00+01:00"}, CRAB + "observations", "UTC"),
    "runs pinned and selected": ("targets/crab/observations", {"obs_ids": [1], "radius_deg": 2}, CRAB + "observations", "exclude each other"),
    "run twice": ("targets/crab/observations", {"obs_ids": [1, 1]}, CRAB + "observations", "twice"),
    "no runs named": ("targets/crab/observations", {}, CRAB + "observations", "radius_deg"),
    "label missing": ("targets/crab/label", "del", CRAB + "label", "required"),
    "nothing wanted": ("targets", {}, "campaign file", "a consistent block"),
    "campaign name": ("campaign", "My Campaign", "campaign", "matches"),
    "unknown target": ("only_targets", ["vela"], "campaign file", "unknown target 'vela'"),
    "mock without its block": ("data", {"source": "mock"}, "campaign file", "mock"),
    "not finite": ("targets/crab/spectrum/on_radius_deg", float("nan"), CRAB + "spectrum.on_radius_deg", "number"),
    "true for a number": ("targets/crab/spectrum/on_radius_deg", True, CRAB + "spectrum.on_radius_deg", "number"),
}  # fmt: skip


@pytest.fixture
def campaign_folder(tmp_path):
    """Return a folder with a run table and its two (empty) runs."""
    (tmp_path / "runs.tsv").write_text(TABLE)
    (tmp_path / "runs" / "data").mkdir(parents=True)
    names = ("data/run_1.fits", "data/run_2.fits", "obs-index.fits.gz", "hdu-index.fits.gz")
    for name in names:
        (tmp_path / "runs" / name).touch()
    return tmp_path


def load(folder, content):
    """Write a campaign and load it."""
    content = copy.deepcopy(content)
    if content.get("data", {}).get("dl3_root"):
        content["data"]["dl3_root"] = str(folder / content["data"]["dl3_root"])
    file = folder / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return load_campaign(read_campaign_file(file), [file], folder)


def test_good_campaign(campaign_folder):
    campaign = load(campaign_folder, GOOD)
    assert campaign.bands == {"crab": ["1-10"]}
    assert list(campaign.runs["crab"]["obs_id"]) == [1, 2]
    assert campaign.model.targets["crab"].spectrum.on_radius_deg == 0.11


@pytest.mark.parametrize("case", BAD)
def test_bad_value_is_one_message(campaign_folder, case):
    path, value, key, hint = BAD[case]
    with pytest.raises(InputError) as caught:
        load(campaign_folder, changed(path, value))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{campaign_folder / 'campaign.yaml'}: {key}: got ")
    assert hint in message
    assert "allowed: " in message


def test_every_problem_is_counted():
    content = changed("targets/crab/spectrum/on_radius_degg", 1)
    content["campaing"] = "x"
    with pytest.raises(InputError, match="1 more such error"):
        validate_campaign(content, "c.yaml")


def test_missing_run_names_the_runs_at_hand(campaign_folder):
    content = changed("targets/crab/observations", {"obs_ids": [1, 7]})
    with pytest.raises(InputError, match=r"obs_ids: got 7; .*2 runs at hand, from 1 to 2"):
        load(campaign_folder, content)


def test_empty_selection(campaign_folder):
    content = changed("targets/crab/observations", {"radius_deg": 2.0, "zenith_max_deg": 10.0})
    with pytest.raises(InputError, match="a selection that leaves a run"):
        load(campaign_folder, content)


def test_runs_by_the_name_of_their_target(campaign_folder):
    content = changed("targets/crab/observations", {"target_name": "Crab", "zenith_max_deg": 47.0})
    assert list(load(campaign_folder, content).runs["crab"]["obs_id"]) == [1]
    content = changed("targets/crab/observations", {"target_name": "Vela"})
    with pytest.raises(InputError, match=r"target_name: got 'Vela'; .*the run table: Crab"):
        load(campaign_folder, content)


def test_missing_file_of_a_run(campaign_folder):
    (campaign_folder / "runs" / "data" / "run_2.fits").unlink()
    with pytest.raises(InputError, match=r"run_2\.fits.*exists below data\.dl3_root"):
        load(campaign_folder, GOOD)


def test_missing_data_root(campaign_folder):
    with pytest.raises(InputError, match=r"data\.dl3_root: got .*obs-index"):
        load(campaign_folder, changed("data/dl3_root", "elsewhere"))


def test_no_data_root_at_all(campaign_folder, monkeypatch):
    monkeypatch.delenv("IACTFLOW_DATA", raising=False)
    with pytest.raises(InputError, match="IACTFLOW_DATA"):
        load(campaign_folder, changed("data/dl3_root", None))


def test_missing_run_table(campaign_folder):
    with pytest.raises(InputError, match=r"none\.tsv: data\.run_table: got 'missing file'"):
        load(campaign_folder, changed("data/run_table", "none.tsv"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("zenith_deg", "zenith", "zenith_deg: got 'missing column'"),
        ("\t46\t", "\tlow\t", "zenith_deg, line 2: got 'low'; allowed: a number"),
        ("\n2\t", "\n1\t", "obs_id: got 1; allowed: each run once"),
    ],
)
def test_bad_run_table(campaign_folder, old, new, message):
    (campaign_folder / "runs.tsv").write_text(TABLE.replace(old, new))
    with pytest.raises(InputError) as caught:
        load(campaign_folder, GOOD)
    assert message in str(caught.value)


def test_run_list_of_a_file(campaign_folder):
    content = changed("targets/crab/observations", {"run_list": "mine.tsv"})
    with pytest.raises(InputError, match=r"run_list: got 'mine\.tsv'"):
        load(campaign_folder, content)
    (campaign_folder / "mine.tsv").write_text("run\n2\n")
    with pytest.raises(InputError, match="obs_id: got 'missing column'"):
        load(campaign_folder, content)
    (campaign_folder / "mine.tsv").write_text("obs_id\ntwo\n")
    with pytest.raises(InputError, match="obs_id: got 'two'"):
        load(campaign_folder, content)
    (campaign_folder / "mine.tsv").write_text("obs_id\n2\n")
    assert list(load(campaign_folder, content).runs["crab"]["obs_id"]) == [2]


def test_key_twice(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("campaign: a\ncampaign: b\n")
    with pytest.raises(InputError, match=r"campaign \(line 2\).*each key once"):
        read_campaign_file(file)


@pytest.mark.parametrize("text", ["campaign: [", "just text", "- a\n- b", "campaign: \x00"])
def test_no_yaml_mapping(tmp_path, text):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_campaign_file(file)
    assert "\n" not in str(caught.value)


def test_missing_campaign_file(tmp_path):
    with pytest.raises(InputError, match="an existing campaign file"):
        read_campaign_file(tmp_path / "none.yaml")
