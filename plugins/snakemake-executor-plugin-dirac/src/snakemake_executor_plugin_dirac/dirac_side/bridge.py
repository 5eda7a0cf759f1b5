"""DIRAC behind one line of JSON per request, under DIRAC's own Python.

Reads requests from standard input and answers each on standard output: ``{"id": n, "op": name,
...}`` gives ``{"id": n, "ok": true, "value": ...}`` or ``{"id": n, "ok": false, "kind": word,
"message": text}``. DIRAC prints to standard output, so the answers keep that channel to themselves
and everything else goes to standard error. No request or answer holds a credential.
"""

import json
import os
import sys
import time

from catalogue import CatalogueError, get_file, known_files, put_file, set_metadata

PROXY = "proxy"
NO_VO = "no_vo"
UNREACHABLE = "unreachable"
REFUSED = "refused"
ENDED = ("Done", "Failed", "Killed", "Deleted")
KILL_ROUNDS = 10
# Words by which DIRAC tells that nobody answered; its error numbers differ by protocol.
NOBODY = (
    *("connection refused", "connection timed out", "can't connect", "could not connect"),
    *("failed to connect", "unreachable", "timed out", "timeout", "connection reset"),
    *("peer closed connection", "no route to host", "name or service not known", "broken pipe"),
    *("cannot get url", "can't get a valid url", "no url", "connection to database", "errno 111"),
    *("service is not running", "unexpected eof", "socket", "master server not reachable"),
)


class Refusal(Exception):
    """An answer that is not the one that was asked for."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def kind_of(message):
    """Tell what an error message of DIRAC is about.

    Parameters
    ----------
    message : str
        Message.

    Returns
    -------
    str
        ``proxy``, ``unreachable`` or ``refused``.
    """
    text = str(message).lower()
    if "proxy" in text or "certificate has expired" in text or "unauthorized" in text:
        return PROXY
    return UNREACHABLE if any(words in text for words in NOBODY) else REFUSED


def value_of(result, what):
    """Return the value of a DIRAC result.

    Parameters
    ----------
    result : dict
        ``S_OK`` or ``S_ERROR``.
    what : str
        What was asked.

    Returns
    -------
    object
        The value.

    Raises
    ------
    Refusal
        If it is an error.
    """
    if not result["OK"]:
        raise Refusal(kind_of(result["Message"]), f"{what}: {result['Message']}")
    return result["Value"]


def check(minimum_s):
    """Check the credentials and that a server answers.

    Parameters
    ----------
    minimum_s : float
        Seconds that the proxy must still be valid.

    Returns
    -------
    dict
        ``vo``, ``group``, ``user``, ``seconds_left`` and the version of DIRAC.
    """
    import DIRAC
    from DIRAC.ConfigurationSystem.Client.Helpers.Registry import getVOForGroup
    from DIRAC.Core.Security.ProxyInfo import getProxyInfo
    from DIRAC.WorkloadManagementSystem.Client.JobManagerClient import JobManagerClient

    result = getProxyInfo()
    if not result["OK"]:
        raise Refusal(PROXY, f"no proxy: {result['Message']}")
    proxy = result["Value"]
    left = int(proxy.get("secondsLeft", 0))
    if left < minimum_s:
        state = f"is valid for {left} s" if left > 0 else "has expired"
        raise Refusal(PROXY, f"the proxy of {proxy.get('username', proxy['subject'])} {state}")
    group = proxy.get("group")
    vo = getVOForGroup(group) if group else None
    if not vo:
        raise Refusal(NO_VO, f"the proxy's group {group!r} belongs to no virtual organisation")
    value_of(JobManagerClient(timeout=20).ping(), "JobManager")
    return {
        "vo": vo,
        "group": group,
        "user": proxy.get("username"),
        "seconds_left": left,
        "dirac": DIRAC.version,
    }


def submit(jdl):
    """Submit one description; return the ids of its jobs, in the order of its parameters."""
    from DIRAC.WorkloadManagementSystem.Client.WMSClient import WMSClient

    ids = value_of(WMSClient(timeout=300).submitJob(jdl), "submit")
    return [int(number) for number in (ids if isinstance(ids, list) else [ids])]


def summaries(ids):
    """Status of jobs, in one call."""
    from DIRAC.WorkloadManagementSystem.Client.JobMonitoringClient import JobMonitoringClient

    times = ("HeartBeatTime", "LastUpdateTime")
    wanted = ("Status", "MinorStatus", "ApplicationStatus", "Site", "JobName", *times)
    unique = sorted({int(number) for number in ids})
    found = value_of(JobMonitoringClient(timeout=120).getJobsSummary(unique), "status")
    return {
        str(number): {name: str(entry.get(name) or "") for name in wanted}
        for number, entry in found.items()
    }


def find(group):
    """Jobs of a submission by its name: what a launching machine that died had sent."""
    from DIRAC.WorkloadManagementSystem.Client.JobMonitoringClient import JobMonitoringClient

    ids = value_of(JobMonitoringClient(timeout=120).getJobs({"JobGroup": group}), "find")
    return summaries(ids) if ids else {}


def kill(ids):
    """Kill jobs, all in one call, until none is left; those that have ended are left as they are.

    An optimiser that looks at a job in the very moment can put it back into the queue: what is
    alive after the call is killed again, until two looks in a row find nothing.
    """
    unique, quiet, answer = sorted({int(number) for number in ids}), 0, {}
    alive = unique
    for _ in range(KILL_ROUNDS):
        if alive:
            answer = kill_once(alive)
        found = summaries(unique)
        alive = [int(n) for n, job in found.items() if job["Status"] not in ENDED]
        quiet = 0 if alive else quiet + 1
        if quiet == 2:
            return answer
        time.sleep(1)
    raise Refusal(REFUSED, f"kill: {len(alive)} jobs live on, the first is {alive[:1]}")


def kill_once(unique):
    """Kill jobs; return which of them DIRAC does not know or does not give to us."""
    from DIRAC.WorkloadManagementSystem.Client.JobManagerClient import JobManagerClient

    result = JobManagerClient(timeout=300).killJob(unique)
    if not result["OK"] and kind_of(result["Message"]) != REFUSED:
        value_of(result, "kill")
    # An error that still names jobs means: killed, except for those.
    return {
        name: result[name] for name in ("InvalidJobIDs", "NonauthorizedJobIDs") if name in result
    }


def sandboxes(ids, folder):
    """Fetch output sandboxes into one folder per job; what is missing is told, not raised."""
    from DIRAC.WorkloadManagementSystem.Client.SandboxStoreClient import SandboxStoreClient

    client = SandboxStoreClient()
    missing = {}
    for number in ids:
        target = os.path.join(folder, str(number))
        os.makedirs(target, exist_ok=True)
        result = client.downloadSandboxForJob(int(number), "Output", destinationPath=target)
        if not result["OK"]:
            if kind_of(result["Message"]) == UNREACHABLE:
                raise Refusal(UNREACHABLE, f"sandbox of {number}: {result['Message']}")
            missing[str(number)] = str(result["Message"])
    return {"missing": missing}


def fetch(files):
    """Fetch catalogued files, each checked and put in its place at once."""
    for entry in files:
        get_file(entry["lfn"], entry["path"], entry.get("adler32"))
    return len(files)


def put(files, storage_elements):
    """Upload and register files of the launching machine."""
    entries = []
    for file in files:
        entries.append(put_file(file["lfn"], file["path"], storage_elements, file["fingerprint"]))
        set_metadata({file["lfn"]: {"job_fingerprint": file["fingerprint"]}})
    return entries


def declare(fields):
    """Declare searchable metadata of files; who may not is told which are missing."""
    from DIRAC.Resources.Catalog.FileCatalogClient import FileCatalogClient

    client = FileCatalogClient()
    known = value_of(client.getMetadataFields(), "metadata fields")["FileMetaFields"]
    refused = {}
    for name, kind in fields.items():
        if name not in known:
            result = client.addMetadataField(name, kind, "-f")
            if not result["OK"]:
                refused[name] = str(result["Message"])
    return {"refused": refused}


OPERATIONS = {
    "check": check,
    "submit": submit,
    "status": summaries,
    "find": find,
    "kill": kill,
    "sandboxes": sandboxes,
    "fetch": fetch,
    "put": put,
    "known": known_files,
    "declare": declare,
}


def answer(request):
    """Carry out one request.

    Parameters
    ----------
    request : dict
        ``id``, ``op`` and its arguments.

    Returns
    -------
    dict
        The answer.
    """
    arguments = {name: value for name, value in request.items() if name not in ("id", "op")}
    try:
        value = OPERATIONS[request["op"]](**arguments)
    except Refusal as refusal:
        return {"id": request["id"], "ok": False, "kind": refusal.kind, "message": str(refusal)}
    except CatalogueError as error:
        kind = kind_of(error)
        return {"id": request["id"], "ok": False, "kind": kind, "message": str(error)}
    except Exception as error:  # noqa: BLE001  DIRAC raises anything; the other side must learn of it
        message = f"{request.get('op')}: {type(error).__name__}: {error}"
        return {"id": request["id"], "ok": False, "kind": kind_of(message), "message": message}
    return {"id": request["id"], "ok": True, "value": value}


def start():
    """Initialise DIRAC; tell why it is impossible."""
    try:
        import DIRAC

        DIRAC.initialize(log_level="ERROR")
    except Exception as error:  # noqa: BLE001  as above
        from DIRAC.Core.Security.ProxyInfo import getProxyInfo

        info = getProxyInfo()
        if not info["OK"] or int(info["Value"].get("secondsLeft", 0)) <= 0:
            reason = "the proxy has expired" if info["OK"] else f"no proxy: {info['Message']}"
            return {"id": 0, "ok": False, "kind": PROXY, "message": reason}
        return {"id": 0, "ok": False, "kind": kind_of(error), "message": f"initialise: {error}"}
    return {"id": 0, "ok": True, "value": {"dirac": DIRAC.version}}


def serve():
    """Answer until the other side closes its end."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    first = start()
    answers.write(json.dumps(first) + "\n")
    if not first["ok"]:
        return 1
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line)), default=str) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(serve())
