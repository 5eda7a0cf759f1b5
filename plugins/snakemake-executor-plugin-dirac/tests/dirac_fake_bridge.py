"""A grid in a folder, behind the protocol of the real bridge: runs the real job scripts at once.

usage: dirac_fake_bridge.py FOLDER. ``FOLDER/behaviour.json`` holds what goes wrong. Storage, the
catalogue and the queue are files below the folder; nothing of DIRAC is imported.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

GRID = Path(sys.argv[1])
SITES = ["LCG.One.fr", "LCG.Two.fr"]


def behaviour():
    file = GRID / "behaviour.json"
    return json.loads(file.read_text()) if file.exists() else {}


def load():
    file = GRID / "jobs.json"
    return json.loads(file.read_text()) if file.exists() else {}


def save(jobs):
    (GRID / "jobs.json").write_text(json.dumps(jobs))


def attribute(jdl, name):
    found = re.search(rf"^\s*{re.escape(name)} = (.*);$", jdl, re.M)
    return found[1] if found else None


def words(text):
    return re.findall(r'"([^"]*)"', text or "")


def run(job, number):
    """Do what the worker does, without DIRAC: the catalogue is a folder."""
    folder = GRID / "work" / str(number)
    folder.mkdir(parents=True)
    document = json.loads(Path(job["sandbox"], "jobs.json").read_text())
    spec = {**document["common"], **document["jobs"][job["index"]]}
    for archive in spec["archives"]:
        with tarfile.open(Path(job["sandbox"], archive)) as stream:
            stream.extractall(folder, filter="data")
    for entry in spec["inputs"]:
        (folder / entry["path"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(GRID / "store" / entry["lfn"][1:], folder / entry["path"])
    script = f"set -e\n{spec['setup']}\n{spec['command']}\n"
    if behaviour().get("quick"):
        script = f"mkdir -p results; for f in {' '.join(spec['outputs'])}; do echo $f >$f; done"
    environment = {**os.environ, "SITE": job["Site"]}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, env=environment
    )
    out = GRID / "out" / str(number)
    out.mkdir(parents=True)
    (out / "std.out").write_text(done.stdout)
    (out / "std.err").write_text(done.stderr)
    with tarfile.open(out / "logs.tar.gz", "w:gz") as stream:
        for log in spec["logs"]:
            if (folder / log).exists():
                stream.add(folder / log, arcname=log)
    report = {"outputs": [], "empty": [], "folders": []}
    for path in made(folder, spec["outputs"], report) if done.returncode == 0 else []:
        if not (folder / path).stat().st_size:
            report["empty"].append(path)
            continue
        lfn = f"{spec['lfn_base']}/{path}"
        target = GRID / "store" / lfn[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / path, target)
        content = target.read_bytes()
        checksum = f"{zlib.adler32(content):08x}"
        entry = {"path": path, "lfn": lfn, "size": len(content), "adler32": checksum}
        entry["replicas"] = spec["storage_elements"][:1]
        report["outputs"].append(entry)
        (GRID / "metadata.jsonl").open("a").write(json.dumps({lfn: spec["metadata"]}) + "\n")
    (out / "report.json").write_text(json.dumps(report))
    return done.returncode


def made(folder, outputs, report):
    """Files of a job's outputs; folders go into the report."""
    for output in outputs:
        if not (folder / output).is_dir():
            yield output
            continue
        report["folders"].append(output)
        for file in sorted((folder / output).rglob("*")):
            path = str(file.relative_to(folder))
            if file.is_dir():
                report["folders"].append(path)
            else:
                yield path


def submit(jdl):
    jobs = load()
    sandbox = GRID / "sandbox" / attribute(jdl, "JobGroup").strip('"')
    sandbox.mkdir(parents=True)
    for file in words(attribute(jdl, "InputSandbox")):
        shutil.copy(file, sandbox)
    (GRID / "submissions.jsonl").open("a").write(json.dumps(jdl) + "\n")
    ids = []
    names = words(attribute(jdl, "Parameters.name"))
    for index, name in zip(words(attribute(jdl, "Parameters.index")), names, strict=True):
        number = len(jobs) + 1
        banned = words(attribute(jdl, "BannedSites"))
        site = next(site for site in SITES if site not in banned)
        jobs[str(number)] = {
            "Status": "Waiting",
            "MinorStatus": "",
            "ApplicationStatus": "",
            "Site": site,
            "JobName": name,
            "HeartBeatTime": "",
            "LastUpdateTime": "",
            "group": attribute(jdl, "JobGroup").strip('"'),
            "index": index,
            "sandbox": str(sandbox),
        }
        ids.append(number)
    save(jobs)
    if behaviour().get("die_after_submit"):
        (GRID / "behaviour.json").write_text(json.dumps({"quick": True}))
        sys.exit(3)
    return ids


def status(ids):
    assert len(ids) == len(set(ids))
    jobs = load()
    for number in map(str, ids):
        if jobs[number]["Status"] == "Waiting" and not behaviour().get("hold"):
            code = run(jobs[number], number)
            jobs[number]["Status"] = "Failed" if code else "Done"
    save(jobs)
    return {str(number): jobs[str(number)] for number in ids}


def find(group):
    return {n: job for n, job in load().items() if job["group"] == group}


def kill(ids):
    jobs = load()
    for number in ids:
        if jobs[str(number)]["Status"] not in ("Done", "Failed"):
            jobs[str(number)]["Status"] = "Killed"
    save(jobs)
    (GRID / "kills.jsonl").open("a").write(json.dumps(ids) + "\n")


def sandboxes(ids, folder):
    missing = {}
    for number in ids:
        source = GRID / "out" / str(number)
        if source.exists():
            shutil.copytree(source, Path(folder, str(number)), dirs_exist_ok=True)
        else:
            missing[str(number)] = "none"
    return {"missing": missing}


def fetch(files):
    for entry in files:
        Path(entry["path"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(GRID / "store" / entry["lfn"][1:], entry["path"])


def put(files, storage_elements):
    entries = []
    for file in files:
        target = GRID / "store" / file["lfn"][1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file["path"], target)
        content = target.read_bytes()
        checksum = f"{zlib.adler32(content):08x}"
        entry = {"lfn": file["lfn"], "size": len(content), "adler32": checksum}
        entries.append({**entry, "replicas": storage_elements[:1]})
    return entries


def check(minimum_s):
    return {"vo": "hess", "group": "hess_user", "user": "u", "seconds_left": 9999, "dirac": "fake"}


def declare(fields):
    return {"refused": {}}


def main():
    GRID.mkdir(parents=True, exist_ok=True)
    wrong = behaviour().get("start")
    first = {"id": 0, "ok": False, **wrong} if wrong else {"id": 0, "ok": True, "value": {}}
    print(json.dumps(first), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        (GRID / "calls.jsonl").open("a").write(json.dumps(request["op"]) + "\n")
        wrong = behaviour().get(request["op"])
        if wrong:
            left = wrong.pop("times", 1) - 1
            rest = {**behaviour(), request["op"]: {**wrong, "times": left}}
            if left <= 0:
                rest.pop(request["op"])
            (GRID / "behaviour.json").write_text(json.dumps(rest))
            print(json.dumps({"id": request["id"], "ok": False, **wrong}), flush=True)
            continue
        arguments = {k: v for k, v in request.items() if k not in ("id", "op")}
        value = globals()[request["op"]](**arguments)
        print(json.dumps({"id": request["id"], "ok": True, "value": value}), flush=True)


if __name__ == "__main__":
    main()
