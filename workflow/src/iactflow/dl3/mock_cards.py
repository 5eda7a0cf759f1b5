"""Keywords of mock runs: what was injected, and what the events were drawn from."""

from __future__ import annotations

import numpy as np

from iactflow.campaign.mock_runs import run_conditions, sources_of
from iactflow.campaign.mock_truth import factor_mean
from iactflow.dl3.from_simulations import Drawn
from iactflow.errors import InputError
from iactflow.io.root import read_table

__all__ = ["HESS", "array_cards", "drawn_cards", "injected_cards"]

#: Array of the published parametrisations. Site: header of the public release, arXiv:1810.04516.
HESS = {
    "TELESCOP": "HESS",
    "INSTRUME": ("H.E.S.S. Phase I", "parametrised"),
    "ORIGIN": "iactflow mock data",
    "N_TELS": 4,
    "TELLIST": "1,2,3,4",
    "GEOLON": 16.5002222222222,
    "GEOLAT": -23.2717777777778,
    "ALTITUDE": 1835.0,
}


def injected_cards(settings: dict, seed: int, obs_id: int, array: dict | None = None) -> dict:
    """Keywords of a run: the array, the pointing, what was injected.

    Of one source they begin with ``MC_``, of several with ``MC1``, ``MC2`` and so on.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign.
    seed : int
        Seed of the campaign.
    obs_id : int
        Number of the run, from 1.
    array : dict, optional
        Keywords of the array; default: `HESS`.

    Returns
    -------
    dict
        Keywords for `iactflow.io.gadf_write.write_observation`.
    """
    sources = sources_of(settings)
    position = sources[0]["position"]
    cards = {
        "OBJECT": "mock source",
        "RA_OBJ": (position["ra_deg"], "[deg]"),
        "DEC_OBJ": (position["dec_deg"], "[deg]"),
        **(array or HESS),
        "MC_SEED": (seed, "seed of the campaign"),
    }
    azimuth_deg = run_conditions(settings, obs_id)["azimuth_deg"]
    if azimuth_deg:
        cards["AZ_PNT"] = (azimuth_deg, "[deg]")
    for number, source in enumerate(sources, start=1):
        prefix = f"MC{number}" if settings["sources"] else "MC_"
        cards |= _source_cards(settings, source, obs_id, prefix)
    return cards


def _source_cards(settings, source, obs_id, prefix):
    factor = factor_mean(settings, source, [obs_id])
    cards = {
        "MODEL": (source["model"], "injected spectrum"),
        "AMPL": (source["amplitude"], f"[cm-2 s-1 TeV-1] at {prefix}EREF"),
        "EREF": (source["reference_tev"], "[TeV]"),
        "INDEX": source["index"],
        "BETA": (source["curvature"], "curvature of lp"),
        "FLARE": (factor, "mean flare factor of this run"),
    }
    if source["energy_cutoff_tev"] is not None:
        cards["ECUT"] = (source["energy_cutoff_tev"], "[TeV] cut-off of ecpl")
    if settings["sources"]:
        position = source["position"]
        cards["NAME"] = source["name"]
        cards |= {"RA": (position["ra_deg"], "[deg]"), "DEC": (position["dec_deg"], "[deg]")}
    extension, periodic = source["extension"], source["periodic"]
    if extension is not None:
        cards["SHAPE"] = (extension["shape"], "shape on the sky")
        lengths = {"SIGMA": "sigma_deg", "RADIU": "radius_deg", "WIDTH": "width_deg"}
        cards |= {k: (extension[v], "[deg]") for k, v in lengths.items() if extension[v]}
    if periodic is not None:
        cards["PERIO"] = (periodic["period_s"], "[s]")
        cards["PHASE"] = (periodic["phase"], "of the maximum")
        cards["FRACT"] = (periodic["fraction"], "amplitude over mean flux")
    return {prefix + key: card for key, card in cards.items()}


def drawn_cards(signal: list[Drawn], background: Drawn | None) -> dict:
    """Keywords that say how many simulated events and showers a run rests on.

    Parameters
    ----------
    signal : list of Drawn
        Of every source.
    background : Drawn or None
        Background; None: from the background model of the responses.

    Returns
    -------
    dict
        Keywords: events in the run, distinct simulated events and showers among them, the largest
        number of copies of one, simulated events of equal weight that would vary as much.
    """
    cards = {
        "MC_FROM": ("simulations", "gamma rays: one by one"),
        "MC_BKG": ("BKG_3D" if background is None else "simulations", "origin of the background"),
        **_reuse_cards("S", signal),
    }
    return cards if background is None else {**cards, **_reuse_cards("B", [background])}


def _reuse_cards(kind, drawn):
    keys = [
        list(zip(*(d.identity[name].tolist() for name in names), strict=True))
        for names in (("MC_RUN", "MC_EVENT"), ("MC_RUN", "MC_SHOWER"))
        for d in drawn
    ]
    events = [key for part in keys[: len(drawn)] for key in part]
    showers = [key for part in keys[len(drawn) :] for key in part]
    copies: dict = {}
    for key in events:
        copies[key] = copies.get(key, 0) + 1
    expected = sum(d.n_expected for d in drawn)
    squares = sum(d.sum_squares for d in drawn)
    return {
        f"MC_N{kind}": (len(events), "events drawn"),
        f"MC_N{kind}SIM": (sum(d.n_available for d in drawn), "simulated events drawn from"),
        f"MC_N{kind}DIS": (len(copies), "distinct simulated events drawn"),
        f"MC_N{kind}SHW": (len(set(showers)), "distinct showers drawn"),
        f"MC_N{kind}MAX": (max(copies.values(), default=0), "most copies of one event"),
        f"MC_N{kind}EFF": (
            round(expected**2 / squares, 3) if squares > 0.0 else 0.0,
            "simulated events of equal weight",
        ),
    }


def array_cards(file, origin: str) -> dict:
    """Keywords of the array that reconstructed events are of.

    Parameters
    ----------
    file : str or Path
        ROOT file of reconstructed events.
    origin : str
        Keyword ORIGIN.

    Returns
    -------
    dict
        Keywords of the EVENTS header.

    Raises
    ------
    InputError
        If the file does not know where its array stands.
    """
    array = read_table(file, "array")
    telescopes = np.sort(np.asarray(read_table(file, "array_telescopes", ("tel_id",))["tel_id"]))
    site = {"GEOLON": "longitude_deg", "GEOLAT": "latitude_deg", "ALTITUDE": "height_m"}
    found = {key: float(array[name][0]) for key, name in site.items()}
    for key, value in found.items():
        if not np.isfinite(value):
            raise InputError(file, f"array.{site[key]}", value, "the place of the array")
    return {
        "TELESCOP": str(array["array_name"][0]),
        "INSTRUME": str(array["array_name"][0]),
        "ORIGIN": origin,
        "N_TELS": len(telescopes),
        "TELLIST": ",".join(str(i) for i in telescopes.tolist()),
        **found,
    }
