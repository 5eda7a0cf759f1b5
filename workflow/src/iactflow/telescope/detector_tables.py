"""What a detector needs of each telescope, made once per pointing and night sky."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from iactflow.atmosphere.extinction import ExtinctionTable
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.instrument.description import (
    Curve,
    Instrument,
    Optics,
    Telescope,
    TelescopeTrigger,
)
from iactflow.telescope.amplitude import AmplitudeTable, make_amplitude_table
from iactflow.telescope.array_trigger import LIGHT_SPEED_M_NS
from iactflow.telescope.camera import CameraTable, make_camera_table
from iactflow.telescope.charge import read_charge
from iactflow.telescope.night_sky import night_sky_rates
from iactflow.telescope.optics import OpticsTable, make_optics_table, pointing
from iactflow.telescope.readout import ReadoutTable, make_readout_table
from iactflow.telescope.reduction import ReductionTable, make_reduction_table
from iactflow.telescope.spectrum import (
    WavelengthTable,
    make_wavelength_table,
    spectral_response,
)
from iactflow.telescope.trigger import TriggerSky, TriggerTable, trigger_sky, trigger_table
from iactflow.telescope.waveforms import read_waveforms

__all__ = [
    "TelescopeTables",
    "UnbunchedLight",
    "light_responses",
    "make_telescope_tables",
    "readout_function",
]


class UnbunchedLight(NamedTuple):
    """How photons that have no wavelength are drawn.

    Attributes
    ----------
    extinction : ExtinctionTable
        From the height of emission to the observation level.
    band_nm : tuple of two float
        Band in which they were produced.
    """

    extinction: ExtinctionTable
    band_nm: tuple[float, float]


class TelescopeTables(NamedTuple):
    """Tables of one telescope.

    Attributes
    ----------
    n_pixels : int
        Pixels of the camera.
    optics : OpticsTable
        Reflector at this zenith angle.
    rotation, origin : ndarray of float64, shape (3, 3) and (3,)
        Pointing.
    camera : CameraTable
        Pixels.
    acceptance : float
        Throughput relative to that which light is drawn with.
    prompt, afterpulsing : AmplitudeTable
        Amplitudes of photoelectrons of the shower and of the night sky.
    trigger : TriggerTable
        Trigger.
    readout : ReadoutTable
        Electronics.
    waveform : bool
        Whether waveforms are read, not charges.
    level_keys : tuple of int
        Per level of the night sky, its number in the keys of random streams.
    rates_ghz, currents : tuple of ndarray of float64, shape (n_pixels,)
        Per level of the night sky: rates; rates times mean amplitude.
    skies : tuple of TriggerSky
        Per level, for the trigger.
    trigger_pulse_ns, trigger_reach_ns, readout_reach_ns : tuple of two float
        Begin and end: of the pulse at the discriminator after a photoelectron; of the window of
        the trigger, around first and last light; of the light that a read-out sees, around the
        trigger.
    path_ns : float
        From the centre of the sphere over the mirror to the peak of the pulse at the discriminator.
    reduction : ReductionTable or None
        Reduction of the data volume; None: all pixels are kept.
    wavelengths : WavelengthTable or None
        For photons without a wavelength.
    extinction : ExtinctionTable or None
        The same.
    """

    n_pixels: int
    optics: OpticsTable
    rotation: np.ndarray
    origin: np.ndarray
    camera: CameraTable
    acceptance: float
    prompt: AmplitudeTable
    afterpulsing: AmplitudeTable
    trigger: TriggerTable
    readout: ReadoutTable
    waveform: bool
    level_keys: tuple[int, ...]
    rates_ghz: tuple[np.ndarray, ...]
    currents: tuple[np.ndarray, ...]
    skies: tuple[TriggerSky, ...]
    trigger_pulse_ns: tuple[float, float]
    trigger_reach_ns: tuple[float, float]
    readout_reach_ns: tuple[float, float]
    path_ns: float
    reduction: ReductionTable | None
    wavelengths: WavelengthTable | None
    extinction: ExtinctionTable | None


def _drawn_throughput(telescope: Telescope) -> float:
    """Throughput that light is drawn with: the nominal one, or the telescope's where it has more.

    No other telescope enters, so that none changes what this one sees.
    """
    return max(1.0, telescope.throughput)


def light_responses(instrument: Instrument) -> tuple[dict[int, int], list[Curve]]:
    """Spectral responses that light is to be drawn with.

    Parameters
    ----------
    instrument : Instrument
        Array.

    Returns
    -------
    kinds : dict of int to int
        For each telescope the number of its response.
    responses : list of Curve
        One per type of telescope at its nominal throughput, and one for each larger throughput;
        `iactflow.shower.light.make_light_yield` takes them.

    Raises
    ------
    InputError
        If a response vanishes everywhere or exceeds 1.
    """
    wanted = {t.tel_id: (t.type.name, _drawn_throughput(t)) for t in instrument.telescopes}
    types = {telescope.type.name: telescope.type for telescope in instrument.telescopes}
    drawn = list(dict.fromkeys(wanted.values()))
    kinds = {tel_id: drawn.index(kind) for tel_id, kind in wanted.items()}
    return kinds, [spectral_response(types[name], throughput) for name, throughput in drawn]


def readout_function(tables: TelescopeTables) -> Callable:
    """Kernel of a telescope's read-out.

    Parameters
    ----------
    tables : TelescopeTables
        Tables of the telescope.

    Returns
    -------
    callable
        `iactflow.telescope.waveforms.read_waveforms` or `iactflow.telescope.charge.read_charge`.
    """
    return read_waveforms if tables.waveform else read_charge


def _trigger_windows(trigger: TriggerTable) -> tuple[tuple[float, float], tuple[float, float]]:
    """Extent of a pulse; window of the trigger around first and last light."""
    begin = trigger.pulse_start_ns
    end = begin + trigger.pulse.shape[1] * trigger.step_ns
    peak = begin + int(trigger.pulse.mean(axis=0).argmax()) * trigger.step_ns
    steps = 2 * (trigger.n_over + trigger.n_overlap) + abs(trigger.n_gate)
    return (begin, end), (begin, peak + 5.0 + steps * trigger.step_ns)


def _path_ns(optics: Optics, trigger: TelescopeTrigger) -> float:
    """Delay of a telescope, which array triggers compensate between types."""
    path_m = optics.mirror_offset_m + optics.focal_length_m + optics.focus_offset_m
    return path_m / LIGHT_SPEED_M_NS + float(trigger.pulse.x[np.argmax(trigger.pulse.y)])


def _readout_reach(readout: ReadoutTable, waveform: bool) -> tuple[float, float]:
    """First and last light that a read-out sees, after the trigger."""
    start = -readout.offset_ns
    if not waveform:
        low = start + readout.first_ns
        return low, low + readout.pulse.shape[2] * readout.step_ns
    stop = start + readout.n_samples * readout.sample_ns
    last = readout.first_point + readout.pulse.shape[2]
    return start - last * readout.sample_ns, stop - readout.first_point * readout.sample_ns


def _level_of(level, tel_id: int):
    """Brightness of one level at a telescope."""
    if not isinstance(level, Mapping):
        return level
    if tel_id not in level:
        raise InputError("detector", "nsb_levels", sorted(level), f"a value for telescope {tel_id}")
    value = level[tel_id]
    return value if np.isscalar(value) else np.asarray(value, dtype=np.float64)


def _level_key(brightness) -> int:
    """Number of a level in keys: the bits of its mean brightness, whatever its place in a list."""
    return int(np.float64(abs(np.mean(brightness))).view(np.int64))


def _telescope_tables(
    telescope: Telescope, direction, levels, seed: int, broken, light
) -> TelescopeTables:
    alt_deg, az_deg = direction
    optics, camera = telescope.type.optics, telescope.type.camera
    words = {
        stage: StreamKey(seed, stage, telescope=telescope.tel_id).words()
        for stage in ("mirror", "camera")
    }
    rotation, origin = pointing(optics, alt_deg, az_deg)
    table = make_camera_table(camera, words["camera"], broken)
    n_pixels = table.x_m.size
    trigger = trigger_table(
        camera.trigger, n_pixels, table.threshold_deviation, telescope.type.name
    )
    readout = make_readout_table(camera, table)
    waveform = camera.readout.mode == "waveform"
    afterpulsing = make_amplitude_table(camera.single_pe_afterpulse)
    levels = [_level_of(level, telescope.tel_id) for level in levels]
    rates = tuple(
        night_sky_rates(camera, table, 90.0 - alt_deg, level, telescope.throughput)
        for level in levels
    )
    pulse, reach = _trigger_windows(trigger)
    drawn = _drawn_throughput(telescope)
    wavelengths = None
    if light is not None:
        response = spectral_response(telescope.type, drawn)
        wavelengths = make_wavelength_table(response, light.band_nm)
    return TelescopeTables(
        n_pixels=n_pixels,
        optics=make_optics_table(optics, 90.0 - alt_deg, words["mirror"]),
        rotation=rotation,
        origin=origin,
        camera=table,
        acceptance=telescope.throughput / drawn,
        prompt=make_amplitude_table(camera.single_pe),
        afterpulsing=afterpulsing,
        trigger=trigger,
        readout=readout,
        waveform=waveform,
        level_keys=tuple(_level_key(level) for level in levels),
        rates_ghz=rates,
        currents=tuple(rate * afterpulsing.mean for rate in rates),
        skies=tuple(
            trigger_sky(trigger, rate, afterpulsing.mean, afterpulsing.excess_noise)
            for rate in rates
        ),
        trigger_pulse_ns=pulse,
        trigger_reach_ns=reach,
        readout_reach_ns=_readout_reach(readout, waveform),
        path_ns=_path_ns(optics, camera.trigger),
        reduction=make_reduction_table(camera, readout),
        wavelengths=wavelengths,
        extinction=None if light is None else light.extinction,
    )


def make_telescope_tables(
    instrument: Instrument,
    alt_deg: float,
    az_deg: float,
    levels: tuple,
    seed: int,
    broken_pixels: Mapping[int, Sequence[int]],
    light: UnbunchedLight | None,
) -> dict[int, TelescopeTables]:
    """Make the tables of all telescopes.

    Parameters
    ----------
    instrument : Instrument
        Array.
    alt_deg, az_deg : float
        Pointing.
    levels : tuple
        Levels of the night sky, see `iactflow.telescope.detector.Detector`.
    seed : int
        Seed of what is fixed for a telescope.
    broken_pixels : mapping of int to sequence of int
        Per telescope, pixels without signal.
    light : UnbunchedLight or None
        How photons without a wavelength are drawn.

    Returns
    -------
    dict of int to TelescopeTables
        By telescope.

    Raises
    ------
    InputError
        If a telescope without throughput takes part or its description cannot be simulated.
    """
    tables = {}
    for telescope in instrument.telescopes:
        if not telescope.throughput > 0.0:
            where = f"instrument {instrument.name}"
            raise InputError(where, "throughput", telescope.throughput, "above 0")
        tables[telescope.tel_id] = _telescope_tables(
            telescope,
            (alt_deg, az_deg),
            levels,
            seed,
            broken_pixels.get(telescope.tel_id, ()),
            light,
        )
    return tables
