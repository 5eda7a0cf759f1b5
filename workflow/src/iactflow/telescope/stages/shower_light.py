"""Photons of one simulated shower, in as much memory as they may take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from iactflow.campaign.streams import StreamKey
from iactflow.shower.cascade import CascadeSettings, Primary, ShowerSummary, cascade_steps
from iactflow.shower.collect import CollectedPhotons, LightCollector, reuse_groups
from iactflow.shower.light import add_emitted_light, make_light_yield
from iactflow.shower.primaries import Thrown
from iactflow.shower.spheres import make_spheres, sphere_states
from iactflow.telescope.stages.setup import Setup

__all__ = ["MOST_PHOTONS", "ShowerLight"]

# 36 to 45 bytes each while they are drawn, 32 afterwards. What was drawn before may still be in
# use: 400 MB in all.
MOST_PHOTONS = 5_000_000
# Photons that count as emitted: 300 to 600 nm, the band of most published numbers.
BAND_YIELD = float(make_light_yield(300.0, 600.0).photons_per_m[0])


class ShowerLight:
    """Simulates a shower; gives the photons of each telescope, re-use by re-use.

    A shower with more light than may be kept is simulated again for groups of its re-uses. Its
    random streams have keys, so that it is the same shower, and each sphere has a stream of its
    own, so that the photons are the same, too. At least one re-use is kept as a whole.

    Parameters
    ----------
    setup : Setup
        Array and air of the run.
    thrown : Thrown
        Primary and cores.
    room : ndarray of float64, shape (n, 11)
        Buffer for steps; in use while photons are drawn.
    most_photons : int, optional
        Photons to keep at a time; without influence on the result.

    Attributes
    ----------
    summary : ShowerSummary
        First interaction and longitudinal profile.
    n_photons : float
        Cherenkov photons emitted.
    """

    def __init__(
        self,
        setup: Setup,
        thrown: Thrown,
        room: np.ndarray,
        most_photons: int = MOST_PHOTONS,
    ):
        self._setup, self._thrown, self._room, self._most = setup, thrown, room, most_photons
        emitted = np.zeros(1)
        collector, self.summary = self._draw(slice(None), most_photons, emitted)
        self.n_photons = float(emitted[0])
        self._counts = collector.counts.reshape(len(thrown.cores_m), -1).sum(axis=1)
        self._kept = collector.collected() if collector.complete else None

    def __iter__(self) -> Iterator[dict[int, np.ndarray]]:
        """Photons of each telescope, float32 of shape (n, 8), for one re-use after the other."""
        if self._kept is not None:
            yield from self._by_reuse(self._kept)
            return
        for reuses in reuse_groups(self._counts, self._most):
            yield from self._by_reuse(self._draw(reuses)[0].collected())

    def _by_reuse(self, collected: CollectedPhotons) -> Iterator[dict[int, np.ndarray]]:
        tel_ids = self._setup.tel_ids
        for reuse in range(len(collected.counts())):
            yield {tel_id: collected.at(reuse, i) for i, tel_id in enumerate(tel_ids)}

    def _draw(
        self, reuses: slice, most_photons: int | None = None, emitted: np.ndarray | None = None
    ) -> tuple[LightCollector, ShowerSummary]:
        """Simulate the shower and draw the light of some of its re-uses."""
        setup, thrown = self._setup, self._thrown
        site, n_tel = setup.instrument.site, len(setup.tel_ids)
        field = (site.magnetic_north_ut, site.magnetic_west_ut, site.magnetic_up_ut)
        # Photons make hadrons where hadrons are followed; elsewhere their energy would be lost.
        cuts = CascadeSettings(
            magnetic_field_ut=field,
            photonuclear=setup.hadrons is not None,
            **setup.settings["shower"]["cascade"],
        )
        place = (setup.settings["particle"], setup.run, thrown.shower_id)
        states = sphere_states(setup.seed, *place, len(thrown.cores_m), setup.tel_ids)
        states = states.reshape(len(thrown.cores_m), n_tel, -1)[reuses].reshape(-1, states.shape[1])
        kinds = [setup.kinds[tel_id] for tel_id in setup.tel_ids]
        spheres = make_spheres(setup.centres_m, setup.radii_m, thrown.cores_m[reuses], kinds)
        collector = LightCollector(
            spheres, setup.light, setup.atmosphere, states, most_photons=most_photons
        )
        primary = Primary(thrown.particle_id, thrown.energy_tev, thrown.alt_deg, thrown.az_deg)
        words = StreamKey(setup.seed, "shower", *place).words()
        generator = StreamKey(setup.seed, "hadron_interactions", *place).generator()
        cascade = cascade_steps(
            primary, setup.atmosphere, cuts, words, self._room, setup.hadrons, generator
        )
        for steps in cascade:
            collector.add(steps)
            if emitted is not None:
                add_emitted_light(steps, setup.atmosphere, BAND_YIELD, 0.0, 1.0, emitted)
        return collector, cascade.summary
