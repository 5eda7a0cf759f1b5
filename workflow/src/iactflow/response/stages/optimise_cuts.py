"""Cuts of a campaign: those that it gives, or those chosen on simulations."""

from __future__ import annotations

import logging

from iactflow.campaign.json_product import write_json
from iactflow.response.optimise import choose_cuts
from iactflow.response.samples import read_sample
from iactflow.response.selection import cuts_from_settings
from iactflow.response.spectra import find_spectrum

__all__ = ["optimise_cuts"]

LOGGER = logging.getLogger("iactflow")
#: Part of the showers that cuts are chosen on.
SPLIT = "test_cuts"


def _samples(paths, numbers, settings) -> list:
    """Samples of a named input: their folders stand one after the other."""
    paths, found, first = [paths] if isinstance(paths, str) else list(paths), [], 0
    for number in numbers:
        folders = paths[first : first + number]
        found.append(read_sample(folders, SPLIT, settings["energy"], settings["direction"]))
        first += number
    return found


def optimise_cuts(inputs, outputs, params, wildcards) -> None:
    """Write the cuts that responses and DL3 events are made with.

    Parameters
    ----------
    inputs : namespace
        ``signal``, ``background``: folders of DL2 events, sample after sample; empty for cuts that
        the campaign gives.
    outputs : namespace
        ``cuts``: JSON: ``name``; ``bands``, of each its limits, its cuts, and where they were
        chosen what they leave; ``chosen_on``: source and part of the showers, or nothing.
    params : namespace
        ``settings``: block ``cuts`` of the campaign, with ``energy`` and ``direction`` as of
        `iactflow.response.samples.read_sample`, and ``n_signal``, ``n_background``, the number of
        folders of every sample.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If a file is broken, or a band has no simulations.
    """
    settings = params.settings
    wanted = settings["optimise"]
    if wanted is None:
        write_json(outputs.cuts, {**cuts_from_settings(settings).as_dict(), "chosen_on": None})
        return
    signal = _samples(inputs.signal, settings["n_signal"].values(), settings)
    background = _samples(inputs.background, settings["n_background"].values(), settings)
    spectra = [wanted["background"][name] for name in settings["n_background"]]
    cuts, numbers = choose_cuts(signal, list(zip(background, spectra, strict=True)), settings)
    content = cuts.as_dict()
    for band, left in zip(content["bands"], numbers, strict=True):
        band.update(left)
        LOGGER.info("cuts: %s", band)
    source = find_spectrum(wanted["source"])
    content["chosen_on"] = {
        "split": SPLIT,
        "source": source.name,
        "source_reference": source.source,
        "source_fraction": wanted["source_fraction"],
        "time_h": wanted["time_h"],
        "alpha": wanted["alpha"],
        "signal": list(settings["n_signal"]),
        "background": dict(zip(settings["n_background"], spectra, strict=True)),
        "energy": settings["energy"],
        "direction": settings["direction"],
    }
    write_json(outputs.cuts, content)
