"""Every path pattern of the pipeline, and the regular expression of every wildcard."""

from __future__ import annotations

from pathlib import Path

WILDCARDS = {
    "target": r"[a-z0-9][a-z0-9_-]*",
    "band": r"[0-9.e+-]+-[0-9.e+-]+",
    "binning": r"[a-z0-9][a-z0-9_-]*",
    "chunk": r"[0-9]{5}",
    "production": r"[a-z0-9][a-z0-9_-]*",
    "run": r"[0-9]+",
    "sample": r"[a-z0-9][a-z0-9_-]*",
    "part": r"(run[0-9]+|files)-[0-9]{5}",
    "node": r"(zen|run)[0-9][a-z0-9._-]*",
}


#: Folder of results that campaigns share: none of them has its name.
SHARED = "hadrons"
#: Folder of tables and forests beside those of reconstructed samples: none of them has its name.
MODELS = "models"


class Paths:
    """Path patterns of one campaign; wildcards stay in braces.

    Parameters
    ----------
    campaign : str
        Name of the campaign.
    """

    def __init__(self, campaign: str) -> None:
        root = f"results/{campaign}"
        self.root = root
        self.campaign = f"{root}/campaign.json"
        production = f"{root}/simulations/{{production}}"
        self.production = production
        # A folder: one ROOT file per level of the night-sky background.
        self.simulated_chunk = f"{production}/run{{run}}/chunks/{{chunk}}"
        self.photons = f"{production}/run{{run}}/photons/{{chunk}}.root"
        # Of a production that is read instead of simulated: its manifest, and who made it.
        self.manifest = f"{production}/manifest.txt"
        self.frozen_jobs = f"{production}/jobs.prov.json"
        self.corsika_card = f"{production}/run{{run}}/corsika/{{chunk}}.inp"
        self.corsika_profile = f"{production}/run{{run}}/corsika/{{chunk}}.atmprof.dat"
        self.corsika_photons = f"{production}/run{{run}}/corsika/{{chunk}}.corsika"
        self.simulation_summary = f"{production}/summary.json"
        self.simulation_table = f"{production}/summary.root"
        self.profiles_figure_of_showers = f"{production}/longitudinal_profiles.png"
        self.light_figure = f"{production}/light_on_the_ground.png"
        self.images_figure = f"{production}/images.png"
        # Folders of figures.
        self.trigger_figures = f"{production}/trigger"
        self.optics_figures = f"{production}/optics"
        self._set_calibration(root)
        self._set_reconstruction(root)
        self._set_responses(root)
        self.mock_chunk = f"{root}/dl3/mock/{{chunk}}"
        self.mock_root = f"{root}/dl3/mock"
        self.mock_obs_index = f"{root}/dl3/mock/obs-index.fits.gz"
        self.mock_hdu_index = f"{root}/dl3/mock/hdu-index.fits.gz"
        # A folder: a file per run, and their indices.
        self.event_lists = f"{root}/dl3/samples/{{sample}}"
        self.fetched = f"{root}/dl3/fetched"
        self.observations = f"{root}/dl3/{{target}}/observations.tsv"
        self.sky_map_chunk = f"{root}/sky_map/{{target}}/{{band}}/chunks/{{chunk}}.fits"
        self.sky_map = f"{root}/sky_map/{{target}}/{{band}}/maps.fits"
        self.sky_map_summary = f"{root}/sky_map/{{target}}/{{band}}/summary.json"
        self.sky_map_figure = f"{root}/sky_map/{{target}}/{{band}}/sky_map.png"
        self.significance_figure = f"{root}/sky_map/{{target}}/{{band}}/significance.png"
        self.ogip_chunk = f"{root}/spectrum/{{target}}/ogip/{{chunk}}"
        self.spectrum = f"{root}/spectrum/{{target}}/spectrum.json"
        self.flux_points = f"{root}/spectrum/{{target}}/flux_points.ecsv"
        self.profiles = f"{root}/spectrum/{{target}}/profiles.ecsv"
        self.theta_squared = f"{root}/spectrum/{{target}}/theta_squared.ecsv"
        self.spectrum_figure = f"{root}/spectrum/{{target}}/sed.png"
        self.counts_figure = f"{root}/spectrum/{{target}}/counts.png"
        self.theta_squared_figure = f"{root}/spectrum/{{target}}/theta_squared.png"
        self.profiles_figure = f"{root}/spectrum/{{target}}/profiles.png"
        self.regions_figure = f"{root}/spectrum/{{target}}/regions.png"
        self.light_curve = f"{root}/light_curve/{{target}}/{{binning}}/light_curve.ecsv"
        self.light_curve_summary = f"{root}/light_curve/{{target}}/{{binning}}/summary.json"
        self.light_curve_figure = f"{root}/light_curve/{{target}}/{{binning}}/light_curve.png"
        self.check_sky_map = f"{root}/cross_check/{{target}}/sky_map.json"
        self.check_spectrum = f"{root}/cross_check/{{target}}/spectrum.json"
        self.check_light_curve = f"{root}/cross_check/{{target}}/light_curve.json"
        self.verdicts = f"{root}/cross_check/verdicts.tsv"
        self.verdicts_table = f"{root}/cross_check/verdicts.html"
        self.verdicts_figure = f"{root}/cross_check/verdicts.png"
        self.truth_figure = f"{root}/cross_check/truth.png"
        self.gate = f"{root}/cross_check/gate.txt"
        self.summary = f"{root}/summary.json"
        self.overview = f"{root}/overview.html"
        self.rule_graph = f"{root}/rule_graph.png"

    def _set_calibration(self, root: str) -> None:
        sample = f"{root}/calibration/{{sample}}"
        self.calibration = f"{sample}/calibration.root"
        self.calibration_summary = f"{sample}/summary.json"
        # A folder.
        self.calibration_figures = f"{sample}/figures"

    def _set_reconstruction(self, root: str) -> None:
        sample = f"{root}/reconstruction/{{sample}}"
        # Folders: a ROOT file per raw file of the part.
        self.geometry = f"{sample}/geometry/{{part}}"
        self.events_dl2 = f"{sample}/events/{{part}}"
        self.reconstruction_summary = f"{sample}/summary.json"
        self.reconstruction_table = f"{sample}/summary.root"
        self.reconstruction_figures = f"{sample}/figures"
        self.event_figures = f"{sample}/event"
        models = f"{root}/reconstruction/{MODELS}"
        self.shape_table_chunk = f"{models}/shape_tables/{{chunk}}.root"
        self.shape_tables = f"{models}/shape_tables.root"
        self.shape_table_figures = f"{models}/figures"
        self.energy_model = f"{models}/energy.root"
        self.direction_model = f"{models}/direction.root"
        self.class_model = f"{models}/class.root"
        self.check_reconstruction = f"{root}/cross_check/{{sample}}/reconstruction/{{part}}.json"

    def _set_responses(self, root: str) -> None:
        node = f"{root}/responses/{{node}}"
        self.responses = f"{node}/irf.fits"
        self.point_like_responses = f"{node}/irf_point_like.fits"
        self.responses_summary = f"{node}/summary.json"
        # A folder.
        self.performance_figures = f"{node}/figures"
        # Next to the nodes, none of which has such a name.
        self.cuts = f"{root}/responses/cuts.json"
        self.check_responses = f"{root}/cross_check/responses/{{node}}.json"

    @staticmethod
    def hadron_pool(key: str) -> str:
        """Pool of hadronic interactions: one of all campaigns with equal settings."""
        return f"results/{SHARED}/{key}.root"

    def of_job(self, kind: str, rule: str, wildcards: tuple[str, ...], suffix: str) -> str:
        """File that accompanies every job of a rule.

        Parameters
        ----------
        kind : str
            ``log`` or ``benchmark``.
        rule : str
            Name of the rule.
        wildcards : tuple of str
            Names of its wildcards.
        suffix : str
            Ending of the file's name.

        Returns
        -------
        str
            Path pattern.
        """
        parts = [self.root, kind, rule, *(f"{{{name}}}" for name in wildcards)]
        return "/".join(parts) + suffix

    @staticmethod
    def sidecar(path: str) -> str:
        """Provenance sidecar of the job whose first output is ``path``."""
        return f"{path}.prov.json"


def dl3_file(root: str | Path, file: str) -> str:
    """Path of a run's DL3 file below the data root."""
    return f"{root}/{file}"


def band_name(band: list[float] | tuple[float, float]) -> str:
    """Name of an energy band: ``min-max`` in TeV as written.

    Parameters
    ----------
    band : sequence of float, length 2
        Lower and upper energy, TeV.

    Returns
    -------
    str
        Name, the value of the wildcard ``band``.
    """
    return f"{band[0]:g}-{band[1]:g}"
