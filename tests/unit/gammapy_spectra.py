"""Spectral data sets made by gammapy for the reference targets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import SpectrumDataset
from gammapy.makers import (
    ReflectedRegionsBackgroundMaker,
    ReflectedRegionsFinder,
    SafeMaskMaker,
    SpectrumDatasetMaker,
)
from gammapy.maps import MapAxis, RegionGeom, WcsGeom
from reference_targets import reference_targets
from regions import CircleSkyRegion


@dataclass(frozen=True)
class Made:
    """What gammapy makes of one run of a target."""

    dataset: object
    containment: np.ndarray
    mask_aeff_max: np.ndarray
    mask_aeff_default: np.ndarray


def _sky(position):
    return SkyCoord(position["ra_deg"], position["dec_deg"], unit="deg")


def on_region(target):
    """The on region."""
    return CircleSkyRegion(_sky(target["position"]), target["spectrum"]["on_radius_deg"] * u.deg)


def exclusion_mask(target):
    """Mask of pixels of 0.02 deg, the target at the centre of one."""
    circles = target["exclusion_regions"]
    if not circles:
        return None
    geom = WcsGeom.create(skydir=_sky(target["position"]), npix=(251, 251), binsz=0.02, proj="TAN")
    return ~geom.region_mask([CircleSkyRegion(_sky(c), c["radius_deg"] * u.deg) for c in circles])


def find_regions(target, ra_pnt_deg, dec_pnt_deg):
    """Centres of gammapy's off regions, right ascension and declination, deg."""
    pointing = SkyCoord(ra_pnt_deg, dec_pnt_deg, unit="deg")
    found, _ = ReflectedRegionsFinder().run(on_region(target), pointing, exclusion_mask(target))
    centres = [(r.center.icrs.ra.deg, r.center.icrs.dec.deg) for r in found]
    return np.array(centres).reshape(-1, 2).T


@cache
def gammapy_dataset(data_dir, dr1, name, run):
    """Data set of one run with off counts, and what its masks are made of."""
    target = reference_targets(data_dir)[name]
    spectrum = target["spectrum"]
    axes = [
        MapAxis.from_energy_bounds(
            axis["energy_min_tev"], axis["energy_max_tev"], axis["n_bins"], unit="TeV", name=name
        )
        for axis, name in (
            (spectrum["energy_axis"], "energy"),
            (spectrum["energy_axis_true"], "energy_true"),
        )
    ]
    observation = DataStore.from_dir(dr1).obs(run)
    geom = RegionGeom.create(on_region(target), axes=axes[:1])
    empty = SpectrumDataset.create(geom=geom, energy_axis_true=axes[1], name=str(run))
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"],
        containment_correction=spectrum["containment_correction"],
        use_region_center=True,
    )
    dataset = maker.run(empty, observation)
    masks = [
        SafeMaskMaker(methods=[m], aeff_percent=10).run(dataset.copy(), observation).mask_safe
        for m in ("aeff-max", "aeff-default")
    ]
    containment = observation.psf.containment(
        rad=spectrum["on_radius_deg"] * u.deg,
        offset=geom.separation(observation.get_pointing_icrs(observation.tmid)),
        energy_true=axes[1].center,
    )
    dataset = ReflectedRegionsBackgroundMaker(exclusion_mask=exclusion_mask(target)).run(
        SafeMaskMaker(methods=["aeff-max", "aeff-default"], aeff_percent=10).run(
            dataset, observation
        ),
        observation,
    )
    return Made(
        dataset, containment.to_value("").ravel(), masks[0].data.ravel(), masks[1].data.ravel()
    )
