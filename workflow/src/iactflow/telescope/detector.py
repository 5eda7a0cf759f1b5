"""The detector: photons at the telescopes become a triggered event of the array.

Per telescope: ray tracing, photoelectrons and their amplitudes (stream ``optics``), once for all
levels of the night sky. Per level and telescope: night sky, trigger, and for telescopes that are
read out, noise and digitisation (stream ``night_sky``). A stream belongs to one telescope of one
event and one level, named by its brightness: neither another telescope nor another level nor their
order changes it.

Work that cannot lead to an event is left out: telescopes in which no group of pixels has the least
light of `iactflow.telescope.trigger`, and levels with fewer telescopes left than any group of the
array trigger needs. The trigger sees the night sky of the pixels of such groups only; a telescope
that is read out gets the rest of it then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from iactflow.campaign import philox
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.errors import InputError
from iactflow.instrument.description import Instrument
from iactflow.telescope.amplitude import draw_amplitudes
from iactflow.telescope.array_trigger import (
    ArrayDecision,
    array_trigger,
    front_delays_ns,
    least_telescopes,
)
from iactflow.telescope.camera import PhotoElectrons, detect
from iactflow.telescope.detector_tables import (
    UnbunchedLight,
    make_telescope_tables,
    readout_function,
)
from iactflow.telescope.night_sky import complete_night_sky, draw_night_sky
from iactflow.telescope.raytrace import empty_hits, trace_photons
from iactflow.telescope.reduction import keep_pixels
from iactflow.telescope.spectrum import (
    draw_wavelengths,
    number_of_photons,
    shortest_wavelength_nm,
)
from iactflow.telescope.trigger import TriggerResult, fire_trigger, pixels_that_decide

__all__ = ["ArrayEvent", "Detector", "EventKey", "TelescopeEvent"]


class EventKey(NamedTuple):
    """What an event's random streams belong to.

    Attributes
    ----------
    campaign_seed : int
        Seed of the campaign.
    particle : str
        Primary particle.
    run, shower, reuse : int
        Run, shower in it, re-use of the shower.
    """

    campaign_seed: int
    particle: str
    run: int
    shower: int
    reuse: int


class TelescopeEvent(NamedTuple):
    """What a telescope records of an event.

    Attributes
    ----------
    tel_id : int
        Telescope.
    trigger_time_ns : float
        Its own trigger, no delay taken off, after the primary would reach its core at the speed of
        light in vacuum.
    n_trigger_pixels : int
        Pixels above the trigger threshold (analogue sum: in patches that fired).
    adc : ndarray of uint16
        Shape (n_gains, n_pixels) in mode ``charge``, (n_gains, n_pixels, n_samples) in mode
        ``waveform``; zero in pixels that the reduction of the data volume drops.
    true_image : ndarray of int32, shape (n_pixels,)
        Photoelectrons of the shower.
    n_photons : float
        Photons in the telescope's sphere, as handed to the detector.
    """

    tel_id: int
    trigger_time_ns: float
    n_trigger_pixels: int
    adc: np.ndarray
    true_image: np.ndarray
    n_photons: float


class ArrayEvent(NamedTuple):
    """A triggered event of the array at one level of the night sky.

    Attributes
    ----------
    nsb_level : int
        Number of the level.
    time_ns : float
        Time of the coincidence: of the light at the array's reference point, after the primary
        would reach the core. The delays of a plane front from the pointing and of the telescopes
        themselves are taken off.
    telescopes : tuple of TelescopeEvent
        Telescopes that are read out, by ascending number.
    """

    nsb_level: int
    time_ns: float
    telescopes: tuple[TelescopeEvent, ...]


class _Light(NamedTuple):
    """Photoelectrons of the shower in a telescope, window of its trigger; pixels that decide at
    each level it may fire at."""

    electrons: PhotoElectrons
    start_ns: float
    stop_ns: float
    n_photons: float
    levels: dict[int, np.ndarray]


class _Sky(NamedTuple):
    """Night sky in a telescope: stream, photoelectrons, and pixels and window they fill."""

    state: np.ndarray
    electrons: PhotoElectrons
    drawn: np.ndarray
    window_ns: tuple[float, float]


class Detector:
    """An array that points somewhere under some night sky.

    Parameters
    ----------
    instrument : Instrument
        Array.
    alt_deg, az_deg : float
        Pointing of all telescopes: altitude; azimuth from north through east.
    nsb_levels : sequence
        Levels of the night sky. Each is a number (brightness relative to the description's dark
        field) or a mapping from telescope to a number or to numbers per pixel.
    instrument_seed : int, optional
        Seed of what is fixed for a telescope: alignment, gains. None: from the instrument's name.
    broken_pixels : mapping of int to sequence of int, optional
        Per telescope, pixels without signal.
    light : UnbunchedLight, optional
        How photons without a wavelength (CORSIKA's) are to be drawn.

    Raises
    ------
    InputError
        If the instrument has no array trigger, pointing or levels are out of range, or a part of
        the description cannot be simulated.
    """

    def __init__(
        self,
        instrument: Instrument,
        alt_deg: float,
        az_deg: float,
        nsb_levels: Sequence[float | Mapping] = (1.0,),
        instrument_seed: int | None = None,
        broken_pixels: Mapping[int, Sequence[int]] | None = None,
        light: UnbunchedLight | None = None,
    ):
        if not nsb_levels:
            raise InputError("detector", "nsb_levels", nsb_levels, "at least one level")
        seed = campaign_seed(instrument.name) if instrument_seed is None else instrument_seed
        self.instrument = instrument
        self.n_levels = len(nsb_levels)
        self.least_telescopes = least_telescopes(instrument.triggers)
        self.tables = make_telescope_tables(
            instrument, alt_deg, az_deg, tuple(nsb_levels), seed, broken_pixels or {}, light
        )
        self.positions_m = {t.tel_id: (t.x_m, t.y_m, t.z_m) for t in instrument.telescopes}
        # Photons have their times at the centres of the spheres.
        centres_m = np.array(list(self.positions_m.values()))
        centres_m[:, 2] += [t.type.optics.sphere_height_m for t in instrument.telescopes]
        delays = front_delays_ns(centres_m, alt_deg, az_deg)
        self.delays_ns = {
            tel_id: delay + self.tables[tel_id].path_ns
            for tel_id, delay in zip(self.positions_m, delays.tolist(), strict=True)
        }
        self._hits, self._rows = empty_hits(4096)

    def respond(
        self, photons_by_tel: Mapping[int, np.ndarray], key: EventKey
    ) -> list[ArrayEvent | None]:
        """Detect an event.

        Parameters
        ----------
        photons_by_tel : mapping of int to ndarray of float32, shape (n, 8)
            Photons of each telescope, see `iactflow.shower.photons`. Those that have a wavelength
            were drawn with `iactflow.telescope.detector_tables.light_responses`.
        key : EventKey
            Names the random streams.

        Returns
        -------
        list of ArrayEvent or None
            One per level of the night sky; None: no event.

        Raises
        ------
        InputError
            If a photon has no wavelength and nothing says how to draw it.
        """
        lit = {}
        for tel_id, photons in photons_by_tel.items():
            # Without photons there is no window of time.
            if len(photons):
                electrons = self.photoelectrons(tel_id, photons, key)
                light = self._light(tel_id, electrons, number_of_photons(photons))
                if light is not None:
                    lit[tel_id] = light
        return [self._level(level, lit, key) for level in range(self.n_levels)]

    def photoelectrons(self, tel_id: int, photons: np.ndarray, key: EventKey) -> PhotoElectrons:
        """Trace and detect the photons of a telescope.

        Parameters
        ----------
        tel_id : int
            Telescope.
        photons : ndarray of float32, shape (n, 8)
            Photons, as for `respond`.
        key : EventKey
            Names the random stream.

        Returns
        -------
        PhotoElectrons
            Photoelectrons of the shower.

        Raises
        ------
        InputError
            If a photon has no wavelength and nothing says how to draw it.
        """
        tables = self.tables[tel_id]
        state = philox.new_state(_stream(key, "optics", tel_id))
        shortest = shortest_wavelength_nm(photons)
        if shortest <= 0.0:
            if tables.extinction is None:
                raise InputError("photons", "wavelength_nm", shortest, "above 0, or light given")
            photons = draw_wavelengths(photons, tables.wavelengths, tables.extinction, state)
        if len(photons) > len(self._rows):
            self._hits, self._rows = empty_hits(2 * len(photons))
        n_hits = trace_photons(
            photons, tables.rotation, tables.origin, tables.optics, state, self._hits, self._rows
        )
        pixel = np.empty(n_hits, dtype=np.int32)
        time_ns = np.empty(n_hits, dtype=np.float32)
        n = detect(self._hits, n_hits, tables.camera, tables.acceptance, state, pixel, time_ns)
        amplitude = draw_amplitudes(tables.prompt, state, n)
        return PhotoElectrons(pixel[:n], time_ns[:n], amplitude)

    def trigger(
        self, electrons_by_tel: Mapping[int, PhotoElectrons], key: EventKey, level: int = 0
    ) -> tuple[dict[int, TriggerResult], ArrayDecision | None]:
        """Decide about an event whose photoelectrons are known.

        Parameters
        ----------
        electrons_by_tel : mapping of int to PhotoElectrons
            Photoelectrons of each telescope.
        key : EventKey
            Names the random streams of the night sky.
        level : int
            Level of the night sky.

        Returns
        -------
        fired : dict of int to TriggerResult
            Telescopes that fired.
        decision : ArrayDecision or None
            What the array does; None: no event.
        """
        lit = {}
        for tel_id, electrons in electrons_by_tel.items():
            light = self._light(tel_id, electrons, 0.0)
            if light is not None and level in light.levels:
                lit[tel_id] = light
        _, fired, decision = self._decide(level, lit, key)
        return fired, decision

    def _light(self, tel_id, electrons, n_photons) -> _Light | None:
        """Window and levels of the trigger; None where it fires at no level."""
        tables = self.tables[tel_id]
        levels = {}
        for level, sky in enumerate(tables.skies):
            decisive = pixels_that_decide(tables.trigger, sky, electrons)
            if decisive is not None:
                levels[level] = decisive
        if not levels:
            return None
        n = electrons.pixel.size
        edges = sorted({int(0.02 * n), n - 1 - int(0.02 * n)})
        times = np.partition(electrons.time_ns, edges)
        # Late and early stragglers (scattered electrons, muons) trigger nothing.
        start = float(times[edges[0]]) + tables.trigger_reach_ns[0]
        stop = float(times[edges[-1]]) + tables.trigger_reach_ns[1]
        return _Light(electrons, start, stop, n_photons, levels)

    def _level(self, level, lit, key) -> ArrayEvent | None:
        """Trigger and read-out at one level of the night sky."""
        bright = {tel_id: light for tel_id, light in lit.items() if level in light.levels}
        if len(bright) < self.least_telescopes:
            return None
        skies, fired, decision = self._decide(level, bright, key)
        if decision is None:
            return None
        telescopes = tuple(
            self._read(level, tel_id, lit[tel_id], skies[tel_id], fired[tel_id])
            for tel_id in decision.tel_ids
        )
        return ArrayEvent(level, decision.time_ns, telescopes)

    def _decide(self, level, lit, key):
        """Night skies and results of the telescopes that fired; decision of the array."""
        skies, fired = {}, {}
        for tel_id, light in lit.items():
            sky, result = self._trigger(level, tel_id, light, key)
            if result.fired:
                skies[tel_id], fired[tel_id] = sky, result
        times_ns = [result.time_ns for result in fired.values()]
        decision = array_trigger(
            self.instrument.triggers, list(fired), times_ns, self.delays_ns, self.positions_m
        )
        return skies, fired, decision

    def _trigger(self, level, tel_id, light, key) -> tuple[_Sky, TriggerResult]:
        tables = self.tables[tel_id]
        state = philox.new_state(_stream(key, "night_sky", tel_id, tables.level_keys[level]))
        window = (
            light.start_ns - tables.trigger_pulse_ns[1],
            light.stop_ns - tables.trigger_pulse_ns[0],
        )
        drawn = light.levels[level]
        rates = np.where(drawn, tables.rates_ghz[level], 0.0)
        electrons = draw_night_sky(
            rates, window[0], window[1] - window[0], tables.afterpulsing, state
        )
        result = fire_trigger(
            tables.trigger,
            tables.skies[level],
            light.electrons,
            electrons,
            light.start_ns,
            light.stop_ns,
        )
        return _Sky(state, electrons, drawn, window), result

    def _read(self, level, tel_id, light, sky, result) -> TelescopeEvent:
        tables = self.tables[tel_id]
        low, high = tables.readout_reach_ns
        electrons = complete_night_sky(
            sky.electrons,
            sky.drawn,
            sky.window_ns,
            (result.time_ns + low, result.time_ns + high),
            tables.rates_ghz[level],
            tables.afterpulsing,
            sky.state,
        )
        adc = readout_function(tables)(
            light.electrons,
            electrons,
            tables.currents[level],
            result.time_ns,
            tables.readout,
            sky.state,
        )
        if tables.reduction is not None:
            # Charges are waveforms of one sample to it.
            keep_pixels(np.atleast_3d(adc), tables.readout, tables.reduction)
        image = np.bincount(light.electrons.pixel, minlength=tables.n_pixels).astype(np.int32)
        return TelescopeEvent(tel_id, result.time_ns, result.n_pixels, adc, image, light.n_photons)


def _stream(key: EventKey, stage: str, tel_id: int, level_key: int = 0) -> np.ndarray:
    return StreamKey(
        key.campaign_seed, stage, key.particle, key.run, key.shower, key.reuse, tel_id, level_key
    ).words()
