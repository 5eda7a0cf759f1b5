"""Synthetic runs and targets for the tests of sky maps."""

from __future__ import annotations

import numpy as np

from iactflow.campaign.schema import Target
from iactflow.io.observation import Background3D, EffectiveArea, Observation, PointSpread

CENTRE = (83.63, 22.01)
AREA_M2 = 1.5e5
LIVETIME_S = 1500.0
ONTIME_S = 1600.0
PSF_SIGMA_DEG = 0.06


def target(**changes) -> dict:
    """Settings of a target with one map; keys of the map may be changed."""
    sky_map = {
        "energy_bands_tev": [[1.0, 10.0]],
        "size_deg": 3.0,
        "pixel_deg": 0.05,
        "offset_max_deg": 1.5,
        "correlation_radius_deg": 0.1,
        "ring": {"inner_radius_deg": 0.4, "width_deg": 0.2},
        "spectral_index": 2.0,
    }
    ring = {**sky_map["ring"], **changes.pop("ring", {})}
    block = {
        "label": "test",
        "position": {"ra_deg": CENTRE[0], "dec_deg": CENTRE[1]},
        "observations": {"obs_ids": [1]},
        "exclusion_regions": [
            {"ra_deg": CENTRE[0], "dec_deg": CENTRE[1], "radius_deg": 0.25},
        ],
        "spectrum": changes.pop("spectrum", None),
        "sky_maps": [{**sky_map, "ring": ring, **changes}],
    }
    return {"name": "test", **Target.model_validate(block).model_dump(mode="json")}


def flat_background(rate: float = 2e-7) -> Background3D:
    """Background rate, the same everywhere, falling as E^-2.7; at 1 TeV in s-1 MeV-1 sr-1."""
    energy, edges = np.geomspace(0.1, 100.0, 31), np.linspace(-2.5, 2.5, 26)
    centres = np.sqrt(energy[1:] * energy[:-1])
    cube = rate * centres[:, None, None] ** -2.7 * np.ones((30, 25, 25))
    return Background3D(energy, edges, edges, cube)


def point_spread() -> PointSpread:
    """Gaussian point spread function, the same at all energies and offsets."""
    energy, rad = np.geomspace(0.1, 100.0, 11), np.linspace(0.0, 0.6, 241)
    middle = np.radians(0.5 * (rad[1:] + rad[:-1])) / np.radians(PSF_SIGMA_DEG)
    density = np.exp(-0.5 * middle**2) / (2 * np.pi * np.radians(PSF_SIGMA_DEG) ** 2)
    values = np.broadcast_to(density[:, None, None], (240, 2, 10)).copy()
    return PointSpread(energy, np.array([0.0, 1.5, 3.0]), rad, values)


def effective_area(lo_thres_tev=0.5, hi_thres_tev=100.0) -> EffectiveArea:
    """Effective area, the same at all energies and offsets."""
    energy = np.geomspace(0.05, 200.0, 41)
    area = np.full((2, 40), AREA_M2)
    return EffectiveArea(energy, np.array([0.0, 1.5, 3.0]), area, lo_thres_tev, hi_thres_tev)


def make_run(obs_id, offset_deg=(0.3, 0.0), n_source=0, seed=0, **responses) -> Observation:
    """A run whose events follow the flat background, and a source at the centre if wanted."""
    random = np.random.Generator(np.random.Philox(key=[seed, obs_id]))
    ra = CENTRE[0] + offset_deg[0] / np.cos(np.radians(CENTRE[1]))
    dec = CENTRE[1] + offset_deg[1]
    # Uniform on a small square of the sphere around the pointing, wider than the field of view.
    n = int(random.poisson(1500))
    z = np.sin(np.radians(dec)) + np.radians(2.0) * random.uniform(-1, 1, n)
    event_dec = np.degrees(np.arcsin(np.clip(z, -1, 1)))
    event_ra = ra + 2.5 * random.uniform(-1, 1, n)
    source = random.normal(0.0, PSF_SIGMA_DEG, (2, n_source))
    event_ra = np.r_[event_ra, CENTRE[0] + source[0] / np.cos(np.radians(CENTRE[1]))]
    event_dec = np.r_[event_dec, CENTRE[1] + source[1]]
    energy = 0.6 * random.uniform(0, 1, n + n_source) ** (-1 / 1.7)
    default = {"aeff": effective_area(), "psf": point_spread(), "bkg": flat_background()}
    return Observation(
        obs_id=obs_id,
        ra_pnt_deg=ra % 360.0,
        dec_pnt_deg=dec,
        zenith_deg=30.0,
        livetime_s=LIVETIME_S,
        ontime_s=ONTIME_S,
        time_ref_mjd=53000.0,
        time_system="TT",
        tstart_s=0.0,
        tstop_s=ONTIME_S,
        event_time_s=np.sort(random.uniform(0, ONTIME_S, n + n_source)),
        event_ra_deg=event_ra % 360.0,
        event_dec_deg=event_dec,
        event_energy_tev=energy,
        gti_start_s=np.array([0.0]),
        gti_stop_s=np.array([ONTIME_S]),
        **{**default, **responses},
    )
