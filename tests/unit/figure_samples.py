"""Small results of a made-up target, as the stages write them, and looks at figures."""

from __future__ import annotations

import json
from types import SimpleNamespace

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from matplotlib.backends.backend_agg import FigureCanvasAgg

from iactflow.campaign.schema import Target
from iactflow.science.models import dnde

RA_DEG, DEC_DEG = 228.529, -59.157
PUBLISHED = {
    "label": "earlier work",
    "source": "A. Author 2006",
    "model": "ecpl",
    "amplitude": 3.76e-11,
    "index": 2.39,
    "energy_cutoff_tev": 14.3,
    "energy_min_tev": 0.44,
    "energy_max_tev": 40.0,
}


def settings(**changes) -> dict:
    """Settings of a target with a map, a spectrum and a light curve."""
    circle = {"ra_deg": RA_DEG, "dec_deg": DEC_DEG, "radius_deg": 0.4}
    block = {
        "label": "Test source",
        "position": {"ra_deg": RA_DEG, "dec_deg": DEC_DEG},
        "observations": {"obs_ids": [1, 2]},
        "exclusion_regions": [circle],
        "sky_maps": [{"energy_bands_tev": [[1.0, 10.0]], "size_deg": 2.0}],
        "spectrum": {
            "published": [PUBLISHED],
            "models": [{"model": "pl"}, {"model": "lp"}],
            "flux_points": {"model": "pl"},
        },
        "light_curves": {"run_wise": {"binning": "run_wise"}},
    }
    target = Target.model_validate_json(json.dumps({**block, **changes}))
    return {"name": "test", **target.model_dump(mode="json")}


def write_maps(path, peak: float = 12.0, leave_out: str = "") -> np.ndarray:
    """Write a map with a source in the middle; return its significance."""
    n, pixel = 100, 0.02
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [RA_DEG, DEC_DEG]
    wcs.wcs.crpix = [0.5 * (n + 1)] * 2
    wcs.wcs.cdelt = [-pixel, pixel]
    y, x = np.mgrid[:n, :n] - 0.5 * (n - 1)
    radius = np.hypot(x, y) * pixel
    significance = np.random.default_rng(7).normal(size=(n, n))
    significance += peak * np.exp(-0.5 * (radius / 0.08) ** 2)
    significance[radius > 0.95] = np.nan
    layers = {
        "SIGNIFICANCE": significance,
        "EXCESS": 3.0 * significance,
        "EXCLUSION": (radius > 0.4).astype(np.uint8),
        "N_ON": np.full((n, n), 5.0),
    }
    hdus = fits.HDUList([fits.PrimaryHDU()])
    hdus[0].header["PSF68"] = 0.09
    for name, layer in layers.items():
        if name != leave_out:
            hdus.append(fits.ImageHDU(layer, wcs.to_header(), name=name))
    hdus.writeto(path)
    return significance


def fit_block(model: str = "pl") -> dict:
    """Block of a fitted model, amplitude 3e-11, with its counts."""
    shapes = {"pl": {"index": (2.6, 0.05)}, "lp": {"alpha": (2.5, 0.1), "beta": (0.1, 0.05)}}
    parameters = {"amplitude": (3e-11, 2e-12), **shapes[model]}
    errors = [error for _, error in parameters.values()]
    edges = np.geomspace(0.1, 100.0, 73)
    centre = np.sqrt(edges[1:] * edges[:-1])
    used = (centre > 0.6) & (centre < 30.0)
    signal = np.where(used, 40.0 * centre**-1.6, 0.0)
    background = np.where(used, 3.0 * centre**-1.0, 0.0)
    n_on = np.random.default_rng(3).poisson(signal + background)
    return {
        "parameters": {
            name: {"value": value, "error": error, "unit": _unit(name)}
            for name, (value, error) in parameters.items()
        },
        "covariance": np.diag(np.square(errors)).tolist(),
        "reference_tev": 1.0,
        "stat": 40.0,
        "n_bins": int(used.sum()),
        "energy_min_tev": 0.6,
        "energy_max_tev": 30.0,
        "counts": {
            "energy_edges_tev": edges.tolist(),
            "n_on": n_on.tolist(),
            "background": background.tolist(),
            "npred_signal": signal.tolist(),
            "n_on_all": (n_on + (centre < 0.6) * (centre > 0.4) * 7).tolist(),
        },
    }


def _unit(parameter: str) -> str:
    return "cm-2 s-1 TeV-1" if parameter == "amplitude" else ""


def flux_points() -> Table:
    """Flux points on the power law; the last one is an upper limit."""
    edges = np.array([0.7, 1.0, 1.4, 2.0, 3.0, 4.5, 7.0, 12.0])
    centre = np.sqrt(edges[1:] * edges[:-1])
    flux = dnde("pl", [3e-11, 2.6], centre)
    unit = u.Unit("cm-2 s-1 TeV-1")
    return Table(
        {
            "e_ref": centre * u.TeV,
            "e_min": edges[:-1] * u.TeV,
            "e_max": edges[1:] * u.TeV,
            "dnde": flux * unit,
            "dnde_errn": 0.1 * flux * unit,
            "dnde_errp": 0.12 * flux * unit,
            "dnde_ul": 1.25 * flux * unit,
            "is_ul": np.arange(flux.size) == flux.size - 1,
        }
    )


def spectrum_block() -> dict:
    """Content of ``spectrum.json``."""
    points = flux_points()
    names = {"e_ref": "e_ref_tev", "e_min": "e_min_tev", "e_max": "e_max_tev"}
    columns = ("e_ref", "e_min", "e_max", "dnde", "dnde_errn", "dnde_errp", "dnde_ul")
    return {
        "obs_ids": [1, 2],
        "dropped": [{"obs_id": 3, "reason": "no room for off regions"}],
        "on_radius_deg": 0.11,
        "n_on": 300,
        "n_off": 800,
        "alpha": 0.1,
        "excess": 220.0,
        "significance": 18.2,
        "livetime_s": 3200.0,
        "n_on_per_run": {"1": 160, "2": 140},
        "models": {name: fit_block(name) for name in ("pl", "lp")},
        "flux_points": [
            {names.get(c, c): float(row[c]) for c in columns} | {"sqrt_ts": 5.0} for row in points
        ],
    }


def write_spectrum(folder) -> SimpleNamespace:
    """Write everything that ``plot_spectrum`` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = SimpleNamespace(
        spectrum=str(folder / "spectrum.json"),
        flux_points=str(folder / "flux_points.ecsv"),
        profiles=str(folder / "profiles.ecsv"),
        theta_squared=str(folder / "theta_squared.ecsv"),
        ogip=[str(folder / "chunk0"), str(folder / "chunk1")],
    )
    (folder / "spectrum.json").write_text(json.dumps(spectrum_block()))
    flux_points().write(paths.flux_points, format="ascii.ecsv")
    profiles_table().write(paths.profiles, format="ascii.ecsv")
    edges = np.linspace(0.0, 0.0484, 41)
    Table(
        {
            "theta_squared_min_deg2": edges[:-1] * u.deg**2,
            "theta_squared_max_deg2": edges[1:] * u.deg**2,
            "n_on": np.round(60 * np.exp(-edges[:-1] / 0.008) + 5),
            "n_off": np.full(40, 50.0),
            "alpha": np.full(40, 0.1),
        }
    ).write(paths.theta_squared, format="ascii.ecsv")
    for i, chunk in enumerate(paths.ogip):
        (folder / f"chunk{i}").mkdir()
        _write_regions(chunk, i + 1)
    return paths


def profiles_table() -> Table:
    """Parabolic profiles of all parameters and of three flux points."""
    rows = []
    for model in ("pl", "lp"):
        for name, p in fit_block(model)["parameters"].items():
            for pull in np.linspace(-3.5, 3.5, 15):
                value = p["value"] + pull * p["error"]
                rows.append(("parameter", model, name, p["unit"], np.nan, value, pull**2))
    for energy in (0.8, 2.0, 5.0):
        for pull in np.linspace(-3, 3, 13):
            rows.append(("flux_point", "pl", "norm", "", energy, 1 + 0.1 * pull, pull**2))
    names = ("kind", "model", "parameter", "unit", "e_ref_tev", "value", "delta_stat")
    return Table(rows=rows, names=names)


def _write_regions(chunk: str, obs_id: int) -> None:
    pointing = RA_DEG, DEC_DEG + (0.5 if obs_id == 1 else -0.5)
    angle = np.linspace(0.5, 5.8, 6)
    kind = np.array(["on"] + ["off"] * 6)
    Table(
        {
            "obs_id": np.full(7, obs_id),
            "kind": kind,
            "ra_deg": np.append(RA_DEG, pointing[0] + np.sin(angle)),
            "dec_deg": np.append(DEC_DEG, pointing[1] + 0.5 * np.cos(angle)),
            "radius_deg": np.full(7, 0.11),
        }
    ).write(f"{chunk}/regions.ecsv", format="ascii.ecsv")
    Table(
        {
            "obs_id": [obs_id],
            "ra_pnt_deg": [pointing[0]],
            "dec_pnt_deg": [pointing[1]],
            "status": ["kept" if obs_id == 1 else "dropped"],
            "reason": ["" if obs_id == 1 else "no room for off regions"],
        }
    ).write(f"{chunk}/runs.ecsv", format="ascii.ecsv")


def text_outside(figure) -> list[str]:
    """Axes and texts of a figure that reach beyond its edges, by more than a pixel."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in figure.texts]
    boxes += [
        (a.get_title(loc="left"), a.get_tightbbox(renderer)) for a in figure.axes if a.get_visible()
    ]
    width, height = figure.bbox.width + 1, figure.bbox.height + 1
    return [
        name
        for name, box in boxes
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width or box.y1 > height
    ]
