"""The check chain of the responses: pyirf makes them from the same events.

What it makes is held against the files of the rule ``make_responses``, bin by bin; the largest
differences become verdicts in `iactflow.crosscheck.compare`, and so belong to the gate. Spectra
that background is weighted to stand here once more, from their publications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import QTable, vstack
from pyirf.benchmarks import angular_resolution
from pyirf.irf import background_2d, effective_area_per_energy_and_fov, energy_dispersion, psf_table
from pyirf.spectral import (
    DIFFUSE_FLUX_UNIT,
    IRFDOC_ELECTRON_SPECTRUM,
    IRFDOC_PROTON_SPECTRUM,
    PowerLaw,
    calculate_event_weights,
)

from iactflow.campaign.json_product import read_json, write_json
from iactflow.crosscheck.pyirf_events import CheckedSample, cut_events, read_sample
from iactflow.crosscheck.pyirf_thrown import ThrownRun, law_of, thrown_in_bins
from iactflow.errors import InputError

__all__ = ["check_responses", "largest_difference"]

#: Fraction of events inside the angular resolution.
CONTAINMENT = 0.68
PER_M2 = u.Unit("TeV-1 m-2 s-1 sr-1")
# Bernloehr et al. 2013, Astropart. Phys. 43, 171, table 3; nitrogen: Hoerandel 2003, Astropart.
# Phys. 19, 193.
_LAWS = {
    "proton": (0.096, -2.70),
    "helium": (0.0719, -2.64),
    "nitrogen": (0.0324, -2.68),
    "silicon": (0.0284, -2.66),
    "iron": (0.0134, -2.63),
}
_NAMES = {2: "electron", 3: "electron", 14: "proton", 402: "helium", 1407: "nitrogen",
          2814: "silicon", 5626: "iron"}  # fmt: skip


def _electrons(energy):
    """Electrons of the same table: a power law, and a log-normal shoulder."""
    tev = energy.to_value(u.TeV)
    peak = np.exp(-((np.log(tev / 0.107)) ** 2) / (2 * 0.776**2)) / (0.776 * np.sqrt(2 * np.pi))
    return (6.85e-5 * tev**-3.21 + 3.19e-3 * peak / tev) * PER_M2


def _spectrum(sample: str, name: str | None, events: QTable):
    """Spectrum that a sample is weighted to: pyirf's, or one written here."""
    found = sorted(set(events["particle_id"].tolist()))
    name = name or (_NAMES.get(found[0]) if len(found) == 1 else None)
    spectra = {
        "proton_irfdoc": IRFDOC_PROTON_SPECTRUM,
        "electron_irfdoc": IRFDOC_ELECTRON_SPECTRUM,
        "electron": _electrons,
        **{key: PowerLaw(n * PER_M2.to(DIFFUSE_FLUX_UNIT) * DIFFUSE_FLUX_UNIT, i)
           for key, (n, i) in _LAWS.items()},
    }  # fmt: skip
    if name not in spectra:
        allowed = "a spectrum that the check chain knows: " + ", ".join(spectra)
        raise InputError("check of responses", f"background.{sample}", name or found, allowed)
    return spectra[name]


@dataclass(frozen=True)
class _Thrown:
    """What pyirf asks of a simulation, with the events that really were thrown."""

    run: ThrownRun

    @property
    def max_impact(self):
        return self.run.max_impact

    def calculate_n_showers_per_energy_and_fov(self, energy_bins, fov_bins):
        return thrown_in_bins(self.run, energy_bins, fov_bins)


def check_responses(inputs, outputs, params, wildcards) -> None:
    """Make the responses of a node with pyirf, and hold ours against them.

    Parameters
    ----------
    inputs : namespace
        ``irf``, ``summary``: products of ``make_responses``; events are found through
        ``params.index``.
    outputs : namespace
        ``check``: JSON with events of both chains, and the largest relative difference and number
        of filled bins of each response.
    params : namespace
        ``settings``, ``index``: those of ``make_responses``.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If background has a spectrum that the check chain does not know, or runs pyirf cannot tell.
    """
    settings, summary = params.settings, read_json(inputs.summary)
    bins = {
        "energy": np.array(settings["energy_edges_tev"]) * u.TeV,
        "offset": np.array(settings["offset_edges_deg"]) * u.deg,
        "rad": np.array(settings["rad_edges_deg"]) * u.deg,
    }
    sample = read_sample(params.index["signal"], settings)
    events = cut_events(sample.events, summary["cuts"], settings)
    events = events[np.isfinite(events["theta"])]
    files = _read(inputs.irf)
    # Responses of one offset are filed twice, side by side.
    twice = 2 if len(bins["offset"]) == 2 else 1
    area = _effective_area(sample, events, bins)
    migra = np.array(settings["migra_edges"])
    dispersion = energy_dispersion(events, bins["energy"], bins["offset"], migra)
    found = {
        "n_events": {
            "main": int(np.sum(summary["n_signal_events"])),
            "check": _inside(events, bins),
        },
        "effective_area": largest_difference(
            files["AEFF"]["EFFAREA"], np.repeat(area.to_value(u.m**2).T, twice, axis=0)
        ),
        "energy_dispersion": largest_difference(
            files["EDISP"]["MATRIX"],
            np.repeat(np.transpose(dispersion, (2, 1, 0)), twice, axis=0),
        ),
        "angular_resolution": _angular_resolution(summary, events, bins),
    }
    if "RPSF" in files["PSF"]:
        psf = psf_table(events, bins["energy"], bins["rad"], bins["offset"])
        ours = files["PSF"]["RPSF"]
        theirs = np.repeat(psf.to_value("sr-1").T, twice, axis=1)
        found["point_spread"] = largest_difference(ours, theirs)
    if params.index["background"]:
        found["background"] = _background(params.index["background"], settings, summary)
    write_json(outputs.check, found)


def _read(path) -> dict[str, dict[str, np.ndarray]]:
    """Values of the tables of a file of responses."""
    with fits.open(path) as file:
        return {
            hdu.name: {name: np.array(hdu.data[name][0], float) for name in hdu.columns.names}
            for hdu in file[1:]
        }


def largest_difference(main, check) -> dict:
    """Largest relative difference of two histograms.

    Parameters
    ----------
    main, check : array_like, same shape
        Bins.

    Returns
    -------
    dict
        ``difference``: of the bins that are not zero on both sides, over the larger of both;
        ``n_bins``: how many these are.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    main, check = np.asarray(main, dtype=float), np.asarray(check, dtype=float)
    if main.shape != check.shape:
        raise InputError("check of responses", "shape", main.shape, str(check.shape))
    largest = np.maximum(np.abs(main), np.abs(check))
    filled = largest > 0
    off = np.abs(main - check)[filled] / largest[filled]
    return {"difference": float(np.max(off, initial=0.0)), "n_bins": int(filled.sum())}


def _inside(events: QTable, bins: Mapping) -> int:
    energy, offset = events["true_energy"], events["true_source_fov_offset"]
    inside = (energy >= bins["energy"][0]) & (energy <= bins["energy"][-1])
    return int(np.sum(inside & (offset >= bins["offset"][0]) & (offset <= bins["offset"][-1])))


def _effective_area(sample: CheckedSample, events: QTable, bins: Mapping):
    """Areas of all runs, weighted with what was thrown."""
    total, thrown = 0.0 * u.m**2, 0.0
    for (run, particle), found in sample.runs.items():
        mine = events[(events["obs_id"] == run) & (events["particle_id"] == particle)]
        number = thrown_in_bins(found, bins["energy"], bins["offset"])
        with np.errstate(invalid="ignore", divide="ignore"):
            area = effective_area_per_energy_and_fov(
                mine, _Thrown(found), bins["energy"], bins["offset"]
            )
        total = total + np.nan_to_num(area * number)
        thrown = thrown + number
    return np.divide(total.to_value(u.m**2), thrown, where=thrown > 0, out=0.0 * thrown) * u.m**2


def _angular_resolution(summary: Mapping, events: QTable, bins: Mapping) -> dict:
    """Radii of our summary beside pyirf's, where we give one."""
    main = np.array(summary["angular_resolution_deg"], dtype=float)
    check = np.full(main.shape, np.nan)
    for k in range(len(bins["offset"]) - 1):
        offset = events["true_source_fov_offset"]
        mine = (offset >= bins["offset"][k]) & (offset < bins["offset"][k + 1])
        table = angular_resolution(events[mine], bins["energy"], quantile=CONTAINMENT)
        check[k] = table[f"angular_resolution_{100 * CONTAINMENT:.0f}"].to_value(u.deg)
    known = np.isfinite(main)
    return largest_difference(main[known], check[known])


def _background(samples: Mapping, settings: Mapping, summary: Mapping) -> dict:
    """Rates before smoothing beside pyirf's."""
    tables = []
    for name, folders in samples.items():
        sample = read_sample(folders, settings)
        events = cut_events(sample.events, summary["cuts"], settings)
        infos = [law_of(run) for run in sample.runs.values()]
        laws = [(info, PowerLaw.from_simulation(info, 1 * u.s)) for info in infos]

        def simulated(energy, laws=laws):
            inside = [
                law(energy) * ((energy >= info.energy_min) & (energy <= info.energy_max))
                for info, law in laws
            ]
            return sum(inside[1:], inside[0])

        spectrum = _spectrum(name, settings["spectra"].get(name), events)
        events["weight"] = calculate_event_weights(events["true_energy"], spectrum, simulated)
        tables.append(events)
    joined = vstack(tables, metadata_conflicts="silent")
    rings = np.array(summary["background_offset_edges_deg"]) * u.deg
    energies = np.array(summary["energy_reco_edges_tev"]) * u.TeV
    rate = background_2d(joined, energies, rings, 1 * u.s)
    return largest_difference(summary["background_per_s_mev_sr"], rate.to_value("s-1 MeV-1 sr-1"))
