"""Plan of a campaign: units of work, costs, warnings, states of jobs."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.costs import (
    COSTS,
    Costs,
    keep_costs,
    known_costs,
    learn,
    mean_energy_tev,
    own_costs,
    read_costs,
    telescopes_of,
)
from iactflow.campaign.job_list import list_jobs
from iactflow.campaign.load import load_campaign
from iactflow.campaign.plan import make_plan, planned_costs, wall_s, warnings_of
from iactflow.cli import main
from iactflow.errors import InputError

DEMO = "config/campaigns/demo.yaml"


@pytest.fixture(scope="module")
def demo(repository):
    file = repository / DEMO
    return load_campaign(read_campaign_file(file), [file], repository)


@pytest.fixture(scope="module")
def costs(repository):
    return read_costs(repository / COSTS)


def planned(campaign, costs, rule):
    (stage,) = (s for s in make_plan(campaign, list_jobs(campaign), costs) if s.rule == rule)
    return stage


@pytest.mark.parametrize("index", [1.0, 2.0, 2.2, 2.7])
def test_mean_energy_is_that_of_thrown_particles(index):
    block = SimpleNamespace(energy_min_tev=0.2, energy_max_tev=50.0, spectral_index=index)
    # Slow and obvious: the mean over very many energies of the power law.
    edges = np.geomspace(0.2, 50.0, 200001)
    centres, width = np.sqrt(edges[1:] * edges[:-1]), np.diff(edges)
    weight = centres**-index * width
    assert mean_energy_tev(block) == pytest.approx(np.sum(weight * centres) / weight.sum(), 1e-6)


def test_units_of_work(demo):
    jobs = list(list_jobs(demo))
    gamma = demo.simulations.productions["gamma"]
    thrown = [j for j in jobs if j.rule == "simulate_events" and j.wildcards[0] == "gamma"]
    assert sum(job.n_events for job in thrown) == gamma.n_showers * gamma.shower_reuse
    geometry = [j for j in jobs if j.rule == "reconstruct_geometry" and j.wildcards[0] == "gamma"]
    assert sum(job.n_events for job in geometry) == gamma.n_showers * gamma.shower_reuse
    assert sum(job.n_runs for job in jobs if job.rule == "simulate_dl3") == 6
    assert telescopes_of(demo, gamma) == 4


def test_instrument_that_extends_another(repository, tmp_path):
    content = yaml.safe_load((repository / "config/campaigns/photons-ci.yaml").read_text())
    content["instrument"] = {"name": "hess1", "version": "2006-2"}
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    campaign = load_campaign(read_campaign_file(file), [file], repository)
    (block,) = campaign.simulations.productions.values()
    assert telescopes_of(campaign, block) == 4


def test_showers_cost_by_their_energy(demo, costs):
    stage = planned(demo, costs, "simulate_events")
    by_hand = stage.jobs * costs.content["start_s"]
    for block in demo.simulations.productions.values():
        per_tev = costs.content["showers"][block.particle]
        by_hand += block.n_showers * mean_energy_tev(block) * per_tev
        cores = block.n_showers * block.shower_reuse
        by_hand += cores * 4 * costs.content["cpu_s_per_telescope"]["hess1"]
    assert stage.cpu_s == pytest.approx(by_hand)


def sidecar(path, cpu_s, size, memory_mb):
    path.parent.mkdir(parents=True, exist_ok=True)
    cost = {"cpu_s": cpu_s, "output_bytes": size, "max_rss_mb": memory_mb}
    path.write_text(json.dumps({"activity": {"a": {"iactflow:cost": cost}}, "entity": {}}))


def test_costs_are_learnt(demo, costs, tmp_path, monkeypatch):
    monkeypatch.setattr("iactflow.campaign.costs.read_sidecar", lambda p: json.loads(p.read_text()))
    jobs = list(list_jobs(demo))
    for job in jobs:
        if job.rule == "simulate_events":
            seconds = 3.0 * (costs.cpu_s(job, demo) - costs.content["start_s"])
            sidecar(tmp_path / demo.paths.sidecar(job.output), seconds, 1000, 700.0)
        if job.rule == "reconstruct_geometry":
            path = tmp_path / demo.paths.sidecar(job.output)
            sidecar(path, 0.01 * job.n_events, 5.0 * job.n_events, 300.0)
    new = learn(costs, demo, jobs, tmp_path)
    geometry = new.content["rules"]["reconstruct_geometry"]
    assert geometry["cpu_s"] == pytest.approx(0.01)
    assert geometry["bytes"] == pytest.approx(5.0)
    assert geometry["memory_mb"] == 300.0
    for particle in ("gamma", "proton"):
        ratio = new.content["showers"][particle] / costs.content["showers"][particle]
        assert ratio == pytest.approx(3.0, rel=1e-3)
    # What was not run is kept.
    assert new.content["rules"]["fit_spectrum"] == costs.content["rules"]["fit_spectrum"]
    assert new.content["showers"]["other"] == costs.content["showers"]["other"]


def test_every_run_teaches_what_it_did_enough_of(demo, costs, tmp_path, monkeypatch):
    monkeypatch.setenv("IACTFLOW_COSTS", str(tmp_path / "own" / "costs.yaml"))
    monkeypatch.setattr("iactflow.campaign.costs.read_sidecar", lambda p: json.loads(p.read_text()))
    assert known_costs(demo).content == costs.content
    jobs = list(list_jobs(demo))
    geometry = [job for job in jobs if job.rule == "reconstruct_geometry"]
    for job in geometry:
        path = tmp_path / demo.paths.sidecar(job.output)
        sidecar(path, 0.01 * job.n_events, 5.0 * job.n_events, 300.0)
    thrown = [job for job in jobs if job.rule == "simulate_events"]
    sidecar(tmp_path / demo.paths.sidecar(thrown[0].output), 1.0, 1000, 9000.0)
    keep_costs(demo, tmp_path)
    found = known_costs(demo).content
    assert found["rules"]["reconstruct_geometry"]["cpu_s"] == pytest.approx(0.01)
    assert found["work"]["reconstruct_geometry"] == sum(job.n_events for job in geometry)
    # One job of many: its showers took less time than half of those that the costs are of.
    assert found["rules"]["simulate_events"] == costs.content["rules"]["simulate_events"]
    assert found["showers"] == costs.content["showers"]


def test_costs_that_cannot_be_kept_fail_no_run(demo, tmp_path, monkeypatch, caplog):
    (tmp_path / "own").write_text("a file where the folder should be", encoding="utf-8")
    monkeypatch.setenv("IACTFLOW_COSTS", str(tmp_path / "own" / "costs.yaml"))
    keep_costs(demo, tmp_path)
    assert not own_costs().exists()
    assert "are not kept for later plans" in caplog.text


def test_an_output_that_nobody_reads_on_ends_quietly(repository):
    command = [
        *(sys.executable, "-c", "import sys; from iactflow.cli import main; sys.exit(main())"),
        *("plan", str(repository / DEMO)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_wall_time_and_warnings(demo, costs):
    stages = make_plan(demo, list_jobs(demo), costs)
    total = sum(stage.cpu_s for stage in stages)
    assert wall_s(stages, 1) == pytest.approx(total)
    assert total / 4 < wall_s(stages, 4) < total
    assert wall_s(stages, 10**6) == pytest.approx(sum(stage.longest_s for stage in stages))
    assert warnings_of(stages) == []
    found = warnings_of(stages, queue_s=10.0, space_bytes=1e6)
    assert any("simulate_events" in line and "longer than the queue" in line for line in found)
    assert found[-1].startswith("storage:")


def test_many_short_jobs_are_warned_of(repository, costs):
    file = repository / "config/campaigns/hess1-crab-mock.yaml"
    campaign = load_campaign(read_campaign_file(file), [file], repository)
    found = warnings_of(make_plan(campaign, list_jobs(campaign), costs))
    assert any(line.startswith("reconstruct_geometry: 56 jobs of") for line in found)


def test_planned_costs_are_those_that_sidecars_state(demo, costs):
    planned_rules = planned_costs(demo, costs)
    stage = planned(demo, costs, "fill_sky_map")
    entry = planned_rules["fill_sky_map"]
    work_s = sum(job.n_runs for job in list_jobs(demo) if job.rule == "fill_sky_map")
    work_s *= costs.content["rules"]["fill_sky_map"]["cpu_s"]
    assert entry["cpu_s"] == pytest.approx(work_s, abs=1e-3)
    assert entry["cpu_s"] < stage.cpu_s
    assert entry["jobs"] == stage.jobs
    assert entry["max_rss_mb"] == stage.memory_mb
    # A rule without a measurement is not planned as free.
    assert "make_responses" not in planned_costs(demo, Costs({**costs.content, "rules": {}}))


def test_a_hundred_thousand_jobs_are_counted(repository, tmp_path, costs):
    content = yaml.safe_load((repository / DEMO).read_text())
    n_chunks = 16700
    for block in content["simulations"].values():
        block["n_showers"] = n_chunks * block["showers_per_job"]
    file = tmp_path / "large.yaml"
    file.write_text(yaml.safe_dump(content))
    campaign = load_campaign(read_campaign_file(file), [file], repository)
    stages = {stage.rule: stage for stage in make_plan(campaign, list_jobs(campaign), costs)}
    for rule in ("simulate_events", "reconstruct_geometry", "reconstruct_events"):
        assert stages[rule].jobs == 2 * n_chunks
    assert sum(stage.jobs for stage in stages.values()) > 100_000


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda c: c.pop("start_s"), "start_s"),
        (lambda c: c["rules"]["fit_spectrum"].update(unit="lamp"), "rules.fit_spectrum.unit"),
    ],
)
def test_bad_costs(costs, tmp_path, change, key):
    content = json.loads(json.dumps(costs.content))
    change(content)
    file = tmp_path / "costs.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=key):
        read_costs(file)
    with pytest.raises(InputError, match="missing"):
        read_costs(tmp_path / "none.yaml")


def test_commands(demo, repository, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    out = tmp_path / "plan.json"
    assert main(["plan", DEMO, "--slots", "2", "--json", str(out)]) == 0
    stages = json.loads(out.read_text())["stages"]
    assert sum(stage["jobs"] for stage in stages) == len(list(list_jobs(demo)))
    assert "wall time of 2 slots" in capsys.readouterr().out
    assert main(["plan", DEMO, "--slots", "5000", "--site", "grif"]) == 0
    text = capsys.readouterr().out
    assert "grif has not confirmed" in text
    assert "wall time of 500 slots" in text
    assert main(["plan", DEMO, "--site", "moon"]) == 2
    assert "cc-in2p3" in capsys.readouterr().err
    assert main(["plan", DEMO, "--slots", "0"]) == 2
    assert "--slots" in capsys.readouterr().err


def test_status(demo, costs, repository, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    jobs = [job for job in list_jobs(demo) if job.rule == "simulate_events"]
    sidecar(tmp_path / demo.paths.sidecar(jobs[0].output), 1.0, 1, 1.0)
    for job, text in ((jobs[1], "2026-01-01 10:00:00,000 INFO 1 of 2 showers\n"),
                      (jobs[2], "MemoryError: no room\n")):  # fmt: skip
        log = tmp_path / job.log(demo.paths)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)

    def row_of_showers():
        assert main(["status", DEMO, "--directory", str(tmp_path)]) == 0
        text = capsys.readouterr().out
        (row,) = (line.split() for line in text.splitlines() if line.startswith("simulate_events"))
        return text, row[1:]

    with (tmp_path / demo.paths.root / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # as the Snakemake of a campaign holds it
        text, row = row_of_showers()
        assert row == ["1", "1", "1", str(len(jobs) - 3)]
    # A log that a killed job left is of no job that runs.
    assert row_of_showers()[1] == ["1", "0", "1", str(len(jobs) - 2)]
    assert "MemoryError: no room" in text
    left = [job for job in list_jobs(demo) if job.output != jobs[0].output]
    cpu_h = sum(costs.cpu_s(job, demo) for job in left) / 3600
    assert f"left: {cpu_h:.3g} CPU h," in text


def test_costs_without_measurement_are_said(costs):
    bare = Costs({**costs.content, "rules": {}})
    assert not bare.is_measured("fit_spectrum")
    assert costs.is_measured("fit_spectrum")
