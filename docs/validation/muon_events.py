"""Images of simulated muons in a telescope of charges: cascade, light, mirrors, camera."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from air import us_standard

from iactflow.calibration.muon_light import BAND_NM, band_light
from iactflow.calibration.muons import pixel_points, ring_image
from iactflow.campaign import philox
from iactflow.campaign.streams import StreamKey
from iactflow.instrument.load import load_instrument
from iactflow.shower.cascade import CascadeSettings, Primary, cascade_steps, step_buffer
from iactflow.shower.collect import LightCollector
from iactflow.shower.light import make_light_yield
from iactflow.shower.spheres import make_spheres, sphere_states
from iactflow.telescope.detector import Detector, EventKey
from iactflow.telescope.detector_tables import light_responses, readout_function
from iactflow.telescope.night_sky import draw_night_sky
from iactflow.telescope.subarray import make_subarray

INSTRUMENTS = Path(__file__).resolve().parents[2] / "config" / "instruments"
START_M, PARTICLE_ID = 900.0, 6
SKY_NS = 160.0
# Energies of rings from 1.0 to 1.25 deg.
ENERGY_TEV = (8e-3, 60e-3)
MAX_TILT_DEG = 0.8
MAX_IMPACT = 0.85


class MuonImages(NamedTuple):
    """Calibrated images of muons, and what is known of them.

    Attributes
    ----------
    image_pe : ndarray of float32, shape (n, n_pixels)
        Charges in high gain less the pedestal, in photoelectrons.
    impact : ndarray of float64, shape (n,)
        Distance of the point of impact over the radius of the dish.
    n_pe : ndarray of int64, shape (n,)
        Photoelectrons of the muon in the camera.
    """

    image_pe: np.ndarray
    impact: np.ndarray
    n_pe: np.ndarray


class MuonTelescope:
    """A telescope of H.E.S.S. I that looks at the zenith.

    Parameters
    ----------
    seed : int
        Seed of the streams.
    throughput : float
        Throughput.
    dish_m : float
        Radius of a dish of the mirrors' area.
    """

    def __init__(self, seed: int, throughput: float, dish_m: float):
        array = load_instrument(INSTRUMENTS / "hess1" / "2006")
        telescope = replace(array.telescopes[0], x_m=0.0, y_m=0.0, z_m=0.0, throughput=throughput)
        array = replace(array, telescopes=(telescope,))
        self.seed, self.dish_m, self.level_m = seed, dish_m, array.site.altitude_m
        self.tel_id = telescope.tel_id
        self.detector = Detector(array, 90.0, 0.0)
        self.tables = self.detector.tables[self.tel_id]
        self.kind = make_subarray(array).types[0]
        self.sphere = telescope.type.optics.sphere_height_m, telescope.type.optics.sphere_radius_m
        self.atmosphere = us_standard(self.level_m)
        self.light = make_light_yield(200.0, 700.0, light_responses(array)[1])
        self.buffer = step_buffer()

    def _photoelectrons(self, number):
        """Photoelectrons of a muon, and its impact over the radius of the dish."""
        draw = StreamKey(self.seed, "muon", "muon", shower=number).generator()
        energy = ENERGY_TEV[0] * (ENERGY_TEV[1] / ENERGY_TEV[0]) ** draw.random()
        tilt = MAX_TILT_DEG * np.sqrt(draw.random())
        turn = 360.0 * draw.random()
        impact, side = MAX_IMPACT * np.sqrt(draw.random()), 2.0 * np.pi * draw.random()
        primary = Primary(
            PARTICLE_ID, energy, altitude_deg=90.0 - tilt, azimuth_deg=turn,
            start_height_m=self.level_m + START_M,
        )  # fmt: skip
        core = impact * self.dish_m * np.array([np.cos(side), np.sin(side)])
        words = StreamKey(self.seed, "shower", "muon", shower=number).words()
        height, radius = self.sphere
        spheres = make_spheres([[0.0, 0.0, height]], [radius], [core])
        states = sphere_states(self.seed, "muon", 0, number, 1, [self.tel_id])
        collector = LightCollector(spheres, self.light, self.atmosphere, states)
        settings = CascadeSettings(muon_decay=False)
        for steps in cascade_steps(primary, self.atmosphere, settings, words, self.buffer):
            collector.add(steps)
        photons = collector.collected().photons
        key = EventKey(self.seed, "muon", 0, number, 0)
        return self.detector.photoelectrons(self.tel_id, photons, key), impact

    def images(self, numbers) -> MuonImages:
        """Simulate muons.

        Parameters
        ----------
        numbers : iterable of int
            Their numbers in the random streams.

        Returns
        -------
        MuonImages
            Those that leave light.
        """
        tables, readout = self.tables, self.tables.readout
        found = []
        for number in numbers:
            electrons, impact = self._photoelectrons(number)
            if electrons.pixel.size < 50:
                continue
            key = StreamKey(self.seed, "night sky", "muon", shower=number, telescope=self.tel_id)
            state = philox.new_state(key.words())
            # Trigger so that the middle of the light is in the middle of the window.
            trigger = float(np.median(electrons.time_ns)) + readout.offset_ns - 3.0
            sky = draw_night_sky(
                tables.rates_ghz[0], trigger - SKY_NS / 2, SKY_NS, tables.afterpulsing, state
            )
            read = readout_function(tables)
            adc = read(electrons, sky, tables.currents[0], trigger, readout, state)
            charge = (adc[0] - readout.pedestal[0]) / readout.counts[0]
            found.append((charge.astype(np.float32), impact, electrons.pixel.size))
        image, impact, n_pe = zip(*found, strict=True)
        return MuonImages(np.array(image), np.array(impact), np.array(n_pe))


def ring_of_fit(fit, kind, settings):
    """Photoelectrons of a fitted ring in all pixels."""
    points, area = pixel_points(kind)
    turn = np.radians(fit.impact_azimuth_deg)
    ring = np.array([fit.efficiency, fit.impact * np.cos(turn), fit.impact * np.sin(turn),
                     fit.lon_deg, fit.lat_deg, fit.radius_deg, fit.width_deg])  # fmt: skip
    dish = settings.mirror_radius_m, settings.shadow_radius_m
    strength = band_light(BAND_NM)
    return ring_image(kind.pixel_lon_deg, kind.pixel_lat_deg, points, area, ring, strength, dish)
