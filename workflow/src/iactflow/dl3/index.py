"""Run tables and checksums of a GADF data store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
from astropy.time import Time, TimeDelta

from iactflow.campaign.runs import COLUMNS
from iactflow.io.gadf import find_files, read_obs_index, read_observation

__all__ = ["checksum_table", "index_runs"]


def index_runs(root: str | Path) -> pd.DataFrame:
    """Make the run table of a data store.

    Parameters
    ----------
    root : str or Path
        Folder that holds the GADF observation and HDU indices.

    Returns
    -------
    pandas.DataFrame
        One row per run with the columns of `iactflow.campaign.runs.COLUMNS`; times in UTC.

    Raises
    ------
    InputError
        If an index or a file of a run is missing or unreadable.
    """
    root = Path(root)
    files = find_files(root)
    rows = []
    for row in read_obs_index(root).itertuples():
        path = files[int(row.OBS_ID)]
        run = read_observation(path, hdus=("gti",))
        reference = Time(run.time_ref_mjd, format="mjd", scale=run.time_system.lower())
        start, stop = (
            (reference + TimeDelta(t, format="sec")).utc.isot for t in (run.tstart_s, run.tstop_s)
        )
        rows.append(
            (
                run.obs_id,
                str(row.OBJECT).strip(),
                round(run.ra_pnt_deg, 6),
                round(run.dec_pnt_deg, 6),
                round(run.zenith_deg, 3),
                start,
                stop,
                round(run.livetime_s, 3),
                str(Path(path).relative_to(root)),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("obs_id")


def checksum_table(root: str | Path, files: list[str]) -> pd.DataFrame:
    """Size and SHA-256 of files.

    Parameters
    ----------
    root : str or Path
        Data root.
    files : list of str
        Paths below it.

    Returns
    -------
    pandas.DataFrame
        Columns file, size_bytes, sha256.
    """
    rows = []
    for name in files:
        content = (Path(root) / name).read_bytes()
        rows.append((name, len(content), hashlib.sha256(content).hexdigest()))
    return pd.DataFrame(rows, columns=["file", "size_bytes", "sha256"])
