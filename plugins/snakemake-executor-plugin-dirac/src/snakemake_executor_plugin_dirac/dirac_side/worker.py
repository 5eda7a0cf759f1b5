"""One Snakemake job on a worker node that shares no file with the launching machine.

Runs under DIRAC's own Python, in the folder that the job wrapper made: unpacks the sources, fetches
catalogued inputs, runs Snakemake in the site's software environment, uploads and registers what it
made, and leaves ``report.json`` and the logs for the output sandbox.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import traceback

from catalogue import CatalogueError, adler32, get_file, put_file, set_metadata

WORK = "work"
# The payload computes: it has no business with credentials, and DIRAC's libraries are not its own.
NOT_FOR_PAYLOAD = (
    *("X509_USER_PROXY", "X509_USER_CERT", "X509_USER_KEY", "BEARER_TOKEN", "BEARER_TOKEN_FILE"),
    *("DIRACX_CREDENTIALS_PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV"),
)
REPORT = {"inputs": [], "outputs": [], "empty": [], "folders": [], "seconds": {}}


def main(index):
    """Run one job.

    Parameters
    ----------
    index : str
        Which entry of ``jobs.json``.

    Returns
    -------
    int
        Exit code: that of the payload, or 70 if a file could not be moved.
    """
    with open("jobs.json") as stream:
        document = json.load(stream)
    job = {**document["common"], **document["jobs"][index]}
    started = time.time()
    try:
        prepare(job)
        REPORT["seconds"]["inputs"] = time.time() - started
        code = run(job)
        REPORT["seconds"]["payload"] = time.time() - started - REPORT["seconds"]["inputs"]
        if code == 0:
            upload(job)
    except (CatalogueError, OSError) as error:
        print(f"dirac worker: {error}", file=sys.stderr, flush=True)
        REPORT["error"] = str(error)
        code = 70
    except Exception:  # noqa: BLE001  whatever it was, the logs must reach the launching machine
        REPORT["error"] = traceback.format_exc()
        print(REPORT["error"], file=sys.stderr, flush=True)
        code = 70
    REPORT["exit_code"] = code
    REPORT["seconds"]["total"] = time.time() - started
    keep_logs(job)
    with open("report.json", "w") as stream:
        json.dump(REPORT, stream, indent=1, sort_keys=True)
    return code


def prepare(job):
    """Make the working folder as the launching machine has it, as far as this job needs it."""
    os.makedirs(WORK, exist_ok=True)
    for archive in job["archives"]:
        with tarfile.open(archive) as stream:
            stream.extractall(WORK, filter="data")
    for folder in job["folders"]:
        os.makedirs(os.path.join(WORK, folder), exist_ok=True)
    for path in job["empty"]:
        target = os.path.join(WORK, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "w").close()
    for entry in job["inputs"]:
        target = os.path.join(WORK, entry["path"])
        delivered = os.path.basename(entry["lfn"])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.isfile(delivered) and adler32(delivered) == entry["adler32"]:
            os.replace(delivered, target)
            how = "delivered"
        else:
            get_file(entry["lfn"], target, entry["adler32"])
            how = "fetched"
        REPORT["inputs"].append({"lfn": entry["lfn"], "how": how})


def run(job):
    """Run Snakemake in the site's software environment; its words go to the job's output."""
    # Not a login shell: what the site needs is named in the setup line.
    script = f"set -e\n{job['setup']}\n{job['command']}\n"
    with open("payload.sh", "w") as stream:
        stream.write(script)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_FOR_PAYLOAD and not name.startswith("DIRAC")
    }
    command = ["bash", os.path.abspath("payload.sh")]
    return subprocess.run(command, cwd=WORK, env=environment, check=False).returncode


def upload(job):
    """Upload every product, register it, and describe it in the catalogue."""
    paths = []
    for output in job["outputs"]:
        full = os.path.join(WORK, output)
        if os.path.isdir(full):
            REPORT["folders"].append(output)
            for folder, folders, names in os.walk(full):
                inside = os.path.relpath(folder, WORK)
                REPORT["folders"].extend(os.path.join(inside, name) for name in folders)
                paths.extend(os.path.join(inside, name) for name in names)
        elif os.path.isfile(full):
            paths.append(output)
        else:
            raise CatalogueError(f"the payload ended well but did not make {output}")
    metadata = {**job["metadata"], "site": site_name(), "job_fingerprint": job["fingerprint"]}
    annotated = {}
    for path in sorted(paths):
        full = os.path.join(WORK, path)
        if os.path.getsize(full) == 0:
            # DIRAC's storage takes no empty file.
            REPORT["empty"].append(path)
            continue
        lfn = f"{job['lfn_base']}/{path}"
        entry = put_file(lfn, full, job["storage_elements"], job["fingerprint"])
        set_metadata({lfn: metadata})
        annotated[lfn] = metadata
        REPORT["outputs"].append({"path": path, **entry})
    REPORT["metadata"] = metadata


def keep_logs(job):
    """Pack the logs that the job wrote, whatever became of it."""
    with tarfile.open("logs.tar.gz", "w:gz") as stream:
        for path in job["logs"]:
            full = os.path.join(WORK, path)
            if os.path.exists(full):
                stream.add(full, arcname=path)


def site_name():
    """Name of the site that runs this job."""
    import DIRAC

    # The wrapper knows it from the pilot; this process has not read the pilot's configuration.
    return os.environ.get("DIRACSITE") or DIRAC.siteName()


if __name__ == "__main__":
    import DIRAC

    DIRAC.initialize()
    status = main(sys.argv[1])
    shutil.rmtree(WORK, ignore_errors=True)
    sys.exit(status)
