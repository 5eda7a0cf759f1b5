"""The cuts of a campaign: fixed, or chosen on samples that it reconstructs."""

from __future__ import annotations

from iactflow.campaign.paths import Paths
from iactflow.campaign.reconstruction import Samples
from iactflow.campaign.schema import Campaign
from iactflow.errors import InputError

__all__ = ["ESTIMATORS", "CutPlan"]

#: Estimators of energy and direction without a block of responses.
ESTIMATORS = {"energy": "tables", "direction": "geometry"}


class CutPlan:
    """What the rule of the cuts asks of a campaign.

    Parameters
    ----------
    model : Campaign
        Validated configuration.
    config : dict
        The same as plain values.
    paths : Paths
        Path patterns of the campaign.
    samples : Samples
        What it reconstructs.
    file : str
        Campaign file, named in errors.
    """

    def __init__(
        self, model: Campaign, config: dict, paths: Paths, samples: Samples, file: str
    ) -> None:
        self.model, self.config, self.paths = model, config, paths
        self.samples, self.file = samples, file

    def __bool__(self) -> bool:
        return self.model.cuts is not None

    @property
    def rules(self) -> list[str]:
        """Files of rules: chosen before the DAG."""
        return ["cuts"] if self else []

    @property
    def product(self) -> list[str]:
        """The file of the cuts, where there are any."""
        return [self.paths.cuts] if self else []

    @property
    def chosen_on(self) -> dict[str, dict[str, str | None]]:
        """Samples of signal and background, each with its spectrum; empty for fixed cuts.

        Where the block names none they are those of the responses.
        """
        if not self or self.model.cuts.optimise is None:
            return {}
        block, responses = self.model.cuts.optimise, self.model.responses
        signal, background = block.signal, block.background
        if responses is not None:
            signal, background = signal or responses.signal, background or responses.background
        return {"signal": dict.fromkeys(signal), "background": dict(background)}

    def folders(self, kind: str) -> list[str]:
        """Folders of DL2 events that cuts are chosen on.

        Parameters
        ----------
        kind : str
            ``signal`` or ``background``.

        Returns
        -------
        list of str
            Folders, sample after sample.
        """
        names = self.chosen_on.get(kind, {})
        return [path for n in names for path in self.samples.jobs(self.paths.events_dl2, n)]

    @property
    def settings(self) -> dict:
        """Settings that the cuts depend on.

        Returns
        -------
        dict
            The block; where cuts are chosen with its samples filled in, the number of their folders
            and the estimators of the responses.
        """
        block = self.config["cuts"]
        if not self.chosen_on:
            return block
        responses = self.config["responses"] or ESTIMATORS
        found = {kind: list(names) for kind, names in self.chosen_on.items()}
        numbers = {
            f"n_{kind}": {name: len(self.samples.parts[name]) for name in names}
            for kind, names in found.items()
        }
        optimise = {**block["optimise"], "signal": found["signal"]}
        optimise["background"] = self.chosen_on["background"]
        estimators = {key: responses[key] for key in ESTIMATORS}
        return {**block, "optimise": optimise, **estimators, **numbers}

    def check(self) -> None:
        """Check that cuts can be chosen as the campaign asks.

        Raises
        ------
        InputError
            If a sample is unknown or not a simulation, or no shower is left for the choice.
        """
        for kind, names in self.chosen_on.items():
            key = f"cuts.optimise.{kind}"
            if not names:
                raise InputError(self.file, key, [], "samples, or those of the block responses")
            for name in names:
                if name not in self.samples.names:
                    known = ", ".join(self.samples.names) or "a sample of the reconstruction"
                    raise InputError(self.file, key, name, known)
                if not self.samples.is_simulation(name):
                    raise InputError(self.file, key, name, "simulations: data have no truth")
        if self.chosen_on and self.model.reconstruction.splits.test_cuts == 0:
            key, allowed = "reconstruction.splits.test_cuts", "above 0, for the choice of cuts"
            raise InputError(self.file, key, 0.0, allowed)
