"""The rule that extracts spectra: counts and responses of a chunk of runs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from astropy.table import Table

from iactflow.campaign.directions import separation_deg
from iactflow.dl3.files import run_files
from iactflow.io.gadf import read_observation
from iactflow.science.dataset import (
    definitions,
    extract,
    off_regions,
)
from iactflow.science.ogip import write_ogip
from iactflow.science.theta_squared import (
    add_theta_squared,
    clear_centres,
    theta_squared_edges,
    theta_squared_histograms,
)

__all__ = ["extract_spectra"]

LOG = logging.getLogger(__name__)

_RUNS = {
    "obs_id": "i8",
    "n_on": "i8",
    "n_off": "i8",
    "alpha": "f8",
    "n_off_regions": "i8",
    "livetime_s": "f8",
    "ra_pnt_deg": "f8",
    "dec_pnt_deg": "f8",
    "offset_deg": "f8",
    "status": "U7",
    "reason": "U120",
}
_REGIONS = {
    "obs_id": "i8",
    "kind": "U3",
    "ra_deg": "f8",
    "dec_deg": "f8",
    "radius_deg": "f8",
}


def extract_spectra(inputs, outputs, params, wildcards) -> None:
    """Count on and off events of the runs of a chunk and compute the responses.

    A run with fewer off regions than ``min_off_regions``, without livetime or beyond the offsets
    of its responses is dropped: it is logged and stands in the table of runs with the reason.

    Parameters
    ----------
    inputs : namespace
        ``dl3``: DL3 files, or folders that hold them; ``observations``: run list of the target.
    outputs : namespace
        ``ogip``: folder that is made. It holds ``<definition>/obs_<run>/pha_obs<run>.fits`` for
        every data set of `iactflow.science.dataset.definitions`; ``runs.ecsv`` with the counts on
        the target's own axis before any safe range; ``theta_squared.ecsv`` with the histograms of
        the kept runs added up; ``regions.ecsv`` with the on and off circles.
    params : namespace
        ``settings``: the target; ``obs_ids``: runs of the chunk.
    wildcards : namespace
        Not used.

    Raises
    ------
    InputError
        When a run is missing or unreadable, or its effective area begins above the fraction that
        its safe range asks for.
    """
    target, folder = params.settings, Path(outputs.ogip)
    wanted, runs, regions, histograms = definitions(target), [], [], []
    edges = theta_squared_edges(target["spectrum"]["on_radius_deg"])
    hdus = ["events", "gti", "aeff", "edisp"]
    if target["spectrum"]["containment_correction"]:
        hdus.append("psf")
    for path in run_files(inputs.dl3, inputs.observations, params.obs_ids):
        observation = read_observation(path, hdus=hdus)
        off = off_regions(observation, target)
        datasets = {
            name: extract(observation, target, *definition, regions=off)
            for name, definition in wanted.items()
        }
        runs.append(_run(observation, target, datasets["default"], off))
        regions.extend(_circles(observation, target, off))
        if runs[-1]["status"] == "dropped":
            LOG.warning("run %d is dropped: %s", observation.obs_id, runs[-1]["reason"])
            continue
        for name, dataset in datasets.items():
            write_ogip(dataset, folder / name / f"obs_{observation.obs_id}")
        histograms.append(_theta_squared(observation, target, off, edges))
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "runs.ecsv", runs, _RUNS)
    _write(folder / "regions.ecsv", regions, _REGIONS)
    _write_theta_squared(folder / "theta_squared.ecsv", histograms, edges)


def _run(observation, target, dataset, off):
    position, least = target["position"], target["spectrum"]["min_off_regions"]
    offset_deg = separation_deg(
        observation.ra_pnt_deg, observation.dec_pnt_deg, position["ra_deg"], position["dec_deg"]
    )
    reason = ""
    if len(off) < least:
        reason = off.reason or f"{len(off)} off regions, fewer than min_off_regions ({least})"
    elif not observation.livetime_s > 0:
        reason = "no livetime"
    elif not np.any(dataset.exposure_cm2_s > 0):
        reason = f"no effective area at an offset of {offset_deg:.3f} deg"
    return {
        "obs_id": observation.obs_id,
        "n_on": int(dataset.n_on.sum()),
        "n_off": int(dataset.n_off.sum()),
        "alpha": 1.0 / len(off) if len(off) else np.nan,
        "n_off_regions": len(off),
        "livetime_s": observation.livetime_s,
        "ra_pnt_deg": observation.ra_pnt_deg,
        "dec_pnt_deg": observation.dec_pnt_deg,
        "offset_deg": offset_deg,
        "status": "dropped" if reason else "kept",
        "reason": reason,
    }


def _circles(observation, target, off):
    position, radius_deg = target["position"], target["spectrum"]["on_radius_deg"]
    centres = [("on", position["ra_deg"], position["dec_deg"])]
    centres += [("off", ra, dec) for ra, dec in off.centres_deg.T]
    return [
        dict(zip(_REGIONS, (observation.obs_id, *centre, radius_deg), strict=True))
        for centre in centres
    ]


def _theta_squared(observation, target, off, edges):
    position, radius_deg = target["position"], target["spectrum"]["on_radius_deg"]
    circles = [(position["ra_deg"], position["dec_deg"], radius_deg)]
    circles += [(c["ra_deg"], c["dec_deg"], c["radius_deg"]) for c in target["exclusion_regions"]]
    centres = clear_centres(off.centres_deg, np.sqrt(edges[-1]), circles)
    source = np.array([[position["ra_deg"]], [position["dec_deg"]]], dtype=float)
    n_on, n_off = (
        theta_squared_histograms(
            observation.event_ra_deg,
            observation.event_dec_deg,
            ra_deg.copy(),
            dec_deg.copy(),
            edges,
        )
        for ra_deg, dec_deg in (source, centres)
    )
    return n_on, n_off, np.full(len(n_on), 1.0 / centres.shape[1])


def _write_theta_squared(path, histograms, edges):
    n_bins = len(edges) - 1
    counts = np.zeros(n_bins), np.zeros(n_bins), np.zeros(n_bins)
    if histograms:
        counts = add_theta_squared(*zip(*histograms, strict=True))
    table = Table(
        [edges[:-1], edges[1:], *counts],
        names=["theta_squared_min_deg2", "theta_squared_max_deg2", "n_on", "n_off", "alpha"],
        units=["deg2", "deg2", "", "", ""],
        meta={"n_runs": len(histograms)},
    )
    table.write(path, format="ascii.ecsv")


def _write(path, rows, columns):
    table = Table({name: np.array([r[name] for r in rows], dtype=d) for name, d in columns.items()})
    for name in table.colnames:
        for unit in ("deg", "s"):
            if name.endswith(f"_{unit}"):
                table[name].unit = unit
    table.write(path, format="ascii.ecsv")
