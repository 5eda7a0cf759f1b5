"""The rules that make sky maps."""

from __future__ import annotations

import logging
from pathlib import Path

from iactflow.campaign.json_product import write_json
from iactflow.dl3.files import run_files
from iactflow.errors import InputError
from iactflow.io.gadf import read_observation
from iactflow.science.map_files import read_sums, write_sky_map, write_sums
from iactflow.science.map_products import make_products, summarise
from iactflow.science.maps import HDUS, MapDefinition, MapFiller, MapSums

__all__ = ["fill_sky_map", "make_sky_map"]

LOG = logging.getLogger(__name__)


def fill_sky_map(inputs, outputs, params, wildcards) -> None:
    """Fill the additive maps of a chunk of runs in one energy band.

    Parameters
    ----------
    inputs : namespace
        ``dl3``: DL3 files, or folders that hold them; ``observations``: run list of the target.
    outputs : namespace
        ``maps``: FITS file of the sums.
    params : namespace
        ``settings``: the target; ``obs_ids``: runs of the chunk.
    wildcards : namespace
        ``band``: energy band ``min-max``, TeV.

    Raises
    ------
    InputError
        When a run is missing or unreadable, or the target has no such band.
    """
    definition = MapDefinition.from_target(params.settings, wildcards.band)
    filler = MapFiller(definition)
    for path in run_files(inputs.dl3, inputs.observations, params.obs_ids):
        filler.add(read_observation(path, hdus=HDUS))
    for run in filler.sums.runs:
        if run["status"] != "used":
            LOG.warning("run %d is left out: %s", run["obs_id"], run["status"])
    write_sums(outputs.maps, definition, filler.sums)


def make_sky_map(inputs, outputs, params, wildcards) -> None:
    """Add the chunks up and make the sky map of one energy band.

    Parameters
    ----------
    inputs : namespace
        ``chunks``: FITS files of the sums.
    outputs : namespace
        ``maps``: FITS file of the map; ``summary``: JSON file of its headline numbers by band.
    params : namespace
        ``settings``: the target.
    wildcards : namespace
        ``band``: energy band ``min-max``, TeV.

    Raises
    ------
    InputError
        When a chunk is unreadable or belongs to another map, or a run stands in two chunks.
    """
    definition = MapDefinition.from_target(params.settings, wildcards.band)
    sums = MapSums.empty(definition.geometry.n_pixels)
    chunks = [inputs.chunks] if isinstance(inputs.chunks, (str, Path)) else inputs.chunks
    seen = set()
    for path in chunks:
        chunk = read_sums(path, definition)
        doubles = seen & {run["obs_id"] for run in chunk.runs}
        if doubles:
            raise InputError(path, "RUNS: OBS_ID", min(doubles), "each run in one chunk only")
        seen |= {run["obs_id"] for run in chunk.runs}
        sums.add(chunk)
    sky_map = make_products(definition, sums)
    write_sky_map(outputs.maps, sky_map)
    write_json(outputs.summary, {definition.band: summarise(sky_map)})
