"""Mock runs: event lists drawn from tabulated responses, a source and its flare.

The events are Poisson draws from the very tables that go into the files, read the way analyses
read them: linear in the logarithm of energy and in offset. A fit of the files with their own
responses must therefore recover the injected source.
"""

from __future__ import annotations

import numpy as np
from astropy.time import Time

from iactflow.campaign.mock_runs import wobble_pointing_deg
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.io.observation import Observation
from iactflow.response.parametrised import responses

__all__ = [
    "TIME_REFERENCE_MJD",
    "flare_factor_mean",
    "flux_per_cm2_s_tev",
    "run_start_s",
    "sample_background",
    "sample_observation",
    "sample_source",
    "to_sky_deg",
]

STAGE = "dl3_mock"
TIME_REFERENCE_MJD = 51910.00074287037
"""2001-01-01T00:00:00 UTC as MJD in TT: the reference of H.E.S.S. event times."""

_N_ENERGIES = 4000


def sample_observation(settings: dict, seed: int, obs_id: int) -> Observation:
    """Draw one run from its own random stream.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    seed : int
        Seed of the campaign.
    obs_id : int
        Number of the run, from 1.

    Returns
    -------
    Observation
        Events sorted by time, one good time interval, responses; times in TT. It depends on the
        arguments alone, whatever runs are drawn beside it.

    Raises
    ------
    InputError
        If the source has no cut-off where its model needs one, or the wobble offset leaves the
        field of view.
    """
    random = StreamKey(campaign_seed=seed, stage=STAGE, run=obs_id).generator()
    tables = responses(settings["zenith_deg"])
    ra_pnt_deg, dec_pnt_deg = wobble_pointing_deg(settings, obs_id)
    start_s, ontime_s = run_start_s(settings, obs_id), settings["run_duration_s"]
    livetime_s = ontime_s * (1.0 - settings["dead_time_fraction"])
    source = sample_source(settings, obs_id, tables, random)
    x_deg, y_deg, energy_tev = sample_background(tables.bkg, livetime_s, random)
    ra_deg, dec_deg = to_sky_deg(x_deg, y_deg, ra_pnt_deg, dec_pnt_deg)
    time_s = random.uniform(0.0, ontime_s, len(energy_tev))
    background = (time_s, ra_deg, dec_deg, energy_tev)
    columns = [np.concatenate(pair) for pair in zip(source, background, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    time_s, ra_deg, dec_deg, energy_tev = (column[order] for column in columns)
    return Observation(
        obs_id=obs_id,
        ra_pnt_deg=ra_pnt_deg,
        dec_pnt_deg=dec_pnt_deg,
        zenith_deg=settings["zenith_deg"],
        livetime_s=livetime_s,
        ontime_s=ontime_s,
        time_ref_mjd=TIME_REFERENCE_MJD,
        time_system="TT",
        tstart_s=start_s,
        tstop_s=start_s + ontime_s,
        event_time_s=start_s + time_s,
        event_ra_deg=ra_deg,
        event_dec_deg=dec_deg,
        event_energy_tev=energy_tev,
        gti_start_s=np.array([start_s]),
        gti_stop_s=np.array([start_s + ontime_s]),
        aeff=tables.aeff,
        edisp=tables.edisp,
        psf=tables.psf,
        bkg=tables.bkg,
    )


def run_start_s(settings: dict, obs_id: int) -> float:
    """Start of a run.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int
        Number of the run, from 1.

    Returns
    -------
    float
        Seconds in TT since `TIME_REFERENCE_MJD`.
    """
    first = Time(settings["start"], scale="utc").tt
    days = (first.jd1 - 2400000.5 - int(TIME_REFERENCE_MJD)) + first.jd2
    # Whole microseconds: MJDREF carries no more in a double.
    first_s = round((days - TIME_REFERENCE_MJD % 1) * 86400.0, 6)
    return first_s + (obs_id - 1) * (settings["run_duration_s"] + settings["gap_s"])


def flux_per_cm2_s_tev(source: dict, energy_tev):
    """Spectrum of the source outside its flare.

    Parameters
    ----------
    source : dict
        Block ``mock.source`` of the campaign.
    energy_tev : ndarray of shape (n,)
        Energies, TeV.

    Returns
    -------
    ndarray of shape (n,)
        dN/dE, cm-2 s-1 TeV-1: ``amplitude (E/E0)^-index``; times ``exp(-E/E_cutoff)`` for ecpl;
        index + curvature ln(E/E0) in the exponent for lp.

    Raises
    ------
    InputError
        If ecpl is asked for without a cut-off.
    """
    ratio = np.asarray(energy_tev) / source["reference_tev"]
    index = source["index"]
    if source["model"] == "lp":
        index = index + source["curvature"] * np.log(ratio)
    flux = source["amplitude"] * ratio**-index
    if source["model"] == "ecpl":
        cutoff_tev = source["energy_cutoff_tev"]
        if cutoff_tev is None:
            raise InputError(
                "campaign", "mock.source.energy_cutoff_tev", None, "an energy in TeV, for ecpl"
            )
        flux = flux * np.exp(-np.asarray(energy_tev) / cutoff_tev)
    return flux


def flare_factor_mean(settings: dict, obs_ids) -> float:
    """Mean of the flare's factor over the time on source of some runs.

    The injected spectrum of these runs taken together is that of the campaign file times this
    number: what a fit of all of them must find.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_ids : sequence of int
        Numbers of the runs.

    Returns
    -------
    float
        Factor; one without a flare.
    """
    weighted = [_flare_profile(settings, i)[1][-1] for i in obs_ids]
    return float(np.mean(weighted) / settings["run_duration_s"])


def sample_source(settings: dict, obs_id: int, tables, random):
    """Draw the reconstructed photons of the source in one run.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    obs_id : int
        Number of the run.
    tables : Responses
        Responses of the run.
    random : numpy.random.Generator
        Random stream of the run.

    Returns
    -------
    tuple of ndarray, each of shape (n,)
        Time since the start of the run (s), right ascension, declination (deg) and reconstructed
        energy (TeV).

    Raises
    ------
    InputError
        If the wobble offset lies outside the responses.
    """
    offset_deg, source = settings["wobble_offset_deg"], settings["source"]
    largest = float(tables.aeff.offset_nodes_deg[-1])
    if offset_deg > largest:
        raise InputError(
            "campaign", "mock.wobble_offset_deg", offset_deg, f"at most {largest:g} deg"
        )
    log_energy, cumulative = _cumulative_rate(tables.aeff, source, offset_deg)
    knots_s, weighted_s = _flare_profile(settings, obs_id)
    live_s = weighted_s[-1] * (1.0 - settings["dead_time_fraction"])
    n = random.poisson(cumulative[-1] * live_s)
    true_tev = np.exp(np.interp(random.uniform(0.0, cumulative[-1], n), cumulative, log_energy))
    time_s = np.interp(random.uniform(0.0, weighted_s[-1], n), weighted_s, knots_s)
    energy_tev = true_tev * _draw_migra(tables.edisp, true_tev, offset_deg, random)
    rad_deg = _draw_rad_deg(tables.psf, true_tev, offset_deg, random)
    angle = random.uniform(0.0, 2.0 * np.pi, n)
    y_deg = np.rad2deg(np.arcsin(np.sin(np.deg2rad(rad_deg)) * np.sin(angle)))
    x_deg = np.rad2deg(
        np.arctan2(np.sin(np.deg2rad(rad_deg)) * np.cos(angle), np.cos(np.deg2rad(rad_deg)))
    )
    position = source["position"]
    return time_s, *to_sky_deg(x_deg, y_deg, position["ra_deg"], position["dec_deg"]), energy_tev


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


def to_sky_deg(x_deg, y_deg, ra_deg, dec_deg):
    """Directions on the sky from longitude and latitude about a centre, axes along RA and Dec.

    Parameters
    ----------
    x_deg, y_deg : ndarray of shape (n,)
        Longitude (towards increasing right ascension) and latitude about the centre, deg.
    ra_deg, dec_deg : float
        The centre, deg.

    Returns
    -------
    tuple of ndarray of shape (n,)
        Right ascension in [0, 360) and declination, deg.
    """
    x, y, dec = np.deg2rad(x_deg), np.deg2rad(y_deg), np.deg2rad(dec_deg)
    ahead, east, north = np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)
    out = np.cos(dec) * ahead - np.sin(dec) * north
    up = np.sin(dec) * ahead + np.cos(dec) * north
    longitude_deg = np.rad2deg(np.arctan2(east, out)) + ra_deg
    return longitude_deg % 360.0, np.rad2deg(np.arctan2(up, np.hypot(out, east)))


def _flare_profile(settings, obs_id):
    """Knots in time since the run's start, and the integral of the flare's factor up to each."""
    source, duration_s = settings["source"], settings["run_duration_s"]
    since_first_s = (obs_id - 1) * (duration_s + settings["gap_s"])
    begin_s = np.clip(source["flare_start_s"] - since_first_s, 0.0, duration_s)
    end_s = source["flare_start_s"] + source["flare_duration_s"] - since_first_s
    end_s = np.clip(end_s, 0.0, duration_s)
    knots_s = np.array([0.0, begin_s, end_s, duration_s])
    factors = np.array([1.0, source["flare_factor"], 1.0])
    return knots_s, np.append(0.0, np.cumsum(factors * np.diff(knots_s)))


def _cumulative_rate(aeff, source, offset_deg):
    """Logarithms of true energies, and the rate of detected photons below each (s-1)."""
    log_centre = _log_centres(aeff)
    low, weight = _neighbours(aeff.offset_nodes_deg, np.array([offset_deg]))
    row_m2 = (1.0 - weight) * aeff.area_m2[low[0]] + weight * aeff.area_m2[low[0] + 1]
    log_energy = np.linspace(log_centre[0], log_centre[-1], _N_ENERGIES)
    area_cm2 = 1e4 * np.interp(log_energy, log_centre, row_m2)
    energy_tev = np.exp(log_energy)
    per_log_energy = flux_per_cm2_s_tev(source, energy_tev) * area_cm2 * energy_tev
    steps = 0.5 * (per_log_energy[1:] + per_log_energy[:-1]) * np.diff(log_energy)
    return log_energy, np.append(0.0, np.cumsum(steps))


def _draw_migra(edisp, true_tev, offset_deg, random):
    probability = edisp.matrix * np.diff(edisp.migra_edges)[:, np.newaxis]
    columns = _draw_columns(edisp, true_tev, offset_deg, random)
    return _draw_inside(np.moveaxis(probability, 1, -1), columns, edisp.migra_edges, random)


def _draw_rad_deg(psf, true_tev, offset_deg, random):
    cos_rad = np.cos(np.deg2rad(psf.rad_edges_deg))
    probability = psf.value_per_sr * -np.diff(cos_rad)[:, np.newaxis, np.newaxis]
    columns = _draw_columns(psf, true_tev, offset_deg, random)
    # Uniform in solid angle inside a bin.
    one_minus_cos = _draw_inside(np.moveaxis(probability, 0, -1), columns, 1.0 - cos_rad, random)
    return np.rad2deg(2.0 * np.arcsin(np.sqrt(0.5 * one_minus_cos)))


def _draw_columns(table, true_tev, offset_deg, random):
    """Offset and energy nodes of the table that each photon takes its distribution from.

    A neighbour is drawn with its weight in a linear interpolation: a mixture of two distributions
    with these weights is the interpolated distribution.
    """
    offsets = np.full(len(true_tev), offset_deg)
    axes = ((table.offset_nodes_deg, offsets), (_log_centres(table), np.log(true_tev)))
    columns = []
    for nodes, values in axes:
        low, weight = _neighbours(nodes, values)
        columns.append(low + (random.uniform(size=len(values)) < weight))
    return columns


def _draw_inside(probability, columns, edges, random):
    """Draw from tabulated distributions along the last axis, uniform inside a bin of ``edges``."""
    cumulative = np.cumsum(probability, axis=-1)
    rows = (cumulative / cumulative[..., -1:])[columns[0], columns[1]]
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
