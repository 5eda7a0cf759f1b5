"""What events on the sky are made with, whether drawn or reconstructed: responses and cuts."""

from __future__ import annotations

from pathlib import Path

from iactflow.campaign.cuts import ESTIMATORS
from iactflow.campaign.paths import Paths
from iactflow.campaign.reconstruction import Samples
from iactflow.errors import InputError

__all__ = ["EventPlan"]

#: Forms of the campaign's own responses that runs are written with, by key of their block.
WRITTEN = {"psf": "table", "background_table": "3d"}


class EventPlan:
    """Files that a rule of event lists reads, of the block of a subclass.

    Parameters
    ----------
    config : dict
        Validated campaign as plain values.
    paths : Paths
        Path patterns of the campaign.
    samples : Samples
        What the campaign reconstructs.
    file : str
        Campaign file, named in errors.
    own_responses : sequence of str, optional
        Responses that the campaign makes itself, a file per node.
    own_cuts : sequence of str, optional
        Cuts of the campaign, one file or none.
    """

    #: Name of the block.
    BLOCK = ""

    def __init__(
        self,
        config: dict,
        paths: Paths,
        samples: Samples,
        file: str,
        own_responses: list[str] | tuple = (),
        own_cuts: list[str] | tuple = (),
    ) -> None:
        self.block, self.paths, self.samples, self.file = config[self.BLOCK], paths, samples, file
        self.own_responses, self.own_cuts = list(own_responses), list(own_cuts)
        self.cuts_settings = config.get("cuts") or {}
        self.of_responses = config.get("responses") or {}

    @property
    def estimators(self) -> dict[str, str]:
        """Estimators of energy and direction of the events: those of the responses."""
        return {key: self.of_responses.get(key, value) for key, value in ESTIMATORS.items()}

    def _check_given(self) -> None:
        """Check that GADF files of the user's exist."""
        for path in self.block["responses"]:
            if not Path(path).is_file():
                raise InputError(
                    self.file, f"{self.BLOCK}.responses", path, "an existing GADF file"
                )

    def _check_own(self) -> None:
        """Check that the campaign's own responses can be those of runs, where none are given."""
        if self.block["responses"]:
            return
        if not self.own_responses:
            allowed = "responses of the campaign, or GADF files here"
            raise InputError(self.file, f"{self.BLOCK}.responses", [], allowed)
        runs = f"where {self.BLOCK}.responses names no files"
        types = list(self.of_responses.get("event_types", {}))
        if types:
            allowed = f"none, {runs}: runs hold events of all types"
            raise InputError(self.file, "responses.event_types", types, allowed)
        for key, wanted in WRITTEN.items():
            found = self.of_responses.get(key, wanted)
            if found != wanted:
                raise InputError(self.file, f"responses.{key}", found, f"{wanted}, {runs}")
        if self.of_responses and not any(self.of_responses[k] for k in ("background", "off_data")):
            allowed = f"background from simulations or off_data, {runs}"
            raise InputError(self.file, "responses.background", {}, allowed)
