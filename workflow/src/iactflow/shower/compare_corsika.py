"""Our showers against CORSIKA's, for the primaries of CORSIKA IACT files.

Each shower of a file is simulated many times with the same primary, observation level, atmosphere,
magnetic field, band of wavelengths, cuts, telescope spheres and cores. What is compared, and how
its errors come about, is in `iactflow.shower.compare_sums` and
`iactflow.shower.compare_statistics`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iactflow.atmosphere.profile import AtmosphereProfile, from_columns, from_corsika_layers
from iactflow.atmosphere.table import AtmosphereTable, make_table
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.errors import InputError
from iactflow.io.corsika import CorsikaRun, CorsikaShower, read_corsika
from iactflow.shower.compare_primaries import check_supported, our_showers
from iactflow.shower.compare_settings import (
    EDGES_M,
    LEAST_BINS,
    LEAST_P_VALUE,
    LEAST_SHOWERS,
    LEAST_SHOWERS_OF_FILE,
    MOST_BINS,
    MOST_EXTRA_TEV,
    MOST_PHOTONS,
    MOST_SIGMA,
)
from iactflow.shower.compare_statistics import CONTAINMENT, MIN_BUNCHES, N_PSEUDO, compare
from iactflow.shower.compare_sums import (
    LIGHT,
    LIGHT_2,
    N_SUMS,
    distances_m,
    make_geometry,
    ring_areas_m2,
    sum_photons,
)
from iactflow.shower.photons import empty_photons

__all__ = ["compare_files", "run_profile", "table_lines"]

PROFILE_COLUMNS = ("height", "density", "thickness", "refractivity")
# n - 1 of dry air at 400 nm per g/cm3 (Ciddor, Appl. Opt. 35 (1996) 1566: 2.8275e-4 at 15 deg C,
# 1013.25 hPa), for files made with an external table that they do not hold.
REFRACTIVITY_PER_DENSITY = 0.2308


@dataclass(frozen=True)
class Sample:
    """Sums of a file.

    Attributes
    ----------
    theirs : list of ndarray, shape (n_bins, N_SUMS)
        Of each of their showers.
    ours : list of ndarray, shape (M, n_bins, N_SUMS)
        Of ours.
    area_m2 : ndarray, shape (n_bins,)
        Cross-sections.
    """

    theirs: list
    ours: list
    area_m2: np.ndarray


def run_profile(run: CorsikaRun) -> AtmosphereProfile:
    """Profile of a file: its embedded table, else its five layers.

    Parameters
    ----------
    run : CorsikaRun
        Run.

    Returns
    -------
    AtmosphereProfile
        The profile.

    Raises
    ------
    InputError
        If neither can be.
    """
    if run.profile is not None:
        name = f"embedded table {run.atmosphere}"
        return from_columns(run.profile.T, PROFILE_COLUMNS, run.path, name, run.path)
    name = f"five layers, table {run.atmosphere}" if run.atmosphere else "five layers"
    ratio = REFRACTIVITY_PER_DENSITY if run.atmosphere else None
    return from_corsika_layers(
        *run.layers, run.boundaries_m, name=name, source=run.path, refractivity_per_density=ratio
    )


def compare_files(
    paths: Sequence,
    showers: int = LEAST_SHOWERS,
    seed: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict:
    """Compare our showers with those of CORSIKA IACT files.

    Parameters
    ----------
    paths : sequence of str or Path
        Files.
    showers : int, optional
        Ours per one of theirs, at least 100; more for a file with few showers
        (`iactflow.shower.compare_settings`).
    seed : int, optional
        Seed of our showers.
    progress : callable, optional
        Called with a line of text per primary; by default writes to standard error.

    Returns
    -------
    dict
        ``files``, ``combined``, ``settings``, ``passed``; every number of the comparison. Per bin
        also ``outward_median_deg``, ``outward_spread_deg``, ``across_68_deg``, ``delay_median_ns``
        and ``delay_spread_ns`` (`iactflow.shower.compare_statistics.quantiles`), each with
        ``theirs``, ``ours`` and ``error``: the spread of samples like theirs.

    Raises
    ------
    InputError
        If a file cannot be read, holds primaries other than photons, electrons, positrons and
        muons, or photons to which efficiencies were applied.
    """
    if not paths:
        raise InputError("compare-corsika", "FILE", "none", "at least one file")
    if showers < LEAST_SHOWERS:
        raise InputError("compare-corsika", "showers", showers, f"at least {LEAST_SHOWERS}")
    seed = campaign_seed("compare-corsika") if seed is None else seed
    say = progress or _to_standard_error
    surveys = [_survey(path) for path in paths]
    edges = _edges([survey[0] for survey in surveys])
    blocks, samples = [], []
    for number, path in enumerate(paths):
        sample, facts = _simulate(path, edges, surveys[number][1], (seed, number), showers, say)
        generator = StreamKey(seed, "compare", run=number).generator()
        result = compare(np.array(sample.theirs), sample.ours, sample.area_m2, edges, generator)
        blocks.append({"file": str(path), **facts, **result, **_verdict(result)})
        samples.append(sample)
    together = compare(
        np.array([sums for sample in samples for sums in sample.theirs]),
        [sums for sample in samples for sums in sample.ours],
        np.sum([sample.area_m2 for sample in samples], axis=0),
        edges,
        StreamKey(seed, "compare", run=len(samples)).generator(),
    )
    combined = {**together, **_verdict(together)}
    return {
        "settings": _settings(showers, seed, edges),
        "files": blocks,
        "combined": combined,
        "passed": combined["passed"],
    }


def _settings(showers, seed, edges):
    return {
        "showers_per_primary": showers,
        "showers_per_file": LEAST_SHOWERS_OF_FILE,
        "seed": seed,
        "min_bunches": MIN_BUNCHES,
        "min_qualifying_bins": LEAST_BINS,
        "min_p_value": LEAST_P_VALUE,
        "max_deviation_sigma": MOST_SIGMA,
        "min_p_value_total_light": math.erfc(MOST_SIGMA / math.sqrt(2.0)),
        "pseudo_experiments": N_PSEUDO,
        "containment": CONTAINMENT,
        "edges_m": [float(edge) for edge in edges],
    }


def _to_standard_error(text):
    print(text, file=sys.stderr, flush=True)


def _survey(path):
    """Core distances of bunches and energies of primaries; refuses what we do not simulate."""
    run, showers = read_corsika(path)
    check_supported(run)
    distances, energies = [], []
    for shower in showers:
        check_supported(run, shower)
        geometry = make_geometry(shower.direction, run.telescopes_m, shower.cores_m)
        distances.append(distances_m(*_flat(shower, len(run.telescopes_m)), geometry))
        energies.append(shower.energy_tev)
    return np.concatenate(distances), energies


def _edges(distances):
    """Edges of bins: fixed ones, or, where too few of them hold light, quantiles of distance."""
    distance = np.concatenate(distances)
    if not distance.size:
        raise InputError("compare-corsika", "FILE", "no photons", "files with photons")
    last = max(2000.0, 1.001 * distance.max())
    edges = np.array([*EDGES_M, last], dtype=np.float64)
    enough = 2.0 * MIN_BUNCHES
    if np.count_nonzero(np.histogram(distance, edges)[0] > enough) >= LEAST_BINS:
        return edges
    n_bins = int(np.clip(distance.size / enough, 1, MOST_BINS))
    inner = np.unique(np.quantile(distance, np.arange(1, n_bins) / n_bins))
    return np.concatenate([[0.0], inner, [last]])


def _flat(shower: CorsikaShower, n_telescopes):
    """All bunches of a shower, and their spheres."""
    parts, owners = [empty_photons(0)], [np.empty(0, dtype=np.int64)]
    for reuse, telescopes in enumerate(shower.photons):
        for telescope, rows in telescopes.items():
            parts.append(rows)
            owners.append(np.full(len(rows), reuse * n_telescopes + telescope))
    return np.concatenate(parts), np.concatenate(owners)


def _number_of_ours(energies_tev, per_primary):
    extra = min(LEAST_SHOWERS_OF_FILE / len(energies_tev), MOST_EXTRA_TEV / sum(energies_tev))
    return max(per_primary, math.ceil(extra))


def _simulate(path, edges, energies_tev, streams, per_primary, say):
    """Sums of a file's showers and of ours, and what the file is."""
    run, showers = read_corsika(path)
    table = make_table(run_profile(run), run.observation_level_m)
    n_bins = len(edges) - 1
    n_ours, n_showers = _number_of_ours(energies_tev, per_primary), len(energies_tev)
    sample = Sample([], [], np.zeros(n_bins))
    primaries = []
    for index, shower in enumerate(showers):
        geometry = make_geometry(shower.direction, run.telescopes_m, shower.cores_m)
        sums = sum_photons(*_flat(shower, len(run.telescopes_m)), geometry, edges)
        sample.theirs.append(sums)
        sample.area_m2[:] += ring_areas_m2(geometry, edges)
        part = min(1.0, MOST_PHOTONS / max(sums[:, LIGHT].sum(), 1.0))
        ours = np.zeros((n_ours, n_bins, N_SUMS), dtype=np.float32)
        showers_of_ours = our_showers(run, shower, table, streams, n_ours, part)
        for m, collected in enumerate(showers_of_ours):
            owners = np.repeat(np.arange(geometry.radius_m.size), np.diff(collected.offsets))
            ours[m] = sum_photons(collected.photons, owners, geometry, edges) / part
        # Squared weights of photons that stand for 1 / part of them.
        ours[..., LIGHT_2] /= part
        sample.ours.append(ours)
        primaries.append(_primary_facts(shower, sums, ours))
        say(f"{Path(path).name}: shower {index + 1} of {n_showers}, {n_ours} of ours")
    facts = {**_run_facts(run, table), "showers_per_primary": n_ours, "primaries": primaries}
    return sample, facts


def _primary_facts(shower, theirs, ours):
    light = ours[..., LIGHT].sum(axis=1)
    return {
        "event_number": shower.event_number,
        "particle_id": shower.particle_id,
        "energy_tev": shower.energy_tev,
        "altitude_deg": shower.altitude_deg,
        "azimuth_deg": shower.azimuth_deg,
        "first_interaction_m": shower.first_interaction_m,
        "cores": len(shower.cores_m),
        "theirs_photons": float(theirs[:, LIGHT].sum()),
        "theirs_bunch_noise_photons": float(math.sqrt(theirs[:, LIGHT_2].sum())),
        "ours_photons": float(light.mean()),
        "ours_spread_photons": float(light.std(ddof=1)),
    }


def _run_facts(run: CorsikaRun, table: AtmosphereTable):
    return {
        "run": run.run_number,
        "corsika_version": run.version,
        "observation_level_m": run.observation_level_m,
        "wavelength_min_nm": run.wavelength_min_nm,
        "wavelength_max_nm": run.wavelength_max_nm,
        "bunch_size": run.bunch_size,
        "magnetic_field_ut": list(run.magnetic_ut),
        "atmosphere": run_profile(run).name,
        "atmosphere_top_m": table.top_m,
        "refraction": run.refraction,
        "fixed_first_interaction_m": run.fixed_height_m,
        "thinned": run.thinned,
        "cuts_gev": list(run.cuts_gev),
        "telescopes": run.telescopes_m.tolist(),
    }


def _verdict(result):
    """Whether a comparison holds: total light, shape, and enough bins to say so."""
    # The probability of so many sigma, from pseudo-experiments: few showers are not normal.
    light = bool(result["total_light"]["p_value"] > math.erfc(MOST_SIGMA / math.sqrt(2.0)))
    p_value = result["p_value"]
    shape = p_value is not None and bool(p_value > LEAST_P_VALUE)
    enough = bool(result["n_qualifying_bins"] >= LEAST_BINS)
    return {
        "total_light_passed": light,
        "chi_square_passed": shape,
        "enough_bins": enough,
        "passed": light and shape and enough,
    }


def table_lines(result: dict) -> list[str]:
    """The comparison as text.

    Parameters
    ----------
    result : dict
        Of `compare_files`.

    Returns
    -------
    list of str
        Lines.
    """
    lines = []
    blocks = [(Path(block["file"]).name, block) for block in result["files"]]
    if len(blocks) > 1:
        blocks.append(("all files", result["combined"]))
    for name, block in blocks:
        total = block["total_light"]
        lines += [
            f"{name}: ours / theirs = {total['ratio']:.3f} +- {total['ratio_error']:.3f} "
            f"({total['deviation_sigma']:+.1f} sigma, p {total['p_value']:.3f})",
            f"{'distance / m':>14} {'theirs / m2':>12} {'ours / m2':>12} {'ours/theirs':>18} "
            f"{'angle / deg':>16} {'delay width / ns':>16}",
        ]
        lines += [_bin_line(row) for row in block["bins"] if row["theirs_photons"] > 0.0]
        lines += [f"  {_shape_text(block)}; {_verdict_text(block)}", ""]
    return lines


def _bin_line(row):
    distance = f"{row['core_distance_min_m']:.0f}-{row['core_distance_max_m']:.0f}"
    angle, delay = row["outward_median_deg"], row["delay_spread_ns"]
    return (
        f"{distance:>14} {row['theirs_per_m2']:12.4g} {row['ours_per_m2']:12.4g} "
        f"{row['ratio']:9.3f} +- {row['ratio_error']:5.3f} "
        f"{angle['theirs']:7.3f} {angle['ours']:8.3f} {delay['theirs']:7.2f} {delay['ours']:8.2f}"
        f"{'' if row['qualifies'] else '  too little light'}"
    )


def _shape_text(block):
    if block["p_value"] is None:
        return f"no bin of {block['min_bunches']:g} bunches"
    return (
        f"chi2 {block['chi_square']:.1f} in {block['ndf']} bins of at least "
        f"{block['min_bunches']:g} bunches, p {block['p_value']:.3f}"
    )


def _verdict_text(block):
    if not block["total_light_passed"]:
        return "DISAGREES: total light"
    if block["p_value"] is not None and not block["chi_square_passed"]:
        return "DISAGREES: core distances"
    return "agrees" if block["enough_bins"] else f"agrees, in fewer than {LEAST_BINS} bins"
