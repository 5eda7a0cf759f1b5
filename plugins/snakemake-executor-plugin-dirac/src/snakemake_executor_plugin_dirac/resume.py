"""Jobs of an earlier launch: followed if they compute the same, killed if they do not."""

from __future__ import annotations

from snakemake_executor_plugin_dirac.states import FAILED

__all__ = ["adopt"]

ON_THE_GRID = ("intended", "submitted")


def adopt(planned, ledger, bridge):
    """Find jobs that an earlier launch left on the grid.

    Parameters
    ----------
    planned : list of PlannedJob
        Jobs that Snakemake wants now.
    ledger : Ledger
        What was submitted; updated.
    bridge : callable
        Asks DIRAC.

    Returns
    -------
    adopted : list of (PlannedJob, int)
        With the ids to follow, ended ones included if they ended well.
    rest : list of PlannedJob
        To be submitted.
    """
    records = {one.key: ledger.jobs.get(one.key) for one in planned}
    records = {k: r for k, r in records.items() if r and r["state"] in ON_THE_GRID}
    if not records:
        return [], list(planned)
    _find_unanswered(records, bridge)
    ids = {key: record["id"] for key, record in records.items() if record["id"] is not None}
    status = bridge("status", ids=sorted(ids.values())) if ids else {}
    adopted, rest, stale = [], [], []
    for one in planned:
        number = ids.get(one.key)
        state = status.get(str(number), {}).get("Status")
        if state is None or state in FAILED:
            rest.append(one)
        elif records[one.key]["fingerprint"] == one.fingerprint:
            adopted.append((one, number))
        else:
            stale.append(number)
            rest.append(one)
    if stale:
        bridge("kill", ids=sorted(stale))
    for one, number in adopted:
        ledger.jobs[one.key].update(state="submitted", id=number)
    ledger.save()
    return adopted, rest


def _find_unanswered(records, bridge):
    """Ids of jobs whose launching machine died before it read the answer."""
    unanswered = {}
    for record in records.values():
        if record["state"] == "intended":
            unanswered.setdefault(record["group"], []).append(record)
    for group, members in unanswered.items():
        sent = bridge("find", group=group)
        # DIRAC does not run what was never confirmed.
        half = [int(number) for number, entry in sent.items() if entry["Status"] == "Submitting"]
        if half:
            bridge("kill", ids=half)
        names = {e["JobName"]: int(n) for n, e in sent.items() if e["Status"] != "Submitting"}
        for record in members:
            record["id"] = names.get(record["name"])
