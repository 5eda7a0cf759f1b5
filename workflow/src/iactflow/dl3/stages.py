"""What the rules of the DL3 stage call: mock runs and their indices."""

from __future__ import annotations

from pathlib import Path

from iactflow.campaign.mock_runs import mock_run_file, run_conditions
from iactflow.dl3.mock import sample_observation
from iactflow.dl3.mock_cards import injected_cards
from iactflow.dl3.mock_simulations import Simulations
from iactflow.dl3.run_responses import run_responses
from iactflow.io.gadf_write import write_indices, write_observation

__all__ = ["index_dl3", "simulate_dl3"]

#: Largest angle between a run and the node of its responses where no block says it, deg.
NODE_POINTING_DEG = 1.0


def simulate_dl3(inputs, outputs, params, wildcards) -> None:
    """Draw a chunk of mock runs.

    Parameters
    ----------
    inputs : namespace
        ``responses``: GADF files of responses, or none; with ``mock.simulations`` also ``events``,
        folders of DL2 events, and ``cuts``, a JSON file, or none.
    outputs : namespace
        ``dl3``: folder to make; one file a run.
    params : namespace
        ``settings``: block ``mock`` of the campaign; ``seed``: seed of the campaign; ``obs_ids``:
        the runs of this chunk; ``samples``: ``{"signal": {name: [folders]}, "background": ...}``;
        ``cuts``: block of the campaign's cuts, where there is no file; ``estimators``: ``energy``
        and ``direction``, as of `iactflow.response.samples.read_sample`.
    wildcards : namespace
        Not used: no run depends on its chunk.

    Raises
    ------
    InputError
        If the settings contradict each other, or nothing was simulated for them.
    """
    folder = Path(outputs.dl3)
    folder.mkdir(parents=True, exist_ok=True)
    settings, seed = params.settings, params.seed
    files = getattr(inputs, "responses", None) or []
    files = [files] if isinstance(files, str | Path) else files
    if settings["simulations"] is None:
        for obs_id in params.obs_ids:
            conditions = run_conditions(settings, obs_id)
            tables = run_responses(files, conditions, NODE_POINTING_DEG)
            observation = sample_observation(settings, seed, obs_id, tables)
            cards = injected_cards(settings, seed, obs_id)
            write_observation(observation, folder / mock_run_file(obs_id), cards)
        return
    simulations = Simulations(settings, inputs, params)
    for obs_id in params.obs_ids:
        observation, cards, columns = simulations.draw(obs_id, files)
        write_observation(observation, folder / mock_run_file(obs_id), cards, columns)


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
