"""Events drawn from tabulated responses.

The events are Poisson draws from the very tables that go into the files, read the way analyses
read them: linear in the logarithm of energy and in offset. A fit of the files with their own
responses must therefore recover the injected source.
"""

from __future__ import annotations

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.mock_runs import run_span_s, sources_of, wobble_pointing_deg
from iactflow.campaign.mock_truth import factor_integral_s, flux_per_cm2_s_tev
from iactflow.dl3.sky_model import (
    draw_directions_deg,
    draw_distance_deg,
    draw_times_s,
    source_radius_deg,
)
from iactflow.errors import InputError

__all__ = ["sample_background", "sample_source"]

_N_ENERGIES = 4000


def sample_source(settings: dict, source: dict, obs_id: int, tables, random):
    """Draw the reconstructed photons of a source in one run.

    An extended source is drawn as if the effective area were that of the best offset at each
    energy; a photon whose own offset has less is kept with the ratio of the two.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    source : dict
        One of its sources.
    obs_id : int
        Number of the run, from 1.
    tables : Responses
        Responses that the photons are drawn from.
    random : numpy.random.Generator
        Random stream.

    Returns
    -------
    tuple of ndarray, each of shape (n,)
        Time since the start of the run (s), right ascension, declination (deg) and reconstructed
        energy (TeV).

    Raises
    ------
    InputError
        If a source lies outside the responses, or these do not know where photons that they have
        an effective area for are reconstructed.
    """
    offset_deg = _source_offset_deg(settings, source, obs_id, tables.aeff)
    extension = source["extension"]
    log_energy, cumulative = _cumulative_rate(
        tables.aeff, source, offset_deg if extension is None else None
    )
    start_s, stop_s = run_span_s(settings, obs_id)
    weighted_s = float(np.diff(factor_integral_s(source, np.array([start_s, stop_s])))[0])
    n = random.poisson(cumulative[-1] * weighted_s * (1.0 - settings["dead_time_fraction"]))
    true_tev = np.exp(np.interp(random.uniform(0.0, cumulative[-1], n), cumulative, log_energy))
    time_s = draw_times_s(source, start_s, stop_s, n, random)
    position = source["position"]
    ra_deg, dec_deg, offsets_deg = position["ra_deg"], position["dec_deg"], np.full(n, offset_deg)
    if extension is not None:
        distance_deg = draw_distance_deg(extension, n, random)
        ra_deg, dec_deg = draw_directions_deg(distance_deg, ra_deg, dec_deg, random)
        offsets_deg = separation_deg(ra_deg, dec_deg, *wobble_pointing_deg(settings, obs_id))
        seen = random.uniform(size=n) < _relative_area(tables.aeff, true_tev, offsets_deg)
        true_tev, time_s, offsets_deg = true_tev[seen], time_s[seen], offsets_deg[seen]
        ra_deg, dec_deg = ra_deg[seen], dec_deg[seen]
    energy_tev = true_tev * _draw_migra(tables.edisp, true_tev, offsets_deg, random)
    rad_deg = _draw_rad_deg(tables.psf, true_tev, offsets_deg, random)
    return time_s, *draw_directions_deg(rad_deg, ra_deg, dec_deg, random), energy_tev


def sample_background(bkg, livetime_s: float, random):
    """Draw background events: Poisson in every bin, uniform inside it.

    Parameters
    ----------
    bkg : Background3D
        Background rate, aligned with right ascension and declination.
    livetime_s : float
        Live time, s.
    random : numpy.random.Generator
        Random stream.

    Returns
    -------
    tuple of ndarray, each of shape (n,)
        Field-of-view longitude and latitude (deg), reconstructed energy (TeV).
    """
    sin_y = np.sin(np.deg2rad(bkg.y_edges_deg))
    solid_angle_sr = np.diff(sin_y)[:, np.newaxis] * np.deg2rad(np.diff(bkg.x_edges_deg))
    width_mev = 1e6 * np.diff(bkg.energy_edges_tev)
    expected = bkg.rate_per_s_mev_sr * solid_angle_sr * width_mev[:, None, None] * livetime_s
    cells = np.repeat(np.arange(expected.size), random.poisson(expected).ravel())
    energy, y, x = np.unravel_index(cells, expected.shape)
    uniform = random.uniform(size=(3, len(cells)))
    x_deg = _inside(bkg.x_edges_deg, x, uniform[0])
    y_deg = np.rad2deg(np.arcsin(_inside(sin_y, y, uniform[1])))
    return x_deg, y_deg, _inside(bkg.energy_edges_tev, energy, uniform[2])


def _source_offset_deg(settings, source, obs_id, aeff):
    """Offset of a source, which must lie inside the responses; of an extended one all of it."""
    position = source["position"]
    pointing = wobble_pointing_deg(settings, obs_id)
    offset_deg = float(separation_deg(position["ra_deg"], position["dec_deg"], *pointing))
    if settings["wobble_centre"] is None and position == sources_of(settings)[0]["position"]:
        # The separation that went in, not what is left of its digits.
        offset_deg = settings["wobble_offset_deg"]
    largest = float(aeff.offset_nodes_deg[-1])
    reach_deg = offset_deg + source_radius_deg(source["extension"])
    if reach_deg > largest:
        raise InputError(
            "campaign",
            "mock.wobble_offset_deg",
            settings["wobble_offset_deg"],
            f"sources at most {largest:g} deg from the pointing; "
            f"{source['name']} reaches {reach_deg:.3g} deg",
        )
    return offset_deg


def _cumulative_rate(aeff, source, offset_deg):
    """Logarithms of true energies, and the rate of detected photons below each (s-1).

    Without an offset, with the area of the best one at each energy.
    """
    log_centre = _log_centres(aeff)
    if offset_deg is None:
        row_m2 = aeff.area_m2.max(axis=0)
    else:
        low, weight = _neighbours(aeff.offset_nodes_deg, np.array([offset_deg]))
        row_m2 = (1.0 - weight) * aeff.area_m2[low[0]] + weight * aeff.area_m2[low[0] + 1]
    log_energy = np.linspace(log_centre[0], log_centre[-1], _N_ENERGIES)
    area_cm2 = 1e4 * np.interp(log_energy, log_centre, row_m2)
    energy_tev = np.exp(log_energy)
    per_log_energy = flux_per_cm2_s_tev(source, energy_tev) * area_cm2 * energy_tev
    steps = 0.5 * (per_log_energy[1:] + per_log_energy[:-1]) * np.diff(log_energy)
    return log_energy, np.append(0.0, np.cumsum(steps))


def _relative_area(aeff, true_tev, offsets_deg):
    """Area at the energies and offsets of photons over that of the best offset."""
    log_centre, log_true = _log_centres(aeff), np.log(true_tev)
    row, across = _neighbours(aeff.offset_nodes_deg, offsets_deg)
    column, along = _neighbours(log_centre, log_true)
    sides = [
        (1.0 - along) * aeff.area_m2[row + side, column]
        + along * aeff.area_m2[row + side, column + 1]
        for side in (0, 1)
    ]
    return ((1.0 - across) * sides[0] + across * sides[1]) / np.interp(
        log_true, log_centre, aeff.area_m2.max(axis=0)
    )


def _draw_migra(edisp, true_tev, offsets_deg, random):
    probability = edisp.matrix * np.diff(edisp.migra_edges)[:, np.newaxis]
    probability = np.moveaxis(probability, 1, -1)
    columns = _draw_columns(edisp, probability, true_tev, offsets_deg, random)
    return _draw_inside(probability, columns, edisp.migra_edges, random)


def _draw_rad_deg(psf, true_tev, offsets_deg, random):
    cos_rad = np.cos(np.deg2rad(psf.rad_edges_deg))
    probability = psf.value_per_sr * -np.diff(cos_rad)[:, np.newaxis, np.newaxis]
    probability = np.moveaxis(probability, 0, -1)
    columns = _draw_columns(psf, probability, true_tev, offsets_deg, random)
    # Uniform in solid angle inside a bin.
    one_minus_cos = _draw_inside(probability, columns, 1.0 - cos_rad, random)
    return np.rad2deg(2.0 * np.arcsin(np.sqrt(0.5 * one_minus_cos)))


def _draw_columns(table, probability, true_tev, offsets_deg, random):
    """Offset and energy nodes of the table that each photon takes its distribution from.

    A neighbour is drawn with its weight in a linear interpolation: a mixture of two distributions
    with these weights is the interpolated distribution. One that is empty, as nothing was detected
    there, leaves its weight to the others.
    """
    axes = ((table.offset_nodes_deg, offsets_deg), (_log_centres(table), np.log(true_tev)))
    columns, around = [], []
    for nodes, values in axes:
        low, weight = _neighbours(nodes, values)
        columns.append(low + (random.uniform(size=len(values)) < weight))
        around.append((low, weight))
    filled = probability.sum(axis=-1) > 0.0
    empty = np.flatnonzero(~filled[tuple(columns)])
    if len(empty):
        around = [(low[empty], weight[empty]) for low, weight in around]
        *others, share = _draw_filled(filled, *around, random)
        lost = empty[share <= 0.0]
        if len(lost):
            at = f"no distribution at {true_tev[lost[0]]:.3g} TeV, {offsets_deg[lost[0]]:.3g} deg"
            allowed = "one wherever there is effective area"
            raise InputError("responses", type(table).__name__, at, allowed)
        for column, other in zip(columns, others, strict=True):
            column[empty] = other
    return columns


def _draw_filled(filled, offset, energy, random):
    """Nodes around photons, of those that are filled, each with its weight; sum of the weights."""
    corners = np.array([(i, j) for i in (0, 1) for j in (0, 1)])
    share = [
        np.abs(1 - i - offset[1]) * np.abs(1 - j - energy[1]) * filled[offset[0] + i, energy[0] + j]
        for i, j in corners
    ]
    cumulative = np.cumsum(share, axis=0)
    level = random.uniform(size=len(offset[0])) * cumulative[-1]
    i, j = corners[np.argmax(cumulative > level, axis=0)].T
    return offset[0] + i, energy[0] + j, cumulative[-1]


def _draw_inside(probability, columns, edges, random):
    """Draw from tabulated distributions along the last axis, uniform inside a bin of ``edges``."""
    cumulative = np.cumsum(probability, axis=-1)
    total = cumulative[..., -1:]
    rows = (cumulative / np.where(total > 0.0, total, 1.0))[tuple(columns)]
    level, inside = random.uniform(size=(2, len(rows)))
    return _inside(edges, np.sum(rows < level[:, np.newaxis], axis=1), inside)


def _log_centres(table):
    edges = np.log(table.energy_edges_tev)
    return 0.5 * (edges[1:] + edges[:-1])


def _neighbours(nodes, values):
    """Index of the node below each value, and the weight of the one above."""
    low = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)
    return low, np.clip((values - nodes[low]) / (nodes[low + 1] - nodes[low]), 0.0, 1.0)


def _inside(edges, index, fraction):
    return edges[index] + fraction * (edges[index + 1] - edges[index])
