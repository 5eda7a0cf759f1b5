"""Job descriptions for DIRAC: grouping, sites, inputs, secrets."""

from __future__ import annotations

import re

import pytest

from snakemake_executor_plugin_dirac.jdl import (
    InvalidResource,
    Requirements,
    group_by_requirements,
    parametric_jdl,
    steering_inputs,
)
from snakemake_executor_plugin_dirac.metadata import MetadataRule, collect_metadata, parse_rules
from snakemake_executor_plugin_dirac.sandbox import (
    SecretInSandbox,
    refuse_secrets,
    usable_sources,
    write_archive,
    write_sandbox,
)
from snakemake_executor_plugin_dirac.states import judge


def entry(status="Running", site="LCG.A.fr", beat="", update=""):
    """One line of DIRAC's job summary."""
    return {
        "Status": status,
        "MinorStatus": "",
        "ApplicationStatus": "",
        "Site": site,
        "HeartBeatTime": beat,
        "LastUpdateTime": update,
    }


def test_jobs_that_ask_for_the_same_share_a_submission():
    short = Requirements.from_resources({"runtime": 10}, 1)
    also_short = Requirements.from_resources({"cpu_time_s": 600}, 1)
    wide = Requirements.from_resources({"runtime": 10}, 4)
    assert short == also_short
    groups = group_by_requirements([(short, 1), (wide, 2), (also_short, 3), (short, 4)], 2)
    assert [(r.processors, jobs) for r, jobs in groups] == [(1, [1, 3]), (1, [4]), (4, [2])]


def test_cpu_time_counts_processors_and_power():
    assert Requirements.from_resources({"runtime": 10}, 4, cpu_power=10).cpu_time_s == 24000


def test_order_of_sites_and_tags_splits_no_group():
    one = Requirements.from_resources({"dirac_sites": "LCG.B.fr, LCG.A.fr", "dirac_tags": "x y"}, 1)
    other = Requirements.from_resources(
        {"dirac_sites": "LCG.A.fr LCG.B.fr", "dirac_tags": "y,x"}, 1
    )
    assert one == other


def test_a_failed_site_is_banned_and_no_longer_asked_for():
    resources = {"dirac_sites": "LCG.A.fr LCG.B.fr", "dirac_banned_sites": "LCG.C.fr"}
    asked = Requirements.from_resources(resources, 1, failed_sites=["LCG.A.fr"])
    assert asked.sites == ("LCG.B.fr",)
    assert asked.banned_sites == ("LCG.A.fr", "LCG.C.fr")
    again = Requirements.from_resources(resources, 1, failed_sites=["LCG.A.fr", "LCG.B.fr"])
    assert again.sites == ("LCG.A.fr", "LCG.B.fr")
    with pytest.raises(InvalidResource, match="every one"):
        Requirements.from_resources({"dirac_sites": "a", "dirac_banned_sites": "a"}, 1)


@pytest.mark.parametrize("runtime", [0, -1, "long", float("inf")])
def test_impossible_times_are_refused(runtime):
    with pytest.raises(InvalidResource, match="runtime"):
        Requirements.from_resources({"runtime": runtime}, 1)


def test_a_name_cannot_break_out_of_the_jdl():
    with pytest.raises(InvalidResource, match="dirac_tags"):
        Requirements.from_resources({"dirac_tags": 'x";Owner="root'}, 1)


def test_a_jdl_holds_every_job_once_and_its_own_inputs():
    asked = Requirements(600, 2, ("LCG.A.fr",), ("LCG.B.fr",), ("gpu",), has_inputs=True)
    jobs = [
        {"index": 0, "name": "a-1", "lfns": ["/hess/x/f.root", "/hess/y/f.root", "/hess/g.root"]},
        {"index": 1, "name": "a-2", "lfns": ["/hess/h.root"]},
    ]
    jdl = parametric_jdl(asked, jobs, ["/tmp/run.sh"], "snk-1")
    values = dict(re.findall(r"^  (\S+) = (.*);$", jdl, re.M))
    assert values["Parameters"] == "2"
    assert values["Parameters.name"] == '{"a-1", "a-2"}'
    assert values["InputData"] == "{%(inputs)s}"
    inputs = '{{"/hess/x/f.root", "/hess/g.root"}, {"/hess/h.root"}}'
    assert values["Parameters.inputs"] == inputs
    assert values["CPUTime"] == "600"
    assert values["NumberOfProcessors"] == "2"
    assert values["Site"] == '{"LCG.A.fr"}'
    assert values["BannedSites"] == '{"LCG.B.fr"}'
    assert values["Tags"] == '{"gpu"}'


def test_a_jdl_leaves_out_what_the_server_takes_anyway():
    jdl = parametric_jdl(Requirements(600, 1), [{"index": 0, "name": "a", "lfns": []}], [], "snk-1")
    for name in ("NumberOfProcessors", "StdOutput", "StdError", "Site", "BannedSites", "Tags"):
        assert not re.search(rf"^\s*{name} ", jdl, re.M)
    assert "std.out" in jdl  # In the output sandbox, under the server's own name.


def test_a_job_group_fits_its_column():
    with pytest.raises(InvalidResource, match="32"):
        parametric_jdl(Requirements(1, 1), [{"index": 0, "name": "a"}], [], "x" * 33)


def test_dirac_gets_no_two_inputs_of_one_name():
    lfns = [f"/hess/{i}/events.root" for i in range(5)] + [f"/hess/{i}.root" for i in range(500)]
    chosen = steering_inputs(lfns)
    assert len({lfn.rpartition("/")[2] for lfn in chosen}) == len(chosen) == 100


def test_metadata_follow_the_wildcards():
    rules = parse_rules(
        "campaign=config.campaign particle=config.simulations.{production}.particle "
        "zenith_deg=config.simulations.{production}.zenith_deg run=wildcards.run code=params.code"
    )
    config = {"campaign": "c", "simulations": {"gamma": {"particle": "gamma", "zenith_deg": 20.0}}}
    wildcards = {"production": "gamma", "run": "1"}
    found = collect_metadata(rules, config, wildcards, {"code": "abc"})
    expected = {"campaign": "c", "particle": "gamma", "zenith_deg": 20.0, "run": "1", "code": "abc"}
    assert found == expected
    # A rule without these wildcards has less to say, and nothing that is not a number or a word.
    assert collect_metadata(rules, config, {}, {}) == {"campaign": "c"}
    with pytest.raises(MetadataRule, match="name=path"):
        parse_rules("campaign=os.environ")


def test_no_secret_is_sent(tmp_path):
    environment = {"GRID_TOKEN": "abcdef0123", "HOME": "/root", "MY_SECRET": ""}
    refuse_secrets("python -m snakemake /root", environment)
    with pytest.raises(SecretInSandbox, match="GRID_TOKEN") as caught:
        write_sandbox(tmp_path, {}, {"0": {"command": "x --t abcdef0123"}}, [], environment)
    assert "abcdef0123" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(SecretInSandbox, match="private key"):
        refuse_secrets("-----BEGIN RSA PRIVATE KEY-----", {})


def test_sources_outside_the_working_folder_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("Snakefile", "docs/a.md"):
        (tmp_path / name).write_text(name)
    assert usable_sources(["docs/a.md", "Snakefile"], ["docs/*"]) == ["Snakefile"]
    with pytest.raises(FileNotFoundError, match="outside"):
        usable_sources(["../other.yaml"])
    for archive in ("a.tar.gz", "b.tar.gz"):
        write_archive(archive, ["Snakefile", "docs/a.md"])
        (tmp_path / "Snakefile").touch()
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_what_a_status_means():
    assert judge(1, entry("Done"), 0, 10).done
    assert judge(1, entry("Failed"), 0, 10).ban
    killed = judge(1, entry("Killed"), 0, 10)
    assert killed.ended
    assert not killed.ban
    assert judge(1, entry("Failed", site="ANY"), 0, 10).site is None
    assert not judge(1, entry("Waiting"), 1e12, 10).ended
    assert judge(1, None, 0, 10).ended


def test_a_silent_pilot_is_killed_and_a_living_one_is_not():
    beat = "2026-01-01 00:00:00"
    noticed = 1767225600
    assert not judge(1, entry(beat=beat), noticed + 9, 10).ended
    assert judge(1, entry(beat=beat), noticed + 11, 10).kill
    assert not judge(1, entry(beat="None"), noticed, 10).kill
    # Before the first heartbeat, and after one, the last change of status counts as well.
    assert judge(1, entry("Matched", beat="None", update=beat), noticed + 11, 10).kill
    assert not judge(1, entry(beat=beat, update="2026-01-01 00:00:08"), noticed + 11, 10).kill
