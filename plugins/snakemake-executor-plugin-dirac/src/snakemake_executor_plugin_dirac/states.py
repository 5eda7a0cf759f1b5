"""What a DIRAC status means for Snakemake."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

__all__ = ["Verdict", "judge"]

DONE = ("Done",)
FAILED = ("Failed", "Killed", "Deleted", "Removed")
# Sites that are none: the job has not run anywhere.
NO_SITE = ("", "ANY", "Multiple", "Unknown", "None")


@dataclass(frozen=True)
class Verdict:
    """What to do with a job.

    Parameters
    ----------
    ended : bool
        It will not run any more.
    done : bool
        It ended well, by DIRAC's word.
    kill : bool
        It must be killed first: its pilot is silent.
    site : str or None
        Where it ran.
    ban : bool
        Whether the next attempt should go elsewhere.
    text : str
        Status in words.
    """

    ended: bool = False
    done: bool = False
    kill: bool = False
    site: str | None = None
    ban: bool = False
    text: str = ""


def judge(number, status, now_s, heartbeat_timeout_s):
    """Judge a job by one status entry.

    Parameters
    ----------
    number : int
        DIRAC id.
    status : dict or None
        ``Status``, ``MinorStatus``, ``ApplicationStatus``, ``Site``, ``HeartBeatTime``,
        ``LastUpdateTime``; None if DIRAC does not know the job any more.
    now_s : float
        Unix time.
    heartbeat_timeout_s : float
        Seconds of silence after which a running job is lost.

    Returns
    -------
    Verdict
        The verdict.
    """
    if status is None:
        return Verdict(ended=True, text=f"DIRAC job {number}: no longer known to the server")
    site = status["Site"] if status["Site"] not in NO_SITE else None
    told = (status[name] for name in ("Status", "MinorStatus", "ApplicationStatus"))
    words = "; ".join(word for word in told if word not in ("", "Unknown"))
    text = f"DIRAC job {number} at {site or 'no site'}: {words}"
    if status["Status"] in DONE:
        return Verdict(ended=True, done=True, site=site, text=text)
    if status["Status"] in FAILED:
        # A job that somebody killed says nothing against its site.
        return Verdict(ended=True, site=site, ban=status["Status"] == "Failed", text=text)
    if status["Status"] in ("Running", "Stalled", "Matched"):
        # A pilot that dies before the first heartbeat has left its last change of status.
        signs = [_seconds(status[name]) for name in ("HeartBeatTime", "LastUpdateTime")]
        silence = now_s - max(filter(None, signs), default=now_s)
        if silence > heartbeat_timeout_s:
            text = f"{text}; no sign of life for {silence:.0f} s, killed"
            return Verdict(ended=True, kill=True, site=site, text=text)
    return Verdict(site=site, text=text)


def _seconds(text):
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()
