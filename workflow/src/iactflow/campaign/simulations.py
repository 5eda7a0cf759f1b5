"""The simulations of a campaign: runs, chunks of showers, files, settings of their rules."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from iactflow.campaign.config import read_campaign_file
from iactflow.campaign.hadrons import HadronPlan
from iactflow.campaign.paths import Paths
from iactflow.campaign.run_conditions import Conditions, conditions_digest, read_conditions
from iactflow.campaign.runs import chunk_showers
from iactflow.campaign.schema import Campaign, Production
from iactflow.campaign.schema_simulation import LARGEST_ZENITH_DEG, OF_THE_FILES
from iactflow.errors import InputError

__all__ = ["DIGEST_FILE", "Simulations"]

DIGEST_FILE = "digest.txt"
INSTRUMENT_FILE = "instrument.yaml"
# Settings of a production that no shower depends on: their change keeps the photons.
OF_THE_TELESCOPES = ("nsb_levels", "alignment", "reduction")
# Cut into jobs, and nothing else.
OF_THE_JOBS = ("showers_per_job",)


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
    """

    def __init__(self, model: Campaign, config: dict, paths: Paths, file: str, base: Path) -> None:
        self.model, self.config, self.paths = model, config, paths
        self.file, self.base = file, base

    def __bool__(self) -> bool:
        return bool(self.model.simulations)

    @property
    def productions(self) -> dict[str, Production]:
        """Productions by name."""
        return self.model.simulations

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
        if self.backend == "corsika":
            return ["simulate_corsika", "simulate_telescopes", "simulate"]
        if self.backend == "iact_files":
            return ["simulate_telescopes", "simulate"]
        pool = ["hadrons"] if self.hadrons.productions else []
        if self.split:
            return [*pool, "simulate_showers", "simulate_telescopes", "simulate"]
        return [*pool, "simulate_events", "simulate"]

    @cached_property
    def hadrons(self) -> HadronPlan:
        """Which productions have hadronic interactions, and the pool that they share."""
        return HadronPlan(self.model, self.config["shower"]["hadrons"], self.paths)

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
        }

    @cached_property
    def instrument_folder(self) -> Path:
        """Folder of the instrument's version."""
        block = self.model.instrument
        if block.path is not None:
            return self.base / block.path
        return self.base / "config" / "instruments" / block.name / block.version

    @cached_property
    def instrument_files(self) -> list[str]:
        """Files of the instrument's version, of those it extends, of the atmospheres: what every
        job reads, the version's own first."""
        folders = [self.instrument_folder]
        while (below := self._extended(folders[-1])) is not None and below not in folders:
            folders.append(below)
        folders.append(self.base / "config" / "atmospheres")
        return [
            str(path)
            for folder in folders
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        ]

    def _extended(self, folder: Path) -> Path | None:
        """Version that a version of an instrument extends."""
        file = folder / INSTRUMENT_FILE
        if not file.is_file():
            raise InputError(file, "file", "missing", "the description of an instrument")
        extends = read_campaign_file(file).get("extends")
        return None if extends is None else Path(os.path.normpath(folder.parent / str(extends)))

    def conditions_file(self, production: str) -> list[str]:
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
        runs = self.productions[production].observations
        return [] if runs is None else [str(Path(self.file).parent / runs.conditions)]

    @cached_property
    def conditions(self) -> dict[str, dict[int, Conditions]]:
        """Conditions by run, of the productions that follow observations."""
        found = {}
        for name in self.productions:
            for file in self.conditions_file(name):
                if not Path(file).is_file():
                    key = f"simulations.{name}.observations.conditions"
                    raise InputError(self.file, key, file, "an existing TSV file")
                found[name] = read_conditions(file)
        return found

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
        found = self.conditions.get(production)
        return None if found is None else conditions_digest(found[int(run)])

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
        if block.iact_files is not None:
            return list(self.iact_files[name])
        if block.observations is None:
            return [block.run]
        key = f"simulations.{name}.observations"
        conditions = self.conditions[name]
        wanted = block.observations.obs_ids or list(conditions)
        (file,) = self.conditions_file(name)
        unknown = sorted(set(wanted) - set(conditions))
        if unknown:
            allowed = f"runs of {file}"
            raise InputError(self.file, f"{key}.obs_ids", unknown[0], allowed)
        reach = max(block.viewcone_deg, block.offset_deg)
        lowest = 90.0 - LARGEST_ZENITH_DEG + reach
        for run in sorted(wanted):
            if conditions[run].altitude_deg < lowest:
                allowed = (
                    f"at least {lowest:g} deg: particles come from {reach:g} deg beside the "
                    f"pointing, and the atmosphere is flat up to {LARGEST_ZENITH_DEG:g} deg"
                )
                found = conditions[run].altitude_deg
                raise InputError(file, f"run {run}, altitude_deg", found, allowed)
        return sorted(wanted)

    @cached_property
    def chunks(self) -> dict[str, dict[int, dict[str, tuple[int, ...]]]]:
        """First and last shower by production, run and chunk; of files: nothing, they tell."""
        result = {}
        for name, block in self.productions.items():
            if block.iact_files is not None:
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
        left_out = {*OF_THE_JOBS, "iact_files", *without}
        no_showers = {"keep_photons", "corsika"}
        if self.backend == "iact_files":
            left_out |= set(OF_THE_FILES)
            no_showers.add("cascade")
        block = self.config["simulations"][production]
        shower = self.config["shower"]
        if production not in self.hadrons.productions:
            no_showers.add("hadrons")
        return {
            "name": production,
            **self.hadrons.key_of(production),
            **{key: value for key, value in block.items() if key not in left_out},
            "shower": {k: v for k, v in shower.items() if k not in no_showers},
            "instrument": self.config["instrument"],
        }

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
        folder, block = self.instrument_folder, self.model.instrument
        if not folder.is_dir():
            if block.path is not None:
                raise InputError(self.file, "instrument.path", block.path, "an existing folder")
            at_hand = ", ".join(_versions(self.base / "config" / "instruments")) or "none"
            given = f"{block.name} {block.version}"
            raise InputError(
                self.file, "instrument", given, f"a folder <name>/<version>: {at_hand}"
            )
        self._check_digest(folder / DIGEST_FILE)
        self.instrument_files  # noqa: B018 - as below
        self.runs  # noqa: B018 - built here so that a bad table stops before any job
        corsika = self.model.shower.corsika
        if corsika is not None:
            for key, value in (("executable", corsika.executable), ("image", corsika.image)):
                self._check_program(key, value, corsika.image)

    def _check_digest(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8").split() if path.is_file() else []
        if not text or len(text[0]) != 64 or set(text[0]) - set("0123456789abcdef"):
            raise InputError(path, "digest", text[:1] or "missing", "64 hexadecimal digits")

    def _check_program(self, key: str, value: str | None, image: str | None) -> None:
        here = key == "image" or image is None
        if value is not None and here and "://" not in value and not Path(value).is_file():
            raise InputError(self.file, f"shower.corsika.{key}", value, "an existing file")


def _versions(folder: Path) -> list[str]:
    """Instruments at hand, as name and version."""
    found = folder.glob(f"*/*/{DIGEST_FILE}")
    return sorted(f"{p.parent.parent.name} {p.parent.name}" for p in found)
