"""Every list of files of the reconstruction: events, models, comparisons with ctapipe."""

from __future__ import annotations

from iactflow.campaign.load import LoadedCampaign

__all__ = ["SampleTargets"]


class SampleTargets:
    """Lists of files of the samples that a campaign reconstructs.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.
    """

    def __init__(self, campaign: LoadedCampaign) -> None:
        self.plan, self.paths, self.model = campaign.samples, campaign.paths, campaign.model

    @property
    def dl2(self) -> list[str]:
        """Reconstructed events of all samples."""
        return self.of_parts(self.paths.events_dl2)

    @property
    def all(self) -> list[str]:
        """Reconstructed events of all samples, their summaries and figures."""
        p = self.paths
        patterns = (p.reconstruction_summary, p.reconstruction_table, p.event_figures)
        patterns = (*patterns, p.reconstruction_figures)
        figures = [p.shape_table_figures] if self.shape_tables else []
        return [*self.calibrations, *self.dl2, *self.of_samples(*patterns), *figures]

    @property
    def calibrations(self) -> list[str]:
        """Coefficients of cameras from calibration runs, their summaries and figures."""
        p = self.paths
        patterns = (p.calibration, p.calibration_summary, p.calibration_figures)
        return [q.format(sample=name) for name in self.plan.calibrated for q in patterns]

    def of_parts(self, pattern: str) -> list[str]:
        """Expand a pattern over samples and their parts.

        Parameters
        ----------
        pattern : str
            Path with the wildcards sample and part.

        Returns
        -------
        list of str
            Paths.
        """
        return [path for name in self.plan.names for path in self.plan.jobs(pattern, name)]

    def of_samples(self, *patterns: str) -> list[str]:
        """Expand patterns over samples.

        Parameters
        ----------
        *patterns : str
            Paths with the wildcard sample.

        Returns
        -------
        list of str
            Paths.
        """
        return [pattern.format(sample=name) for pattern in patterns for name in self.plan.names]

    def geometry_of(self, learnt: str) -> list[str]:
        """Images and geometry of the samples from which something is learnt.

        Parameters
        ----------
        learnt : str
            ``shape_tables``, ``energy``, ``direction``, ``signal`` or ``background``.

        Returns
        -------
        list of str
            Paths.
        """
        names = self.plan.trained_on.get(learnt, [])
        return [path for name in names for path in self.plan.jobs(self.paths.geometry, name)]

    @property
    def table_chunks(self) -> dict[str, list[str]]:
        """Geometry of the parts that fill the tables of shapes, by job."""
        parts, size = self.geometry_of("shape_tables"), self.model.execution.parts_per_job
        starts = range(0, len(parts), size)
        return {f"{i:05d}": parts[start : start + size] for i, start in enumerate(starts)}

    @property
    def shape_table_chunks(self) -> list[str]:
        """Tables of shapes before they are added up."""
        return [self.paths.shape_table_chunk.format(chunk=chunk) for chunk in self.table_chunks]

    @property
    def shape_tables(self) -> list[str]:
        """Tables of shapes, where they are wanted."""
        return [self.paths.shape_tables] if self.table_chunks else []

    @property
    def models(self) -> dict[str, list[str]]:
        """What events are reconstructed with: at most one file each."""
        p, trained = self.paths, self.plan.trained_on
        models = {"energy": p.energy_model, "direction": p.direction_model, "signal": p.class_model}
        files = {key: [path] if key in trained else [] for key, path in models.items()}
        return {
            "tables": self.shape_tables,
            "energy_model": files["energy"],
            "direction_model": files["direction"],
            "class_model": files["signal"],
        }

    @property
    def checks(self) -> dict[str, list[str]]:
        """Comparisons with ctapipe by sample, of the parts that the check chain repeats."""
        pattern = self.paths.check_reconstruction
        return {
            name: [pattern.format(sample=name, part=part) for part in parts]
            for name, parts in self.plan.checked.items()
        }

    @property
    def checked(self) -> list[str]:
        """The same in one list."""
        return [path for paths in self.checks.values() for path in paths]

    @property
    def sidecars(self) -> list[str]:
        """Provenance sidecars of every job whose cost the summary states."""
        p = self.paths
        trained = [*self.shape_table_chunks, *(f for found in self.models.values() for f in found)]
        cameras = [p.calibration.format(sample=name) for name in self.plan.calibrated]
        jobs = [*cameras, *self.of_parts(p.geometry), *self.dl2, *trained, *self.checked]
        return [p.sidecar(path) for path in jobs]
