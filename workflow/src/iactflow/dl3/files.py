"""The DL3 files of a job: single files, or folders of mock runs."""

from __future__ import annotations

from pathlib import Path

from iactflow.errors import InputError

__all__ = ["run_files"]


def run_files(inputs: list[str] | str, observations: str, obs_ids: list[int]) -> list[str]:
    """DL3 files of the wanted runs among a job's inputs.

    Parameters
    ----------
    inputs : list of str or str
        DL3 files, or folders that hold them.
    observations : str
        Run list of the target (TSV with the columns obs_id and file).
    obs_ids : list of int
        Wanted runs.

    Returns
    -------
    list of str
        One file per wanted run, in their order.

    Raises
    ------
    InputError
        If the run list or the inputs lack a wanted run.
    """
    names = {}
    with open(observations, encoding="utf-8") as stream:
        header = stream.readline().rstrip("\n").split("\t")
        for line in stream:
            row = dict(zip(header, line.rstrip("\n").split("\t"), strict=True))
            names[int(row["obs_id"])] = Path(row["file"]).name
    found = {}
    for path in map(Path, [inputs] if isinstance(inputs, str) else inputs):
        for file in path.glob("*.fits*") if path.is_dir() else [path]:
            found[file.name] = str(file)
    for run in obs_ids:
        if run not in names:
            raise InputError(observations, "obs_id", run, "the runs of this list")
        if names[run] not in found:
            raise InputError(observations, f"file of run {run}", names[run], "the job's DL3 inputs")
    return [found[names[run]] for run in obs_ids]
