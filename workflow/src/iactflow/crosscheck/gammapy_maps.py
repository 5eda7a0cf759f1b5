"""Sky maps of the check chain: ring background and Li & Ma significance by gammapy."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from gammapy.datasets import MapDataset, MapDatasetOnOff
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import (
    FoVBackgroundMaker,
    MapDatasetMaker,
    RingBackgroundMaker,
    SafeMaskMaker,
)
from gammapy.maps import MapAxis, WcsGeom, WcsNDMap
from regions import CircleSkyRegion

from iactflow.campaign.json_product import write_json
from iactflow.campaign.paths import band_name
from iactflow.crosscheck.gammapy_data import open_observations, quiet, sky_position

__all__ = ["check_sky_maps"]

N_ENERGY_BINS = 8
"""Bins of a band in which the background is evaluated before it is summed."""


def check_sky_maps(inputs, outputs, params, wildcards) -> None:
    """Make the sky maps of a target by gammapy.

    Parameters
    ----------
    inputs : namespace
        ``hdu_index``, ``observations``.
    outputs : namespace
        ``check``: the block ``sky_map`` as JSON.
    params : namespace
        ``settings`` (the target). No quantity of this block is a flux, so nothing is scaled.
    wildcards : namespace
        Not used.
    """
    settings, block = params.settings, {}
    with quiet():
        observations = open_observations(inputs.hdu_index, inputs.observations)
        for sky_map in settings["sky_maps"]:
            for band in sky_map["energy_bands_tev"]:
                block[band_name(band)] = map_block(observations, settings, sky_map, band)
    write_json(outputs.check, block)


def map_block(observations, settings: dict, sky_map: dict, band) -> dict:
    """Make the maps of one band and state their numbers.

    Parameters
    ----------
    observations : gammapy.data.Observations
        The runs.
    settings : dict
        The target.
    sky_map : dict
        Block of the maps.
    band : sequence of float
        Lowest and highest energy, TeV.

    Returns
    -------
    dict
        peak_significance, peak_ra_deg, peak_dec_deg, off_mean, off_std, n_on_events. The off
        sample is the pixels outside the exclusion with an event within the correlation radius.
    """
    geom = _geometry(settings, sky_map, band)
    circles = sky_map["exclusion_regions"]
    circles = settings["exclusion_regions"] if circles is None else circles
    regions = [CircleSkyRegion(sky_position(c), c["radius_deg"] * u.deg) for c in circles]
    allowed = ~geom.to_image().region_mask(regions)
    stacked = _stack(observations, sky_map, geom, allowed)
    estimator = ExcessMapEstimator(
        sky_map["correlation_radius_deg"] * u.deg, correlate_off=False, selection_optional=[]
    )
    maps = estimator.run(stacked)
    significance, correlated = maps["sqrt_ts"].data[0], maps["counts"].data[0]
    off = significance[allowed.data & np.isfinite(significance) & (correlated > 0)]
    peak = int(np.nanargmax(significance))
    position = geom.to_image().get_coord().skycoord.ravel()[peak]
    return {
        "peak_significance": float(significance.ravel()[peak]),
        "peak_ra_deg": float(position.ra.deg),
        "peak_dec_deg": float(position.dec.deg),
        "off_mean": float(off.mean()) if off.size else None,
        "off_std": float(off.std()) if off.size else None,
        "n_on_events": int(stacked.counts.data.sum()),
    }


def _geometry(settings: dict, sky_map: dict, band) -> WcsGeom:
    axis = MapAxis.from_energy_bounds(*band, N_ENERGY_BINS, unit="TeV", name="energy")
    return WcsGeom.create(
        skydir=sky_position(sky_map["centre"] or settings["position"]),
        width=sky_map["size_deg"],
        binsz=sky_map["pixel_deg"],
        proj="TAN",
        frame="icrs",
        axes=[axis],
    )


def _stack(observations, sky_map: dict, geom: WcsGeom, allowed) -> MapDatasetOnOff:
    """Sum the counts, acceptances and ring backgrounds of all runs."""
    low, high = geom.axes["energy"].bounds
    axis_true = MapAxis.from_energy_bounds(0.5 * low, 2 * high, 4, name="energy_true")
    offset_max = sky_map["offset_max_deg"] * u.deg
    empty = MapDataset.create(geom, energy_axis_true=axis_true, name="empty")
    maker = MapDatasetMaker(selection=["counts", "background"])
    safe = SafeMaskMaker(methods=["offset-max", "aeff-default"], offset_max=offset_max)
    field_of_view = FoVBackgroundMaker(method="scale", exclusion_mask=allowed)
    ring = sky_map["ring"]
    rings = _adaptive_rings(ring, allowed) if ring["adaptive"] else []
    stacked = MapDatasetOnOff.create(geom.squash("energy"), energy_axis_true=axis_true, name="sum")
    for observation in observations:
        pointing = observation.get_pointing_icrs(observation.tmid)
        # Away from the centre of the map a degree takes more pixels: 2 offset_max cuts the rim off.
        cutout = empty.cutout(pointing, width=2.2 * offset_max, name=str(observation.obs_id))
        dataset = field_of_view.run(safe.run(maker.run(cutout, observation), observation))
        stacked.stack(_ring(dataset.to_image(), ring, allowed, rings))
    return stacked


def _adaptive_rings(ring: dict, allowed) -> list[tuple[float, WcsNDMap]]:
    """Inner radii and the pixels that take them: the smallest ring that keeps enough of its area.

    Only exclusion takes area away, not the edge of the map. Where no ring keeps enough, the widest
    is taken.
    """
    step_deg = allowed.geom.pixel_scales[0].to_value("deg")
    smallest_deg = ring["inner_radius_deg"]
    widest_deg = max(ring["inner_radius_max_deg"], smallest_deg)
    excluded = allowed.copy(data=(~allowed.data).astype(float))
    rings, missing = [], np.ones(allowed.data.shape, dtype=bool)
    n_steps = int(np.floor((widest_deg - smallest_deg) / step_deg + 1e-9))
    for step in range(n_steps + 1):
        radius_deg = smallest_deg + step * step_deg
        maker = RingBackgroundMaker(radius_deg * u.deg, ring["width_deg"] * u.deg)
        kernel = maker.kernel(allowed).array
        # the transform leaves noise on what are whole numbers of pixels
        lost = np.rint(excluded.convolve(kernel).data) / kernel.sum()
        take = missing & ((1 - lost >= ring["min_area_fraction"]) | (step == n_steps))
        if take.any():
            rings.append((radius_deg, allowed.copy(data=take)))
        missing &= ~take
    return rings


def _ring(image, ring: dict, allowed, rings) -> MapDatasetOnOff:
    """Ring background of one run, with one ring or the chosen ring of each pixel."""
    width = ring["width_deg"] * u.deg
    result = RingBackgroundMaker(ring["inner_radius_deg"] * u.deg, width, allowed).run(image)
    for radius_deg, chosen in rings:
        take = chosen.interp_to_geom(image.counts.geom.to_image()).data
        grown = RingBackgroundMaker(radius_deg * u.deg, width, allowed).make_maps_off(image)
        for name, off in grown.items():
            getattr(result, name).data[0][take] = off.data[0][take]
    result.mask_safe.data = image.mask_safe.data & (result.acceptance_off.data > 0)
    return result
