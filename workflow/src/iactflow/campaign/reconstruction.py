"""The samples that a campaign reconstructs: their raw files, parts, models, settings of rules.

A sample is a production of the campaign, or a list of raw files from elsewhere. It is cut into
parts, one job each: the chunks of its simulation, or some files.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

from iactflow.campaign.data_files import find_files
from iactflow.campaign.paths import Paths
from iactflow.campaign.schema import Campaign
from iactflow.campaign.schema_reconstruction import LEARNT
from iactflow.campaign.simulations import Simulations
from iactflow.campaign.storage import StoragePlan
from iactflow.errors import InputError

__all__ = ["Samples", "chosen_parts"]

# What the geometry of events depends on; nothing else may rerun it.
OF_THE_GEOMETRY = ("extraction", "cleaning", "stereo", "keep_images")
# What the classifier alone depends on, and its name among the settings of a forest.
OF_THE_CLASS = {
    "class_energy_edges_tev": "energy_edges_tev",
    "class_zenith_edges_deg": "zenith_edges_deg",
}
# Raw data that the check chain cannot read.
UNCHECKED = (".fits.fz",)


class Samples:
    """What the rules of the reconstruction ask of a campaign.

    Parameters
    ----------
    model : Campaign
        Validated configuration.
    config : dict
        The same as plain values.
    paths : Paths
        Path patterns of the campaign.
    simulations : Simulations
        Its simulations.
    file : str
        Campaign file, named in errors.
    seed : int
        Seed of the campaign.
    storage : StoragePlan
        What of its raw data lies at sites.
    """

    def __init__(
        self,
        model: Campaign,
        config: dict,
        paths: Paths,
        simulations: Simulations,
        file: str,
        seed: int,
        storage: StoragePlan,
    ) -> None:
        self.model, self.config, self.paths = model, config, paths
        self.simulations, self.file, self.seed = simulations, file, seed
        self.storage = storage

    def __bool__(self) -> bool:
        return self.model.reconstruction is not None

    @cached_property
    def names(self) -> list[str]:
        """Samples, in the order of the campaign file."""
        if not self:
            return []
        wanted = self.model.reconstruction.samples
        at_hand = [*self.model.simulations, *self.model.events]
        return [name for name in at_hand if wanted is None or name in wanted]

    @property
    def trained_on(self) -> dict[str, list[str]]:
        """Samples by what is learnt from them (``shape_tables``, ``energy`` ...)."""
        return self.model.reconstruction.trained_on if self else {}

    @property
    def rules(self) -> list[str]:
        """Files of rules: chosen before the DAG."""
        if not self:
            return []
        train = ["train"] if self.trained_on else []
        calibrate = ["calibrate"] if self.calibrated else []
        check = ["check_reconstruction"] if self.is_checked else []
        return [*calibrate, "reconstruct", *train, *check]

    @cached_property
    def calibrated(self) -> dict[str, list[str]]:
        """Raw data of calibration runs, by the samples whose cameras they calibrate."""
        blocks = {name: self.model.events[name] for name in self.names if name in self.model.events}
        return {
            name: self._find(block.calibration.files, f"events.{name}.calibration.files")
            for name, block in blocks.items()
            if block.calibration is not None
        }

    def _find(self, patterns: list[str], key: str) -> list[str]:
        return find_files(patterns, self.file, key, self.storage.matching)

    def calibration(self, sample: str) -> list[str]:
        """Coefficients that take the place of those of a sample's raw files.

        Parameters
        ----------
        sample : str
            Name of the sample.

        Returns
        -------
        list of str
            A file, or none.
        """
        return [self.paths.calibration.format(sample=sample)] if sample in self.calibrated else []

    def calibration_settings(self, sample: str) -> dict:
        """Settings that the calibration of a sample's cameras depends on.

        Parameters
        ----------
        sample : str
            Name of the sample.

        Returns
        -------
        dict
            Its block without the files.
        """
        block = self.config["events"][sample]["calibration"]
        return {key: value for key, value in block.items() if key != "files"}

    def throughput(self, sample: str) -> dict:
        """Throughput by telescope that the images of a sample are divided by.

        Parameters
        ----------
        sample : str
            Name of the sample.

        Returns
        -------
        dict
            Relative values; empty for productions.
        """
        return self.config["events"].get(sample, {}).get("throughput", {})

    @cached_property
    def parts(self) -> dict[str, dict[str, list[str]]]:
        """Raw data by sample and part: the folder of a simulated chunk, or files."""
        return {name: self._parts(name) for name in self.names}

    def _parts(self, name: str) -> dict[str, list[str]]:
        if name in self.model.simulations:
            return {
                f"run{run}-{chunk}": self.simulations.raw(name, run, chunk)
                for run in self.simulations.runs[name]
                for chunk in self.simulations.chunks[name][run]
            }
        block, key = self.model.events[name], f"events.{name}.files"
        files = self._find(block.files, key)
        seen: dict[str, str] = {}
        for path in files:
            other = seen.setdefault(Path(path).name, path)
            if other != path:
                allowed = f"another name than that of {other}: products are named after raw files"
                raise InputError(self.file, key, path, allowed)
        starts = range(0, len(files), block.files_per_job)
        cut = [files[i : i + block.files_per_job] for i in starts]
        return {f"files-{i:05d}": part for i, part in enumerate(cut)}

    def raw(self, sample: str, part: str) -> list[str]:
        """Raw data of a part.

        Parameters
        ----------
        sample : str
            Name of the sample.
        part : str
            Name of the part.

        Returns
        -------
        list of str
            Files, or the folder of a simulated chunk.
        """
        return self.parts[sample][part]

    def jobs(self, pattern: str, sample: str) -> list[str]:
        """Expand a pattern over the parts of a sample.

        Parameters
        ----------
        pattern : str
            Path with the wildcards sample and part.
        sample : str
            Name of the sample.

        Returns
        -------
        list of str
            Paths.
        """
        return [pattern.format(sample=sample, part=part) for part in self.parts[sample]]

    def is_simulation(self, sample: str) -> bool:
        """Whether the truth of a sample is known.

        Parameters
        ----------
        sample : str
            Name of the sample.

        Returns
        -------
        bool
            True for productions and for events of the role simulation.
        """
        events = self.model.events.get(sample)
        return events is None or events.role == "simulation"

    @property
    def geometry_settings(self) -> dict:
        """Settings that charges, images and geometry depend on."""
        block = self.config["reconstruction"]
        settings = {key: block[key] for key in OF_THE_GEOMETRY}
        for key in ("extraction", "cleaning"):
            per_type = {
                name: {k: v for k, v in change.items() if v is not None}
                for name, change in settings[key]["per_type"].items()
            }
            settings[key] = {**settings[key], "per_type": per_type}
        return settings

    def settings_of(self, sample: str) -> dict:
        """The same for one sample.

        Parameters
        ----------
        sample : str
            Name of the sample.

        Returns
        -------
        dict
            With ``throughput``, where the campaign gives one.
        """
        throughput = self.throughput(sample)
        return {**self.geometry_settings, **({"throughput": throughput} if throughput else {})}

    def model_settings(self, model: str) -> dict:
        """Settings that a model depends on.

        Parameters
        ----------
        model : str
            ``shape_tables``, ``energy``, ``direction`` or ``class``.

        Returns
        -------
        dict
            Its block without the names of samples, with ``splits``.
        """
        block = self.config["reconstruction"]
        key = "shape_tables" if model == "shape_tables" else "forests"
        left_out = ("samples", *LEARNT, *OF_THE_CLASS)
        chosen = {k: v for k, v in block[key].items() if k not in left_out}
        if model == "class":
            # Edges of bands have their own names in the block, which all forests share.
            chosen |= {name: block[key][k] for k, name in OF_THE_CLASS.items() if block[key][k]}
        return {**chosen, "splits": block["splits"]}

    @property
    def event_settings(self) -> dict:
        """Settings that DL2 events depend on, beside the models."""
        return {"splits": self.config["reconstruction"]["splits"]}

    def summary_settings(self, sample: str) -> dict:
        """Settings that the summary and figures of a sample depend on.

        Parameters
        ----------
        sample : str
            Name of the sample.

        Returns
        -------
        dict
            Name, whether its truth is known, models that were made, settings of the geometry.
        """
        return {
            "name": sample,
            "is_simulation": self.is_simulation(sample),
            "models": sorted(self.trained_on),
            **self.settings_of(sample),
        }

    @cached_property
    def checked(self) -> dict[str, list[str]]:
        """Parts by sample that the check chain repeats.

        ctapipe calibrates with what the raw files hold: samples with a calibration or a throughput
        of the campaign are left out.
        """
        fraction = self.model.cross_check.ctapipe_fraction
        found = {}
        for name in self.names if fraction > 0 else ():
            if name in self.calibrated or self.throughput(name):
                continue
            readable = [
                part
                for part, raw in self.parts[name].items()
                if not any(path.endswith(UNCHECKED) for path in raw)
            ]
            found[name] = chosen_parts(readable, fraction, f"{self.seed} {name}")
        return {name: parts for name, parts in found.items() if parts}

    @property
    def is_checked(self) -> bool:
        """Whether the check chain repeats anything."""
        return bool(self.checked)

    def check_files(self) -> None:
        """Check that the raw files exist.

        Raises
        ------
        InputError
            If nothing has a name that the campaign gives, or two files would make one product.
        """
        # Built here so that a missing file stops before any job.
        self.parts, self.calibrated  # noqa: B018


def chosen_parts(parts: list[str], fraction: float, key: str) -> list[str]:
    """Choose a fraction of the parts of a sample, the same whenever it is asked.

    A part that is chosen stays so when others are added: each is held against its own hash. When
    none falls below the fraction, the one of the least hash is taken.

    Parameters
    ----------
    parts : list of str
        Names.
    fraction : float
        Fraction wanted.
    key : str
        Tells samples and campaigns apart.

    Returns
    -------
    list of str
        In the order of ``parts``; empty only when there are none.
    """
    place = {part: hashlib.sha256(f"{key} {part}".encode()).digest() for part in parts}
    below = int(fraction * 2**64)
    chosen = [part for part in parts if int.from_bytes(place[part][:8], "big") < below]
    return chosen or sorted(parts, key=place.__getitem__)[:1]
