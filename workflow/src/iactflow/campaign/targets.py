"""Every list of files that a rule collects: what the named targets ask for."""

from __future__ import annotations

from iactflow.campaign.load import LoadedCampaign
from iactflow.campaign.paths import band_name
from iactflow.campaign.response_targets import ResponseTargets
from iactflow.campaign.sample_targets import SampleTargets

__all__ = ["Targets"]


class Targets:
    """Lists of files of one campaign, by product.

    Parameters
    ----------
    campaign : LoadedCampaign
        The campaign.
    """

    def __init__(self, campaign: LoadedCampaign) -> None:
        self.campaign, self.paths = campaign, campaign.paths
        self.samples = SampleTargets(campaign)
        self.responses = ResponseTargets(campaign)
        self.names = list(campaign.targets)
        self.with_spectrum = [n for n, t in campaign.targets.items() if t.spectrum is not None]
        self.with_maps = [n for n in self.names if campaign.bands[n]]
        self.with_light_curves = [n for n, t in campaign.targets.items() if t.light_curves]

    @property
    def rules(self) -> list[str]:
        """Files of rules that the campaign needs: chosen before the DAG."""
        campaign = self.campaign
        chain = ["select", "skymap", "spectrum", "lightcurve", "crosscheck"]
        return [
            *campaign.simulations.rules,
            *campaign.samples.rules,
            *campaign.cuts.rules,
            *campaign.responses.rules,
            *(chain if campaign.targets else []),
            *(["verdicts"] if self.verdicts else []),
            *(["mock"] if campaign.is_mock else []),
            *(["truth"] if self.truth_figures else []),
            *campaign.event_lists.rules,
            *(["fetch"] if campaign.fetches else []),
        ]

    def bands(self, pattern: str, names: list[str] | None = None) -> list[str]:
        """Expand a pattern over targets and their energy bands.

        Parameters
        ----------
        pattern : str
            Path with the wildcards target and band.
        names : list of str, optional
            Targets; all if left out.

        Returns
        -------
        list of str
            Paths.
        """
        return [
            pattern.format(target=n, band=b)
            for n in names or self.with_maps
            for b in self.campaign.bands[n]
        ]

    def binnings(self, pattern: str, names: list[str] | None = None) -> list[str]:
        """Expand a pattern over targets and their light curves.

        Parameters
        ----------
        pattern : str
            Path with the wildcards target and binning.
        names : list of str, optional
            Targets; all if left out.

        Returns
        -------
        list of str
            Paths.
        """
        return [
            pattern.format(target=n, binning=b)
            for n in names or self.with_light_curves
            for b in self.campaign.targets[n].light_curves
        ]

    def spectra(self, *patterns: str) -> list[str]:
        """Expand patterns over the targets that have a spectrum.

        Parameters
        ----------
        *patterns : str
            Paths with the wildcard target.

        Returns
        -------
        list of str
            Paths.
        """
        return [p.format(target=n) for p in patterns for n in self.with_spectrum]

    def chunks(self, pattern: str, target: str, **wildcards: str) -> list[str]:
        """Expand a pattern over the chunks of a target.

        Parameters
        ----------
        pattern : str
            Path with the wildcards target and chunk, and those of ``wildcards``.
        target : str
            Name of the target.
        **wildcards : str
            Further wildcards.

        Returns
        -------
        list of str
            Paths.
        """
        return [
            pattern.format(target=target, chunk=c, **wildcards)
            for c in self.campaign.chunks[target]
        ]

    @property
    def dl3(self) -> list[str]:
        """Run lists of all targets, the index of mock data, event lists of reconstructed data."""
        lists = [self.paths.observations.format(target=n) for n in self.names]
        indices = list(self.campaign.indices) if self.names and self.campaign.is_mock else []
        return [*lists, *indices, *self.campaign.event_lists.products]

    @property
    def sky_maps(self) -> list[str]:
        """Sky maps and their figures."""
        p = self.paths
        patterns = (p.sky_map, p.sky_map_figure, p.significance_figure)
        return [path for pattern in patterns for path in self.bands(pattern)]

    @property
    def spectra_products(self) -> list[str]:
        """Spectra and their figures."""
        p = self.paths
        return self.spectra(
            p.spectrum,
            p.flux_points,
            p.spectrum_figure,
            p.counts_figure,
            p.theta_squared_figure,
            p.profiles_figure,
            p.regions_figure,
        )

    @property
    def light_curves(self) -> list[str]:
        """Light curves and their figures."""
        p = self.paths
        return self.binnings(p.light_curve) + self.binnings(p.light_curve_figure)

    @property
    def cross_checks(self) -> list[str]:
        """Verdict table and its figure; the gate is apart."""
        if not self.verdicts:
            return []
        figures = [self.paths.verdicts_figure, *self.truth_figures]
        return [self.paths.verdicts, self.paths.verdicts_table, *figures]

    @property
    def truth_figures(self) -> list[str]:
        """Figure of what was found against what was injected, for mock data."""
        return [self.paths.truth_figure] if self.names and self.campaign.is_mock else []

    @property
    def simulations(self) -> list[str]:
        """Simulated events of productions, summaries and figures, also of those that are read."""
        return [
            *self.simulated(self.paths.simulated_chunk),
            *self.productions(*self.simulation_summaries, *self.simulation_figures),
        ]

    def simulated(self, pattern: str) -> list[str]:
        """Expand a pattern over the runs and chunks of productions that are simulated.

        Parameters
        ----------
        pattern : str
            Path with the wildcards production, run and chunk.

        Returns
        -------
        list of str
            Paths.
        """
        simulations = self.campaign.simulations
        return [path for n in simulations.simulated for path in simulations.jobs(pattern, n)]

    def productions(self, *patterns: str) -> list[str]:
        """Expand patterns over productions.

        Parameters
        ----------
        *patterns : str
            Paths with the wildcard production.

        Returns
        -------
        list of str
            Paths.
        """
        names = self.campaign.simulations.productions
        return [p.format(production=n) for p in patterns for n in names]

    @property
    def simulation_summaries(self) -> tuple[str, ...]:
        """Patterns of what is left of a production for figures and summary."""
        return self.paths.simulation_summary, self.paths.simulation_table

    @property
    def simulation_figures(self) -> tuple[str, ...]:
        """Patterns of the figures of a production."""
        p = self.paths
        showers = (p.profiles_figure_of_showers, p.light_figure, p.images_figure, p.trigger_figures)
        return (*showers, p.optics_figures)

    @property
    def products(self) -> list[str]:
        """Everything but the gate."""
        return [
            *self.simulations,
            *self.samples.all,
            *self.responses.all,
            *self.dl3,
            *self.sky_maps,
            *self.spectra_products,
            *self.light_curves,
            *self.cross_checks,
            self.paths.summary,
            self.paths.overview,
            self.paths.rule_graph,
        ]

    @property
    def gate(self) -> list[str]:
        """What fails when the two chains disagree; nothing where there is nothing to compare."""
        return [self.paths.gate] if self.verdicts else []

    @property
    def verdicts(self) -> list[str]:
        """Table of the comparison, where there is one."""
        compared = self.names or self.samples.checked or self.responses.checks
        return [self.paths.verdicts] if compared else []

    @property
    def main_index(self) -> dict[str, dict]:
        """JSON results of the main chain by product and target."""
        p = self.paths
        return {
            "sky_map": {n: self.bands(p.sky_map_summary, [n]) for n in self.with_maps},
            "spectrum": {n: [p.spectrum.format(target=n)] for n in self.with_spectrum},
            "light_curve": {
                n: self.binnings(p.light_curve_summary, [n]) for n in self.with_light_curves
            },
        }

    @property
    def check_index(self) -> dict[str, dict[str, str]]:
        """JSON results of the check chain by product and target."""
        p = self.paths
        return {
            "sky_map": {n: p.check_sky_map.format(target=n) for n in self.with_maps},
            "spectrum": {n: p.check_spectrum.format(target=n) for n in self.with_spectrum},
            "light_curve": {
                n: p.check_light_curve.format(target=n) for n in self.with_light_curves
            },
        }

    def compared(self, side: str) -> list[str]:
        """Files that the comparison of the chains reads.

        Parameters
        ----------
        side : str
            ``main`` or ``check``.

        Returns
        -------
        list of str
            Paths.
        """
        if side == "check":
            return [path for files in self.check_index.values() for path in files.values()]
        return [
            path for files in self.main_index.values() for paths in files.values() for path in paths
        ]

    @property
    def comparison(self) -> dict:
        """Main and check results by product and target."""
        check = self.check_index
        return {
            product: {n: {"main": files, "check": check[product][n]} for n, files in main.items()}
            for product, main in self.main_index.items()
        }

    @property
    def normal_off(self) -> dict[str, list[str]]:
        """Energy bands by target whose off-source significance must be a standard normal."""
        return {
            n: [band_name(b) for m in t.sky_maps if m.normal_off for b in m.energy_bands_tev]
            for n, t in self.campaign.targets.items()
        }

    @property
    def truth(self) -> dict:
        """What was injected into mock data, and the targets that are held against it."""
        campaign = self.campaign
        if not campaign.is_mock:
            return {}
        settings = {name: campaign.target_settings(name) for name in self.names}
        parts = campaign.config["reconstruction"]["splits"] if self.truth_responses else {}
        found = {"mock": campaign.config["mock"], "targets": settings}
        return {**found, "responses": self.truth_responses, "splits": parts}

    @property
    def truth_responses(self) -> list[str]:
        """Numbers of the responses whose simulations mock events are drawn from."""
        mock = self.campaign.config["mock"]
        drawn = self.campaign.is_mock and mock["simulations"] is not None
        return self.responses.summaries if drawn else []

    @property
    def sidecars(self) -> list[str]:
        """Provenance sidecars of every job whose cost the summary states."""
        p, sidecar = self.paths, self.paths.sidecar
        result = [sidecar(p.observations.format(target=n)) for n in self.names]
        result += [sidecar(path) for path in self.compared("check")]
        result += [sidecar(path) for path in self.bands(p.sky_map)]
        result += [sidecar(path) for path in self.spectra(p.spectrum)]
        result += [sidecar(path) for path in self.binnings(p.light_curve)]
        for n in self.with_maps:
            for b in self.campaign.bands[n]:
                result += map(sidecar, self.chunks(p.sky_map_chunk, n, band=b))
        for n in self.with_spectrum:
            result += map(sidecar, self.chunks(p.ogip_chunk, n))
        if self.names and self.campaign.is_mock:
            chunks = self.campaign.mock_chunks
            result += [sidecar(p.mock_chunk.format(chunk=c)) for c in chunks]
            result.append(sidecar(p.mock_obs_index))
        hadrons = self.campaign.simulations.hadrons
        result += [sidecar(hadrons.pool)] if hadrons.is_needed else []
        result += map(sidecar, self.simulated(p.simulated_chunk))
        if self.campaign.simulations.split and self.campaign.simulations.backend == "iactflow":
            result += map(sidecar, self.simulated(p.photons))
        frozen = self.campaign.simulations.frozen
        result += [p.frozen_jobs.format(production=name) for name in frozen]
        result += [*self.samples.sidecars, *self.responses.sidecars]
        return [*result, *map(sidecar, self.verdicts)]
