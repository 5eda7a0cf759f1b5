"""The body of every script."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.iocontainers import Namedlist

from iactflow.campaign import job
from iactflow.campaign.closure import closure_digest
from iactflow.campaign.job import run_job
from iactflow.campaign.provenance import read_sidecar
from iactflow.errors import InputError

MODULE = "iactflow.campaign.streams"


@pytest.fixture
def job_of(tmp_path, monkeypatch):
    """A Snakemake job in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.tsv").write_text("obs_id\n1\n")

    def make(output=None, **params):
        output = output or {"result": "out/result.json", "provenance": "out/result.json.prov.json"}
        params = {"code": closure_digest(MODULE), "settings": {"cut": 0.5}, **params}
        return SimpleNamespace(
            input=Namedlist(fromdict={"runs": "runs.tsv", "parts": ["runs.tsv"]}),
            output=Namedlist(fromdict=output),
            params=Namedlist(fromdict=params),
            wildcards=Namedlist(fromdict={"target": "crab"}),
            log=Namedlist(["log/job.log"]),
            rule="make_result",
            config={"iactflow_campaign": {"config_sha256": "f" * 64, "image": "i.sif"}},
        )

    return make


def write(inputs, outputs, params, wildcards):
    """Write what the job was given."""
    print("on stdout")
    os.write(2, b"from compiled code\n")
    logging.getLogger("iactflow.test").info("logged")
    values = [inputs.runs, inputs.parts, params.settings, wildcards.target]
    Path(outputs.result).write_text(json.dumps(values))


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_job_writes_products_sidecar_and_log(job_of, tmp_path, capfd):
    run_job(job_of(seed=3), write, module=MODULE)
    assert json.loads((tmp_path / "out/result.json").read_text()) == [
        "runs.tsv",
        ["runs.tsv"],
        {"cut": 0.5},
        "crab",
    ]
    document = read_sidecar(tmp_path / "out/result.json.prov.json")
    (activity,) = document["activity"].values()
    assert activity["iactflow:rule"] == "make_result"
    assert activity["iactflow:seed"] == 3
    assert activity["iactflow:image"] == "i.sif"
    assert activity["iactflow:config_sha256"] == "f" * 64
    assert activity["iactflow:code"] == closure_digest(MODULE)
    assert (
        activity["iactflow:cost"]["output_bytes"] == (tmp_path / "out/result.json").stat().st_size
    )
    assert activity["iactflow:cost"]["input_bytes"] == 9
    assert activity["prov:startTime"] <= activity["prov:endTime"]
    assert set(document["entity"]) == {
        "iactflow:entity/runs.tsv",
        "iactflow:entity/out/result.json",
    }
    log = (tmp_path / "log/job.log").read_text()
    assert "on stdout" in log
    assert "from compiled code" in log
    assert "INFO logged" in log
    assert capfd.readouterr() == ("", "")
    assert files(tmp_path) == [
        "log/job.log",
        "out/result.json",
        "out/result.json.prov.json",
        "runs.tsv",
    ]


def test_dictionaries_get_the_provenance_inside(job_of, tmp_path):
    run_job(job_of(), lambda i, o, p, w: Path(o.result).write_text('{"n": 1}'), module=MODULE)
    value = json.loads((tmp_path / "out/result.json").read_text())
    assert value["n"] == 1
    assert value["_provenance"]["IFRULE"] == "make_result"


def test_folders_and_lists_are_outputs(job_of, tmp_path):
    def stage(inputs, outputs, params, wildcards):
        os.mkdir(outputs.folder)
        Path(f"{outputs.folder}/a.txt").write_text("a")
        for path in outputs.parts:
            Path(path).write_text("x")

    output = {"folder": "out/ogip", "parts": ["p1.txt", "p2.txt"], "provenance": "out/p.json"}
    run_job(job_of(output), stage, module=MODULE)
    assert files(tmp_path) == [
        "log/job.log",
        "out/ogip/a.txt",
        "out/p.json",
        "p1.txt",
        "p2.txt",
        "runs.tsv",
    ]
    kinds = {e["prov:type"] for e in read_sidecar("out/p.json")["entity"].values()}
    assert kinds == {"iactflow:File", "iactflow:Folder"}


def bad_input(inputs, outputs, params, wildcards):
    raise InputError("runs.tsv", "obs_id", -1, "a positive number")


def crash(inputs, outputs, params, wildcards):
    Path(outputs.result).write_text("half")
    raise ZeroDivisionError("by\nzero")


def idle(inputs, outputs, params, wildcards):
    pass


def empty(inputs, outputs, params, wildcards):
    Path(outputs.result).touch()


def half(inputs, outputs, params, wildcards):
    Path(outputs.result).write_text("1")


TWO = {"result": "out/result.json", "more": "out/more.json", "provenance": "out/p.prov.json"}


@pytest.mark.parametrize(
    ("stage", "output", "line", "traced"),
    [
        (bad_input, None, "runs.tsv: obs_id: got -1; allowed: a positive number", False),
        (crash, None, "ZeroDivisionError: by", True),
        (idle, None, "out/result.json was not written", False),
        (empty, None, "out/result.json is empty", False),
        (half, TWO, "out/more.json was not written", False),
        (half, {"result": "out/result.json.gz", "other": "o"}, "o was not written", False),
    ],
)
def test_failure_is_one_line_and_leaves_no_product(
    job_of, tmp_path, capfd, stage, output, line, traced
):
    before = sys.stdout, sys.stderr, list(logging.getLogger("iactflow").handlers)
    with pytest.raises(SystemExit) as caught:
        run_job(job_of(output), stage, module=MODULE)
    assert caught.value.code == 1
    captured = capfd.readouterr()
    assert captured.err == f"make_result: {line} (log: log/job.log)\n"
    assert captured.out == ""
    log = (tmp_path / "log/job.log").read_text()
    assert line in log
    assert ("Traceback" in log) == traced
    assert files(tmp_path) == ["log/job.log", "runs.tsv"]
    assert (sys.stdout, sys.stderr, logging.getLogger("iactflow").handlers) == before


def test_failure_keeps_older_products(job_of, tmp_path):
    run_job(job_of(), write, module=MODULE)
    old = (tmp_path / "out/result.json").read_text()
    with pytest.raises(SystemExit):
        run_job(job_of(), crash, module=MODULE)
    assert (tmp_path / "out/result.json").read_text() == old


@pytest.mark.parametrize(
    ("code", "line"),
    [("0" * 32, "holds other code than the launching side"), (None, "params.code is missing")],
)
def test_other_code_is_refused_before_the_stage_runs(job_of, capfd, code, line):
    def stage(*_):
        raise AssertionError("must not run")

    with pytest.raises(SystemExit):
        run_job(job_of(code=code), stage, module=MODULE)
    err = capfd.readouterr().err
    assert line in err
    assert MODULE in err
    assert err.count("\n") == 1


def test_module_of_the_function_is_the_default(job_of):
    stage = types.FunctionType(write.__code__, write.__globals__)
    stage.__module__ = MODULE
    run_job(job_of(), stage)


def test_unnamed_outputs_are_refused(job_of, capfd):
    snakemake = job_of()
    snakemake.output = Namedlist(["a.txt"])
    with pytest.raises(SystemExit):
        run_job(snakemake, write, module=MODULE)
    assert "outputs without a name: a.txt" in capfd.readouterr().err


def test_missing_input_is_named(job_of, tmp_path, capfd):
    (tmp_path / "runs.tsv").unlink()
    with pytest.raises(SystemExit):
        run_job(job_of(), write, module=MODULE)
    assert "runs.tsv" in capfd.readouterr().err


GOOD = "9:108602b6"


def test_inputs_are_held_against_checksums_of_their_name(job_of, tmp_path, capfd):
    run_job(job_of(runs=[GOOD], parts=[None]), write, module=MODULE)
    # Another parameter may have the name of an input.
    run_job(job_of(runs="digest", parts=[]), write, module=MODULE)
    before = (tmp_path / "out/result.json").stat().st_mtime_ns
    for wrong, line in (
        ("9:00000001", f"runs.tsv: size:adler32: got '{GOOD}'; allowed: 9:00000001"),
        ("8:108602b6", "runs.tsv: size_bytes: got 9; allowed: size:adler32 8:108602b6"),
    ):
        with pytest.raises(SystemExit):
            run_job(job_of(parts=[wrong]), write, module=MODULE)
        error = capfd.readouterr().err
        assert error.startswith(f"make_result: {line}")
        assert len(error.splitlines()) == 1
    assert (tmp_path / "out/result.json").stat().st_mtime_ns == before


def test_image_is_asserted_when_asked_for(job_of, monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("IACTFLOW_EXPECT_IMAGE", "1")
    monkeypatch.delenv("APPTAINER_CONTAINER", raising=False)
    with pytest.raises(SystemExit):
        run_job(job_of(), write, module=MODULE)
    assert "outside a container" in capfd.readouterr().err
    monkeypatch.setenv("APPTAINER_CONTAINER", "/i.sif")
    run_job(job_of(), write, module=MODULE)
    (activity,) = read_sidecar("out/result.json.prov.json")["activity"].values()
    assert activity["iactflow:container"] == "/i.sif"
    assert activity["iactflow:checkout_modules"] == []
    local = types.ModuleType("local_module")
    local.__file__ = str(tmp_path / "workflow/src/local_module.py")
    monkeypatch.setitem(sys.modules, "local_module", local)
    with pytest.raises(SystemExit):
        run_job(job_of(), write, module=MODULE)
    assert "instead of the image: local_module" in capfd.readouterr().err


def test_another_image_than_the_pinned_one_is_refused(job_of, monkeypatch, capfd):
    pinned = "ab" * 32
    snakemake = job_of()
    snakemake.config = {"iactflow_campaign": {"image": f"/i@sha256:{pinned}"}}
    monkeypatch.setenv("IACTFLOW_IMAGE_DIGEST", "cd" * 32)
    monkeypatch.setenv("APPTAINER_CONTAINER", "/i")
    with pytest.raises(SystemExit):
        run_job(snakemake, write, module=MODULE)
    message = f"/i is another image than the campaign pins: its digest is {'cd' * 32}; allowed: "
    assert message + pinned in capfd.readouterr().err
    monkeypatch.setenv("IACTFLOW_IMAGE_DIGEST", pinned)
    run_job(snakemake, write, module=MODULE)
    (activity,) = read_sidecar("out/result.json.prov.json")["activity"].values()
    assert activity["iactflow:image_digest"] == pinned


def test_an_image_that_was_unpacked_for_the_job_keeps_its_name(job_of, monkeypatch, tmp_path):
    snakemake = job_of()
    snakemake.config = {"iactflow_campaign": {"image": f"i.sif@sha256:{'ab' * 32}"}}
    monkeypatch.setenv("APPTAINER_CONTAINER", "/tmp/rootfs-2266108756/root")
    monkeypatch.setenv("IACTFLOW_IMAGE_DIGEST", "ab" * 32)
    run_job(snakemake, write, module=MODULE)
    (activity,) = read_sidecar("out/result.json.prov.json")["activity"].values()
    assert activity["iactflow:container"] == str(tmp_path / "i.sif")


def test_script_folder_tells_the_checkout(job_of, monkeypatch, capfd, tmp_path):
    monkeypatch.setenv("IACTFLOW_EXPECT_IMAGE", "1")
    monkeypatch.setenv("APPTAINER_CONTAINER", "/i.sif")
    snakemake = job_of()
    # This package is installed from a checkout: its own code must be found out.
    snakemake.scriptdir = str(job.__file__.split("/src/")[0] + "/scripts")
    with pytest.raises(SystemExit):
        run_job(snakemake, write, module=MODULE)
    assert "iactflow.campaign.job" in capfd.readouterr().err


def test_termination_leaves_no_temporary(tmp_path):
    code = f"""
import os, sys, time
from types import SimpleNamespace as N
from iactflow.campaign.job import run_job
from iactflow.campaign.closure import closure_digest
def stage(i, o, p, w):
    open(o.a, "w").write("half")
    os.write(1, b"ready")
    open("ready", "w").close()
    time.sleep(60)
run_job(N(input={{}}, output={{"a": "a.txt"}}, params={{"code": closure_digest("{MODULE}")}},
    wildcards={{}}, log=[], rule="r"), stage, module="{MODULE}")
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE)
    with process:
        assert process.stdout.read(5) == b"ready"
        assert any(name.startswith(".tmp-") for name in os.listdir(tmp_path))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert set(os.listdir(tmp_path)) <= {"ready"}


def test_what_a_killed_job_left_is_removed_by_the_next(job_of, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / ".tmp-123-abcdef01-result.json").write_text("half")
    (folder / ".tmp-123-abcdef01-other.json").write_text("of another job")
    run_job(job_of(), write, module=MODULE)
    names = {path.name for path in folder.iterdir()}
    assert names == {"result.json", "result.json.prov.json", ".tmp-123-abcdef01-other.json"}
