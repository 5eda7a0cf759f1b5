"""The simulations of a campaign: runs, chunks of showers, files, settings of their rules."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from iactflow.campaign.frozen import FrozenProduction, check_settings, check_surroundings
from iactflow.campaign.hadrons import HadronPlan
from iactflow.campaign.instrument_files import InstrumentFiles
from iactflow.campaign.observed_runs import ObservedRuns
from iactflow.campaign.paths import Paths
from iactflow.campaign.production_settings import OF_THE_TELESCOPES, product_settings
from iactflow.campaign.runs import chunk_showers
from iactflow.campaign.schema import Campaign, Production
from iactflow.campaign.storage import StoragePlan
from iactflow.errors import InputError

__all__ = ["Simulations"]


class Simulations:
    """What the rules of the simulation ask of a campaign.

    Parameters
    ----------
    model : Campaign
        Validated configuration.
    config : dict
        The same as plain values.
    paths : Paths
        Path patterns of the campaign.
    file : str
        Campaign file, named in errors.
    base : Path
        Root of the repository.
    storage : StoragePlan
        Which productions are frozen.
    """

    def __init__(
        self,
        model: Campaign,
        config: dict,
        paths: Paths,
        file: str,
        base: Path,
        storage: StoragePlan,
    ) -> None:
        self.model, self.config, self.paths = model, config, paths
        self.file, self.base, self.storage = file, base, storage

    def __bool__(self) -> bool:
        return bool(self.model.simulations)

    @property
    def productions(self) -> dict[str, Production]:
        """Productions by name."""
        return self.model.simulations

    @property
    def frozen(self) -> dict[str, FrozenProduction]:
        """Productions that are read instead of simulated."""
        return self.storage.frozen

    @property
    def simulated(self) -> list[str]:
        """Productions that are simulated."""
        return [name for name in self.productions if name not in self.frozen]

    @property
    def backend(self) -> str:
        """``iactflow``, ``corsika`` or ``iact_files``."""
        return self.model.shower.backend

    @property
    def split(self) -> bool:
        """Whether photons are kept as files between showers and telescopes."""
        return self.model.shower.keep_photons or self.backend != "iactflow"

    @property
    def rules(self) -> list[str]:
        """Files of rules: chosen before the DAG, so that no two rules have one output."""
        if not self:
            return []
        rest = [*(["frozen"] if self.frozen else []), "simulate"]
        if not self.simulated:
            return rest
        if self.backend == "corsika":
            return ["simulate_corsika", "simulate_telescopes", *rest]
        if self.backend == "iact_files":
            return ["simulate_telescopes", *rest]
        pool = ["hadrons"] if self.hadrons.is_needed else []
        if self.split:
            return [*pool, "simulate_showers", "simulate_telescopes", *rest]
        return [*pool, "simulate_events", *rest]

    @cached_property
    def hadrons(self) -> HadronPlan:
        """Which productions have hadronic interactions, and the pool that they share."""
        return HadronPlan(self.model, self.config["shower"]["hadrons"], self.paths, self.simulated)

    def photons(self, production: str, run: int | str, chunk: str) -> str:
        """File whose photons enter the telescopes.

        Parameters
        ----------
        production : str
            Name of the production.
        run : int or str
            Run.
        chunk : str
            Name of the chunk.

        Returns
        -------
        str
            Path.
        """
        if self.backend == "iact_files":
            return self.iact_files[production][int(run)][int(chunk)]
        corsika = self.backend == "corsika"
        pattern = self.paths.corsika_photons if corsika else self.paths.photons
        return pattern.format(production=production, run=run, chunk=chunk)

    @cached_property
    def iact_files(self) -> dict[str, dict[int, list[str]]]:
        """CORSIKA IACT files by production and run; empty with other backends."""
        if self.backend != "iact_files":
            return {}
        # Its reader takes longer to import than all else here.
        from iactflow.campaign.iact_files import files_by_run

        return {
            name: files_by_run(block.iact_files, self.file, f"simulations.{name}.iact_files")
            for name, block in self.productions.items()
            if name not in self.frozen
        }

    @cached_property
    def instrument(self) -> InstrumentFiles:
        """Files of the instrument."""
        return InstrumentFiles(self.model.instrument, self.file, self.base)

    @property
    def instrument_files(self) -> list[str]:
        """Files that every job declares, those of the instrument's version first."""
        return self.instrument.inputs

    @cached_property
    def observed(self) -> ObservedRuns:
        """Runs and conditions of productions that follow observations."""
        return ObservedRuns(self.productions, self.file)

    def conditions_digest(self, production: str, run: int | str) -> str | None:
        """Digest of the conditions of a run.

        Parameters
        ----------
        production : str
            Name of the production.
        run : int or str
            Run.

        Returns
        -------
        str or None
            Hexadecimal digits; None where the production follows no observations.
        """
        return self.observed.digests.get(production, {}).get(str(run))

    @cached_property
    def runs(self) -> dict[str, list[int]]:
        """Runs by production, ascending."""
        found = {name: self._runs(name, block) for name, block in self.productions.items()}
        thrown: dict[tuple, str] = {}
        for name, runs in found.items():
            particle = self.productions[name].particle
            for run in runs:
                other = thrown.setdefault((particle, run), name)
                if other != name:
                    allowed = f"other runs of {particle} than simulations.{other}: the same showers"
                    raise InputError(self.file, f"simulations.{name}", f"run {run}", allowed)
        return found

    def _runs(self, name: str, block: Production) -> list[int]:
        if block.observations is not None:
            return self.observed.runs[name]
        if name in self.frozen:
            return list(self.frozen[name].chunks)
        return [block.run] if block.iact_files is None else list(self.iact_files[name])

    @cached_property
    def chunks(self) -> dict[str, dict[int, dict[str, tuple[int, ...]]]]:
        """First and last shower by production, run and chunk; of files: nothing, they tell."""
        result = {}
        for name, block in self.productions.items():
            if name in self.frozen:
                runs = self.frozen[name].chunks.items()
                result[name] = {r: {i: tuple(c.showers) for i, c in of.items()} for r, of in runs}
            elif block.iact_files is not None:
                files = self.iact_files[name].items()
                result[name] = {r: {f"{i:05d}": () for i in range(len(f))} for r, f in files}
            else:
                cut = chunk_showers(block.n_showers, block.showers_per_job)
                result[name] = dict.fromkeys(self.runs[name], cut)
        return result

    def jobs(self, pattern: str, production: str) -> list[str]:
        """Expand a pattern over the runs and chunks of a production.

        Parameters
        ----------
        pattern : str
            Path with the wildcards production, run and chunk.
        production : str
            Name of the production.

        Returns
        -------
        list of str
            Paths.
        """
        return [
            pattern.format(production=production, run=run, chunk=chunk)
            for run in self.runs[production]
            for chunk in self.chunks[production][run]
        ]

    def raw(self, production: str, run: int | str, chunk: str) -> list[str]:
        """Raw data of a chunk.

        Parameters
        ----------
        production : str
            Name of the production.
        run : int or str
            Run.
        chunk : str
            Name of the chunk.

        Returns
        -------
        list of str
            Its folder; of a frozen production its files, paths or addresses.
        """
        if production in self.frozen:
            return self.frozen[production].files(run, chunk)
        return [self.paths.simulated_chunk.format(production=production, run=run, chunk=chunk)]

    def all_raw(self, production: str) -> list[str]:
        """Raw data of all runs and chunks of a production.

        Parameters
        ----------
        production : str
            Name of the production.

        Returns
        -------
        list of str
            As `raw`.
        """
        runs = self.chunks[production].items()
        return [path for run, of in runs for c in of for path in self.raw(production, run, c)]

    def settings(self, production: str, without: tuple[str, ...] = ()) -> dict:
        """Settings of a production, with those of the showers and the instrument.

        Parameters
        ----------
        production : str
            Name of the production.
        without : tuple of str
            Keys that are left out, so that their change reruns nothing.

        Returns
        -------
        dict
            The block of the campaign with ``name``, ``shower`` and ``instrument``; with hadrons
            ``hadron_pool``, the key of their pool.
        """
        kept = product_settings(self.blocks(production))
        return {
            "name": production,
            **self.hadrons.key_of(production),
            **{key: value for key, value in kept["production"].items() if key not in without},
            "shower": kept["shower"],
            "instrument": kept["instrument"],
        }

    def blocks(self, production: str) -> dict[str, dict]:
        """Blocks of the campaign that make a production.

        Parameters
        ----------
        production : str
            Name of the production.

        Returns
        -------
        dict
            ``production``, ``shower``, ``instrument``.
        """
        shower, instrument = self.config["shower"], self.config["instrument"]
        block = self.config["simulations"][production]
        return {"production": block, "shower": shower, "instrument": instrument}

    def shower_settings(self, production: str) -> dict:
        """Settings that the photons at the telescopes depend on.

        Parameters
        ----------
        production : str
            Name of the production.

        Returns
        -------
        dict
            As `settings`.
        """
        return self.settings(production, OF_THE_TELESCOPES)

    def optics_settings(self, production: str) -> dict:
        """Settings that figures of the telescopes' optics depend on.

        Parameters
        ----------
        production : str
            Name of the production.

        Returns
        -------
        dict
            Name, instrument, telescopes, alignment, zenith angle.
        """
        settings = self.settings(production)
        keys = ("name", "instrument", "tel_ids", "alignment", "zenith_deg")
        return {key: settings[key] for key in keys}

    @property
    def corsika_executable(self) -> str | None:
        """The user's CORSIKA."""
        corsika = self.model.shower.corsika
        return None if corsika is None else corsika.executable

    @property
    def corsika_image(self) -> str | None:
        """Image that holds it; None: where jobs run."""
        corsika = self.model.shower.corsika
        return None if corsika is None else corsika.image

    def check_files(self) -> None:
        """Check that the files that the simulations read exist.

        Raises
        ------
        InputError
            If the instrument, its digest, a table of run conditions or CORSIKA is missing.
        """
        if not self:
            return
        self.instrument.check()
        for name, frozen in self.frozen.items():
            self._check_frozen(name, frozen)
        self.runs  # noqa: B018 - built here so that a bad table stops before any job
        corsika = self.model.shower.corsika
        if corsika is not None and self.simulated:
            for key, value in (("executable", corsika.executable), ("image", corsika.image)):
                self._check_program(key, value, corsika.image)

    def _check_frozen(self, name: str, frozen: FrozenProduction) -> None:
        if name not in self.productions:
            known = ", ".join(self.productions) or "none"
            raise InputError(self.file, "storage.frozen", name, f"productions: {known}")
        check_settings(frozen, self.model, product_settings)
        conditions = self.observed.digests.get(name, {})
        check_surroundings(frozen, self.instrument.digest, conditions)
        frozen.check_files()

    def _check_program(self, key: str, value: str | None, image: str | None) -> None:
        here = key == "image" or image is None
        if value is not None and here and "://" not in value and not Path(value).is_file():
            raise InputError(self.file, f"shower.corsika.{key}", value, "an existing file")
