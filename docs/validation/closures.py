"""Mock observations drawn from simulated events and analysed by the main chain."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from iactflow.campaign.mock_runs import run_span_s
from iactflow.campaign.mock_truth import TIME_REFERENCE_MJD, factor_mean_between, run_start_s
from iactflow.campaign.streams import campaign_seed
from iactflow.crosscheck.truth import injected_flux
from iactflow.dl3.mock_simulations import Simulations
from iactflow.dl3.simulated_events import Sample
from iactflow.io.gadf_responses import CONDITIONS, ResponseFile, write_responses
from iactflow.response.node import Node, read_signal, signal_of
from iactflow.response.signal import Axes as ResponseAxes
from iactflow.response.signal import signal_tables, widened
from iactflow.response.summary import signal_numbers
from iactflow.science.dataset import Axes, energy_edges_tev, extract, extract_intervals
from iactflow.science.fit import fit_model
from iactflow.science.folding import folding_data
from iactflow.science.light_curve import SpectralShape, fit_light_curve
from iactflow.science.map_products import make_products, summarise
from iactflow.science.maps import MapDefinition, MapFiller

PARTS = ("test_irfs", "mock")
SECONDS_PER_DAY = 86400.0


class Found(NamedTuple):
    """What the main chain finds in one mock observation; truth in the same order."""

    parameters: np.ndarray  # amplitude, index
    errors: np.ndarray
    covariance: np.ndarray
    fluxes: np.ndarray  # light curve
    flux_errors: np.ndarray  # on the side of the truth
    position_deg: np.ndarray  # right ascension on the circle, declination, less the truth
    position_error_deg: float
    excess: np.ndarray  # of the bins of the light curve
    predicted: np.ndarray
    variance: np.ndarray
    full_parameters: np.ndarray  # with responses of full enclosure
    full_errors: np.ndarray


def part_responses(folder, paths, axes: dict, cuts, split: str, bkg, zenith_deg=20.0):
    """Write the responses of a part of the showers, with a background.

    Returns the file; with a cut on the direction, also area, dispersion and headline numbers of the
    events inside it.
    """
    node = Node("closure", 1.0, zenith_deg, split=split)
    edges = ResponseAxes(*(np.array(axes[name], dtype=float) for name in ResponseAxes._fields))
    sample = read_signal(paths, node, edges)
    signal, sums, _ = signal_of(sample, node, cuts, edges)
    tables = [widened(table) for table in signal_tables(edges, sums, signal)]
    values = dict(zip(CONDITIONS, (zenith_deg, 180.0, 1.0, 1.0), strict=True))
    path = folder / f"{split}.fits"
    write_responses(path, ResponseFile(*tables, bkg), values)
    signal, sums, events = signal_of(sample, node, cuts, edges, with_direction=True)
    inside = [widened(table) for table in signal_tables(edges, sums, signal)[:2]]
    return (
        path,
        dict(zip(("aeff", "edisp"), inside, strict=True)),
        signal_numbers(edges, signal, sums, events),
    )


class Mocks:
    """Mock observations drawn from one part of the showers, analysed with the other's responses.

    ``part`` is the part that events are drawn from; ``path`` the file of the other's responses.
    ``inside`` holds area and dispersion of the on region, in place of those of full enclosure with
    the correction for containment.
    """

    def __init__(self, settings, target, samples, cuts, part, path, inside=None) -> None:
        params = SimpleNamespace(
            samples={"signal": samples, "background": {}},
            seed=0,
            cuts={},
            estimators={"energy": "tables", "direction": "geometry"},
        )
        self.simulations = Simulations(settings, SimpleNamespace(), params)
        self.simulations.samples["signal"] = [
            Sample(name, paths, cuts, split=part) for name, paths in samples.items()
        ]
        self.settings, self.path, self.inside = settings, path, inside
        self.full, spectrum = target, target["spectrum"]
        self.target = target
        if inside is not None:
            self.target = {**target, "spectrum": {**spectrum, "containment_correction": False}}
        self.axes = Axes(
            *(energy_edges_tev(spectrum[name]) for name in ("energy_axis", "energy_axis_true"))
        )

    def draw(self, name: str) -> list:
        """Runs of a mock observation."""
        self.simulations.seed = campaign_seed(name)
        numbers = range(1, self.settings["n_runs"] + 1)
        return [self.simulations.draw(i, [self.path])[0] for i in numbers]

    def truth(self, bins_s) -> tuple[np.ndarray, np.ndarray]:
        """Parameters over all runs, and fluxes of the light curve, as injected."""
        source = self.settings["source"]
        spans = run_span_s(self.settings, np.arange(1, self.settings["n_runs"] + 1))
        mean = factor_mean_between(source, *spans)
        factors = np.array([self._factor(*ends) for ends in bins_s])
        quiet = injected_flux(source, *self.energy_range)
        return np.array([source["amplitude"] * mean, source["index"]]), factors * quiet

    @property
    def energy_range(self):
        """Edges of the axis of energy, TeV."""
        return float(self.axes.energy_edges_tev[0]), float(self.axes.energy_edges_tev[-1])

    def _factor(self, start_s, stop_s):
        spans = run_span_s(self.settings, np.arange(1, self.settings["n_runs"] + 1))
        low, high = (np.clip(s, start_s, stop_s) for s in spans)
        return factor_mean_between(self.settings["source"], low, high)

    def analyse(self, name: str, bins_s) -> Found:
        """Draw a mock observation and analyse it."""
        runs = self.draw(name)
        full = fit = self._fit(runs, self.full)
        place, error = self._position(runs)
        if self.inside is not None:
            runs = [replace(run, **self.inside) for run in runs]
            fit = self._fit(runs, self.target)
        curve, counts = self._light_curve(runs, bins_s)
        wanted = self.truth(bins_s)[1]
        side = np.where(curve.flux < wanted, curve.flux_errp, curve.flux_errn)
        side = np.where(side > 0.0, side, curve.flux_err)
        light_curve = curve.flux, side, place, error, *counts
        return Found(fit.values, fit.errors, fit.covariance, *light_curve, full.values, full.errors)

    def _fit(self, runs, target):
        safe = target["spectrum"]["safe_range"]
        return fit_model(folding_data([extract(r, target, self.axes, safe) for r in runs]), "pl")

    def _light_curve(self, runs, bins_s):
        safe, first_s = self.target["spectrum"]["safe_range"], run_start_s(self.settings, 1)
        intervals = np.asarray(bins_s) + first_s
        datasets, places = [], []
        for run in runs:
            parts = extract_intervals(run, self.target, self.axes, safe, intervals)
            for place, part in enumerate(parts):
                if part is not None:
                    datasets.append(part)
                    places.append(place)
        bins_mjd = TIME_REFERENCE_MJD + intervals / SECONDS_PER_DAY
        source = self.settings["source"]
        shape = SpectralShape.power_law(source["index"])
        curve = fit_light_curve(datasets, places, bins_mjd, shape, self.energy_range)
        data, places = folding_data(datasets), np.array(places)
        mu = data.predict("pl", np.array([source["amplitude"], source["index"]]))
        background, of = data.alpha * data.n_off, places[data.run]
        columns = data.n_on - background, mu, data.n_on + data.alpha * background
        sums = [np.bincount(of, column, minlength=len(bins_s)) for column in columns]
        sums[1] *= np.array([self._factor(*ends) for ends in bins_s])
        return curve, sums

    def _position(self, runs):
        band = next(iter(self.target["sky_maps"]))["energy_bands_tev"][0]
        definition = MapDefinition.from_target(self.target, f"{band[0]:g}-{band[1]:g}")
        filler = MapFiller(definition)
        for run in runs:
            filler.add(run)
        found, true = summarise(make_products(definition, filler.sums)), self.target["position"]
        if found["position_error_deg"] is None:
            return np.full(2, np.nan), np.nan
        away = np.array([found[f"position_{k}"] - true[k] for k in ("ra_deg", "dec_deg")])
        away[0] *= np.cos(np.radians(true["dec_deg"]))
        return away, found["position_error_deg"]
