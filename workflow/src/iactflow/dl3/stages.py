"""What the rules of the DL3 stage call: mock runs and their indices."""

from __future__ import annotations

from pathlib import Path

from iactflow.campaign.mock_runs import mock_run_file
from iactflow.dl3.mock import flare_factor_mean, sample_observation
from iactflow.io.gadf_write import write_indices, write_observation

__all__ = ["index_dl3", "simulate_dl3"]

# Site of H.E.S.S.: header of the public release, arXiv:1810.04516.
SITE = {"GEOLON": 16.5002222222222, "GEOLAT": -23.2717777777778, "ALTITUDE": 1835.0}


def simulate_dl3(inputs, outputs, params, wildcards) -> None:
    """Sample a chunk of mock runs.

    Parameters
    ----------
    inputs : namespace
        Nothing is read.
    outputs : namespace
        ``dl3``: folder to make; one file a run.
    params : namespace
        ``settings``: block ``mock`` of the campaign; ``seed``: seed of the campaign; ``obs_ids``:
        the runs of this chunk.
    wildcards : namespace
        Not used: no run depends on its chunk.

    Raises
    ------
    InputError
        If the settings contradict each other.
    """
    folder = Path(outputs.dl3)
    folder.mkdir(parents=True, exist_ok=True)
    for obs_id in params.obs_ids:
        observation = sample_observation(params.settings, params.seed, obs_id)
        cards = _cards(params.settings, params.seed, obs_id)
        write_observation(observation, folder / mock_run_file(obs_id), cards)


def index_dl3(inputs, outputs, params, wildcards) -> None:
    """Write the observation index and the HDU index of the mock runs.

    Parameters
    ----------
    inputs : namespace
        ``chunks``: folders of the chunks, side by side in the folder that the indices belong to.
    outputs : namespace
        ``obs_index`` and ``hdu_index``.
    params, wildcards : namespace
        Not used.

    Raises
    ------
    InputError
        If a file cannot be read or a run comes twice.
    """
    files = [file for chunk in inputs.chunks for file in sorted(Path(chunk).glob("run_*.fits.gz"))]
    write_indices(Path(inputs.chunks[0]).parent, files, outputs.obs_index, outputs.hdu_index)


def _cards(settings, seed, obs_id):
    """Keywords that say what was injected."""
    source = settings["source"]
    cards = {
        "OBJECT": "mock source",
        "RA_OBJ": (source["position"]["ra_deg"], "[deg]"),
        "DEC_OBJ": (source["position"]["dec_deg"], "[deg]"),
        "TELESCOP": "HESS",
        "INSTRUME": ("H.E.S.S. Phase I", "parametrised"),
        "ORIGIN": "iactflow mock data",
        "N_TELS": 4,
        "TELLIST": "1,2,3,4",
        **SITE,
        "MC_SEED": (seed, "seed of the campaign"),
        "MC_MODEL": (source["model"], "injected spectrum"),
        "MC_AMPL": (source["amplitude"], "[cm-2 s-1 TeV-1] at MC_EREF"),
        "MC_EREF": (source["reference_tev"], "[TeV]"),
        "MC_INDEX": source["index"],
        "MC_BETA": (source["curvature"], "curvature of lp"),
        "MC_FLARE": (flare_factor_mean(settings, [obs_id]), "mean flare factor of this run"),
    }
    if source["energy_cutoff_tev"] is not None:
        cards["MC_ECUT"] = (source["energy_cutoff_tev"], "[TeV] cut-off of ecpl")
    return cards
