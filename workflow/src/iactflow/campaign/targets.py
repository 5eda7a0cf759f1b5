"""Every list of files that a rule collects: what the named targets ask for."""

from __future__ import annotations

from iactflow.campaign.load import LoadedCampaign
from iactflow.campaign.paths import band_name

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
        self.names = list(campaign.targets)
        self.with_spectrum = [n for n, t in campaign.targets.items() if t.spectrum is not None]
        self.with_maps = [n for n in self.names if campaign.bands[n]]
        self.with_light_curves = [n for n, t in campaign.targets.items() if t.light_curves]

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
        """Run lists of all targets, and the index of mock data."""
        lists = [self.paths.observations.format(target=n) for n in self.names]
        return lists + (list(self.campaign.indices) if self.names and self.campaign.is_mock else [])

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
        if not self.names:
            return []
        return [self.paths.verdicts, self.paths.verdicts_table, self.paths.verdicts_figure]

    @property
    def simulations(self) -> list[str]:
        """Simulated events of all productions, their summaries and figures."""
        return [
            *self.simulated(self.paths.simulated_chunk),
            *self.productions(*self.simulation_summaries, *self.simulation_figures),
        ]

    def simulated(self, pattern: str) -> list[str]:
        """Expand a pattern over productions, runs and chunks of showers.

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
        return [path for n in simulations.productions for path in simulations.jobs(pattern, n)]

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
            *self.dl3,
            *self.sky_maps,
            *self.spectra_products,
            *self.light_curves,
            *self.cross_checks,
            self.paths.summary,
            self.paths.overview,
        ]

    @property
    def gate(self) -> list[str]:
        """What fails when the two chains disagree; nothing where there is nothing to compare."""
        return [self.paths.gate] if self.names else []

    @property
    def verdicts(self) -> list[str]:
        """Table of the comparison, where there is one."""
        return [self.paths.verdicts] if self.names else []

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
        result += map(sidecar, self.simulated(p.simulated_chunk))
        if self.campaign.simulations.split and self.campaign.simulations.backend == "iactflow":
            result += map(sidecar, self.simulated(p.photons))
        return [*result, *map(sidecar, self.verdicts)]
