"""Made-up spectral data sets, and their twins in gammapy."""

from __future__ import annotations

import numpy as np

from iactflow.science.dataset import SpectrumDataset
from iactflow.science.models import integral

ENERGY_EDGES = np.geomspace(0.1, 100.0, 37)
ENERGY_TRUE_EDGES = np.geomspace(0.05, 150.0, 43)
CRAB_LIKE = (3.8e-11, 2.5)


def energy_dispersion(width=0.15):
    """Log-normal migration, without bias, shape (true, reconstructed)."""
    centre = np.sqrt(ENERGY_TRUE_EDGES[1:] * ENERGY_TRUE_EDGES[:-1])
    x = np.log(ENERGY_EDGES[None, :] / centre[:, None]) / width
    cumulative = 0.5 * (1 + np.tanh(x * np.sqrt(2 / np.pi) * (1 + 0.0447 * x**2)))
    matrix = np.diff(cumulative, axis=1)
    return np.where(matrix > 1e-6, matrix, 0.0)


def make_runs(
    model="pl",
    parameters=CRAB_LIKE,
    *,
    n_runs=3,
    livetime_s=1600.0,
    seed=1,
    alpha=0.1,
    off_scale=1.0,
):
    """Sample runs of a source of a given spectrum; thresholds differ from run to run."""
    generator = np.random.default_rng(seed)
    centre_true = np.sqrt(ENERGY_TRUE_EDGES[1:] * ENERGY_TRUE_EDGES[:-1])
    centre = np.sqrt(ENERGY_EDGES[1:] * ENERGY_EDGES[:-1])
    flux = integral(model, parameters, ENERGY_TRUE_EDGES)
    runs = []
    for k in range(n_runs):
        area_cm2 = 2e9 * centre_true**2 / (centre_true**2 + 0.2) * (1 - 0.1 * k)
        exposure = area_cm2 * livetime_s
        edisp = energy_dispersion()
        off = livetime_s * 0.012 * centre**-1.7
        signal = (exposure * flux) @ edisp
        runs.append(
            SpectrumDataset(
                name=str(k + 1),
                energy_edges_tev=ENERGY_EDGES,
                energy_true_edges_tev=ENERGY_TRUE_EDGES,
                n_on=generator.poisson(signal + alpha * off).astype(float),
                n_off=generator.poisson(off).astype(float),
                acceptance=np.ones(centre.size),
                acceptance_off=np.full(centre.size, 1 / alpha),
                exposure_cm2_s=exposure,
                edisp=edisp,
                mask_safe=(centre > 0.3 + 0.1 * k) & (centre < 40),
                livetime_s=livetime_s,
                ontime_s=1.05 * livetime_s,
                time_ref_mjd=53000.0,
                gti_start_s=np.array([2000.0 * k]),
                gti_stop_s=np.array([2000.0 * k + 1.05 * livetime_s]),
            )
        )
    return runs


def to_gammapy(run):
    """The same data set as gammapy's SpectrumDatasetOnOff."""
    from astropy import units as u
    from gammapy.data import GTI
    from gammapy.datasets import SpectrumDatasetOnOff
    from gammapy.irf import EDispKernelMap
    from gammapy.maps import MapAxis, RegionGeom, RegionNDMap

    axis = MapAxis.from_energy_edges(run.energy_edges_tev * u.TeV, name="energy")
    true = MapAxis.from_energy_edges(run.energy_true_edges_tev * u.TeV, name="energy_true")
    region = "icrs;circle(83.63, 22.01, 0.11)"
    geom = RegionGeom.create(region, axes=[axis])

    def reco(values):
        return RegionNDMap(geom, data=np.asarray(values)[:, None, None])

    geom_true = RegionGeom.create(region, axes=[true])
    exposure = RegionNDMap(geom_true, data=run.exposure_cm2_s[:, None, None], unit="cm2 s")
    kernel = RegionNDMap(
        RegionGeom.create(region, axes=[axis, true]), data=run.edisp[:, :, None, None]
    )
    return SpectrumDatasetOnOff(
        name=run.name,
        counts=reco(run.n_on),
        counts_off=reco(run.n_off),
        acceptance=reco(run.acceptance),
        acceptance_off=reco(run.acceptance_off),
        exposure=exposure,
        edisp=EDispKernelMap(kernel, exposure.copy()),
        mask_safe=reco(run.mask_safe),
        gti=GTI.create(0 * u.s, run.livetime_s * u.s),
    )


def gammapy_model(model, parameters, reference_tev=1.0):
    """A spectral model in gammapy."""
    from gammapy.modeling.models import spectral

    from iactflow.science.models import PARAMETERS, units

    kinds = {
        "pl": spectral.PowerLawSpectralModel,
        "bpl": spectral.BrokenPowerLawSpectralModel,
        "ecpl": spectral.ExpCutoffPowerLawSpectralModel,
        "lp": spectral.LogParabolaSpectralModel,
    }
    pairs = zip(PARAMETERS[model], parameters, units(model), strict=True)
    keywords = {name: f"{value} {unit}" for name, value, unit in pairs}
    if model != "bpl":
        keywords["reference"] = f"{reference_tev} TeV"
    return kinds[model](**keywords)
