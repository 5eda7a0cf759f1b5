"""Event lists of reconstructed data: what the rule asks of a campaign."""

from __future__ import annotations

from iactflow.campaign.event_plan import EventPlan
from iactflow.errors import InputError

__all__ = ["EventListPlan"]


class EventListPlan(EventPlan):
    """Files of event lists, and what they are made of."""

    BLOCK = "dl3"

    @property
    def settings(self) -> dict:
        """Settings that event lists depend on: the block without names of files and samples."""
        return {k: v for k, v in self.block.items() if k not in ("samples", "responses")}

    @property
    def rules(self) -> list[str]:
        """Files of rules: chosen before the DAG."""
        return ["dl3"] if self.block else []

    @property
    def products(self) -> list[str]:
        """Folders of event lists."""
        names = self.block["samples"] if self.block else []
        return [self.paths.event_lists.format(sample=name) for name in names]

    @property
    def responses(self) -> list[str]:
        """GADF files of responses."""
        return list(self.block["responses"]) or self.own_responses

    def check_files(self) -> None:
        """Check samples and responses.

        Raises
        ------
        InputError
            If a sample is unknown or simulated, or there are no responses that runs can have.
        """
        if not self.block:
            return
        for name in self.block["samples"]:
            known = [n for n in self.samples.names if not self.samples.is_simulation(n)]
            if name not in known:
                allowed = ", ".join(known) or "a reconstructed sample of the role data"
                raise InputError(self.file, "dl3.samples", name, allowed)
        self._check_given()
        self._check_own()
