"""What the mock runs of a campaign are drawn from: files, by kind."""

from __future__ import annotations

from iactflow.campaign.event_plan import EventPlan

__all__ = ["MockPlan"]


class MockPlan(EventPlan):
    """Files that the rule of mock runs reads."""

    BLOCK = "mock"

    @property
    def index(self) -> dict[str, dict[str, list[str]]]:
        """Folders of DL2 events by kind and sample; empty without simulations."""
        block = self.block["simulations"] if self.block else None
        return {
            kind: {
                name: self.samples.jobs(self.paths.events_dl2, name)
                for name in (block[kind] if block else ())
            }
            for kind in ("signal", "background")
        }

    @property
    def inputs(self) -> dict[str, list[str]]:
        """Inputs of the rule by name."""
        if not self.block:
            return {}
        found = {"responses": list(self.block["responses"])}
        if self.block["simulations"]:
            found["responses"] = found["responses"] or self.own_responses
            found["cuts"] = self.own_cuts
            kinds = self.index.values()
            found["events"] = [path for kind in kinds for paths in kind.values() for path in paths]
        return {name: files for name, files in found.items() if files}

    def check_files(self) -> None:
        """Check that there are responses, and that files of the user's exist.

        Raises
        ------
        InputError
            If runs drawn from simulations would have no responses, or such as runs cannot have,
            or a file is missing.
        """
        if not self.block:
            return
        self._check_given()
        if self.block["simulations"]:
            self._check_own()
