"""Mock runs from reconstructed simulations: samples at hand, and a run drawn from them."""

from __future__ import annotations

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.mock_runs import run_conditions, sources_of, wobble_pointing_deg
from iactflow.campaign.streams import StreamKey
from iactflow.dl3.from_simulations import Drawn, draw_background, draw_source, source_nodes
from iactflow.dl3.mock import assemble, background_columns
from iactflow.dl3.mock_cards import array_cards, drawn_cards, injected_cards
from iactflow.dl3.run_responses import run_responses
from iactflow.dl3.simulated_events import Limits, Sample, choose_events
from iactflow.io.observation import Observation
from iactflow.response.selection import cuts_from_settings, read_cuts

__all__ = ["Simulations"]

STAGE = "dl3_mock_events"
#: Marks background of the responses in the columns of simulated events.
NOT_SIMULATED = -1


class Simulations:
    """Simulated events of a campaign that its mock runs are drawn from.

    Parameters
    ----------
    settings : dict
        Block ``mock`` of the campaign, with ``simulations``.
    inputs : namespace
        ``cuts``: JSON file of the campaign's cuts, a list of one, or none.
    params : namespace
        ``samples``, ``seed``, ``cuts``, ``estimators`` of `iactflow.dl3.stages.simulate_dl3`.

    Raises
    ------
    InputError
        If a file is broken.
    """

    def __init__(self, settings: dict, inputs, params) -> None:
        self.settings, self.seed = settings, params.seed
        file = getattr(inputs, "cuts", None)
        file = file[0] if isinstance(file, list | tuple) and file else file
        cuts = read_cuts(file) if file else cuts_from_settings(params.cuts)
        self.samples = {
            kind: [
                Sample(name, paths, cuts, **params.estimators)
                for name, paths in params.samples[kind].items()
            ]
            for kind in ("signal", "background")
        }
        block = settings["simulations"]
        self.limits = Limits(block["pointing_max_difference_deg"], block["conditions_max_fraction"])
        self.array = array_cards(self.samples["signal"][0].files[0], "iactflow mock data")

    def draw(self, obs_id: int, files=()) -> tuple[Observation, dict, dict]:
        """Draw a run.

        Parameters
        ----------
        obs_id : int
            Number of the run, from 1.
        files : sequence of path, optional
            Responses of nodes.

        Returns
        -------
        observation : Observation
            The run.
        cards : dict
            Keywords of its EVENTS header.
        columns : dict of str to ndarray
            Further columns of its events.

        Raises
        ------
        InputError
            If nothing was simulated near the run's conditions or its source's offset.
        """
        settings, conditions = self.settings, run_conditions(self.settings, obs_id)
        tables = run_responses(files, conditions, self.limits.pointing_deg)
        gammas = choose_events(self.samples["signal"], conditions, self.limits)
        drawn = []
        for source in sources_of(settings):
            nodes = source_nodes(
                source,
                self._offset_deg(source, obs_id),
                gammas,
                settings["simulations"]["offset_max_difference_deg"],
            )
            random = self._random(f"signal {source['name']}", obs_id)
            drawn.append(draw_source(settings, source, obs_id, nodes, random))
        parts, extra = [d.columns for d in drawn], [d.identity for d in drawn]
        random = self._random("background", obs_id)
        background = self._background(conditions, obs_id, random)
        if background is None:
            parts.append(background_columns(settings, obs_id, tables, random))
            mark = np.full(len(parts[-1][0]), NOT_SIMULATED, dtype=np.int64)
            extra.append(dict.fromkeys(extra[0], mark))
        else:
            parts.append(background.columns)
            extra.append(background.identity)
        observation, columns = assemble(settings, obs_id, tables, parts, extra)
        cards = injected_cards(settings, self.seed, obs_id, self.array)
        return observation, {**cards, **drawn_cards(drawn, background)}, columns

    def _random(self, what: str, obs_id: int):
        return StreamKey(self.seed, STAGE, particle=what, run=obs_id).generator()

    def _offset_deg(self, source: dict, obs_id: int) -> float:
        position = source["position"]
        pointing = wobble_pointing_deg(self.settings, obs_id)
        return float(separation_deg(position["ra_deg"], position["dec_deg"], *pointing))

    def _background(self, conditions, obs_id, random) -> Drawn | None:
        """Background of simulations where these are enough, whatever the run."""
        chosen = choose_events(self.samples["background"], conditions, self.limits)
        n_events = sum(len(events) for events in chosen)
        if n_events < self.settings["simulations"]["background_events_min"]:
            return None
        return draw_background(self.settings, obs_id, chosen, random)
