"""Productions that follow observations: their runs, and the conditions of each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from iactflow.campaign.run_conditions import Conditions, conditions_digest, read_conditions
from iactflow.campaign.schema import Production
from iactflow.campaign.schema_simulation import LARGEST_ZENITH_DEG
from iactflow.errors import InputError

__all__ = ["ObservedRuns"]


class ObservedRuns:
    """Runs of productions with the key ``observations``.

    Parameters
    ----------
    productions : mapping of str to Production
        All productions by name.
    file : str
        Campaign file, named in errors; where its relative paths start.
    """

    def __init__(self, productions: Mapping[str, Production], file: str) -> None:
        self.file = file
        self.productions = {n: p for n, p in productions.items() if p.observations is not None}

    def table(self, production: str) -> list[str]:
        """Table of run conditions of a production; empty where it follows no runs.

        Parameters
        ----------
        production : str
            Name of the production.

        Returns
        -------
        list of str
            At most one path.
        """
        if production not in self.productions:
            return []
        runs = self.productions[production].observations
        return [str(Path(self.file).parent / runs.conditions)]

    @cached_property
    def conditions(self) -> dict[str, dict[int, Conditions]]:
        """Conditions by run, of all runs of the tables."""
        found = {}
        for name in self.productions:
            (file,) = self.table(name)
            if not Path(file).is_file():
                key = f"simulations.{name}.observations.conditions"
                raise InputError(self.file, key, file, "an existing TSV file")
            found[name] = read_conditions(file)
        return found

    @cached_property
    def runs(self) -> dict[str, list[int]]:
        """Runs by production, ascending."""
        return {name: self._runs(name, block) for name, block in self.productions.items()}

    def _runs(self, name: str, block: Production) -> list[int]:
        conditions, (table,) = self.conditions[name], self.table(name)
        wanted = sorted(block.observations.obs_ids or conditions)
        unknown = [run for run in wanted if run not in conditions]
        if unknown:
            key = f"simulations.{name}.observations.obs_ids"
            raise InputError(self.file, key, unknown[0], f"runs of {table}")
        reach = max(block.viewcone_deg, block.offset_deg)
        lowest = 90.0 - LARGEST_ZENITH_DEG + reach
        for run in wanted:
            if conditions[run].altitude_deg < lowest:
                allowed = (
                    f"at least {lowest:g} deg: particles come from {reach:g} deg beside the "
                    f"pointing, and the atmosphere is flat up to {LARGEST_ZENITH_DEG:g} deg"
                )
                found = conditions[run].altitude_deg
                raise InputError(table, f"run {run}, altitude_deg", found, allowed)
        return wanted

    @cached_property
    def digests(self) -> dict[str, dict[str, str]]:
        """Digests of the conditions by production and run."""
        return {
            name: {str(run): conditions_digest(self.conditions[name][run]) for run in runs}
            for name, runs in self.runs.items()
        }
