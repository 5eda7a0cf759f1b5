"""Events of an array, from the photons of its showers: the rows that are written of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from iactflow.campaign.progress import Progress
from iactflow.io.root import RootWriter
from iactflow.io.subarray_tables import SUBARRAY, subarray_columns
from iactflow.io.waveform_packing import pack_waveforms
from iactflow.shower.primaries import Thrown
from iactflow.telescope.detector import ArrayEvent, Detector, EventKey
from iactflow.telescope.stages.corsika import read_corsika_showers
from iactflow.telescope.stages.iact_files import open_iact_file
from iactflow.telescope.stages.kept_photons import read_showers
from iactflow.telescope.stages.record import Recorder
from iactflow.telescope.stages.run_state import state_columns
from iactflow.telescope.stages.setup import Setup, make_detector, make_setup
from iactflow.telescope.stages.showers import (
    LitShower,
    add_core,
    add_shower,
    finish_run,
    simulate,
)
from iactflow.telescope.subarray import make_subarray

__all__ = [
    "calibration_columns",
    "event_time",
    "level_file",
    "simulate_events",
    "simulate_telescopes",
    "write_events",
]

SHOWER_EVENT = 32  # CTAO's number of a shower event
READ_OUT = {"charge": "charges_r0", "waveform": "waveforms_r0"}
SHOWERS = (
    *("simulation_runs", "thrown_events", "showers", "shower_cores", "longitudinal_profiles"),
    "telescope_light",
)
EVENTS = ("simulated_events", "trigger", "telescope_trigger", "true_images")
OF_THE_RUN = ("telescope_states", "pointing", "calibration", *SUBARRAY)


def level_file(folder: str | Path, factor: float) -> Path:
    """File of one level of the night sky in the folder of a chunk.

    Parameters
    ----------
    folder : str or Path
        Folder of the chunk.
    factor : float
        Factor on the night-sky background.

    Returns
    -------
    Path
        Its name tells the factor.
    """
    return Path(folder) / f"nsb{factor:g}.root"


def write_events(setup: Setup, showers: Iterable[LitShower], folder: str | Path) -> None:
    """Detect the showers of a chunk and write their events, one file per night-sky level.

    Parameters
    ----------
    setup : Setup
        Array and air of the run.
    showers : iterable of LitShower
        Showers with their photons, by ascending number.
    folder : str or Path
        Folder to make.
    """
    detector = make_detector(setup)
    array = subarray_columns(make_subarray(setup.array))
    factors = setup.settings["nsb_levels"]
    modes = {t.type.camera.readout.mode for t in setup.instrument.telescopes}
    tables = (*SHOWERS, *EVENTS, *(READ_OUT[mode] for mode in sorted(modes)), *OF_THE_RUN)
    Path(folder).mkdir(parents=True)
    with ExitStack() as stack:
        recorders = []
        for level, factor in enumerate(factors):
            metadata = {**setup.describe(), "nsb_level": level, "nsb_factor": factor}
            file = level_file(folder, factor)
            writer = stack.enter_context(RootWriter(file, tables, metadata))
            recorders.append(Recorder(writer, tables))
        thrown, n_events = [], 0
        progress = Progress("showers", setup.showers[1] - setup.showers[0] + 1)
        for shower in showers:
            thrown.append(shower.thrown)
            for recorder in recorders:
                add_shower(recorder, setup, shower)
            for reuse, photons in enumerate(shower.photons):
                for recorder in recorders:
                    add_core(recorder, setup, shower.thrown, reuse, photons)
                events = _respond(detector, setup, shower, reuse, photons, recorders)
                n_events += sum(event is not None for event in events)
            progress.step(f"{n_events} events")
        progress.finish(f"{n_events} events")
        for recorder in recorders:
            _finish(recorder, setup, detector, thrown, array)


def _respond(detector, setup, shower, reuse, photons, recorders) -> list[ArrayEvent | None]:
    thrown = shower.thrown
    key = EventKey(setup.seed, setup.settings["particle"], setup.run, thrown.shower_id, reuse)
    events = detector.respond(photons, key)
    for recorder, event in zip(recorders, events, strict=True):
        if event is not None:
            _add_event(recorder, setup, shower, reuse, event)
    return events


def _add_event(
    recorder: Recorder, setup: Setup, shower: LitShower, reuse: int, event: ArrayEvent
) -> None:
    thrown, run = shower.thrown, setup.run
    # As sim_telarray counts.
    event_id = 100 * thrown.shower_id + reuse
    core = thrown.cores_m[reuse]
    recorder.add("simulated_events", run, event_id, thrown.shower_id, reuse, *shower.truth(), *core)
    tel_ids = np.array([t.tel_id for t in event.telescopes])
    time = event_time(setup.start_s, thrown.shower_id, reuse)
    recorder.add("trigger", run, event_id, *time, SHOWER_EVENT, tel_ids)
    for telescope in event.telescopes:
        place = (run, event_id, telescope.tel_id)
        offset_ns = telescope.trigger_time_ns - event.time_ns
        recorder.add("telescope_trigger", *place, offset_ns, telescope.n_trigger_pixels)
        recorder.add("true_images", *place, int(telescope.true_image.sum()), telescope.true_image)
        adc = telescope.adc
        if adc.ndim == 2:
            recorder.add(READ_OUT["charge"], *place, *adc.shape, adc)
        else:
            packed = pack_waveforms(adc.reshape(-1, adc.shape[2]))
            recorder.add(READ_OUT["waveform"], *place, *adc.shape, packed)


def event_time(start_s: int, shower_id: int, reuse: int) -> tuple[int, int]:
    """Time of a simulated event: events have an order, and each its own time, but no rate.

    Parameters
    ----------
    start_s : int
        Start of the run in TAI seconds.
    shower_id, reuse : int
        Showers stand a millisecond apart, their re-uses, at most 100, ten microseconds.

    Returns
    -------
    time_s, time_qns : int
        Seconds, and quarters of a nanosecond after them.
    """
    seconds, rest_ms = divmod(shower_id, 1000)
    return start_s + seconds, rest_ms * 4_000_000 + reuse * 40_000


def _finish(
    recorder: Recorder, setup: Setup, detector: Detector, thrown: Sequence[Thrown], array: dict
) -> None:
    """Tables of the run: what was thrown, state of the telescopes, pointing, calibration, array."""
    recorder.flush()
    finish_run(recorder, setup, thrown)
    recorder.extend("telescope_states", state_columns(setup))
    pointing = {
        "obs_id": setup.run,
        "tel_id": np.array(setup.tel_ids),
        "time_s": setup.start_s,
        "time_qns": 0,
        "altitude_deg": setup.alt_deg,
        "azimuth_deg": setup.az_deg,
    }
    recorder.extend("pointing", pointing)
    for columns in calibration_columns(setup, detector):
        recorder.extend("calibration", columns)
    for name, columns in array.items():
        recorder.extend(name, columns)


def calibration_columns(setup: Setup, detector: Detector) -> Iterator[dict]:
    """Calibration that the simulation knows: pedestals and gains as they were simulated.

    Parameters
    ----------
    setup : Setup
        Array of the run.
    detector : Detector
        Its tables.

    Yields
    ------
    dict of str to array
        Columns of the table ``calibration`` for one telescope and channel. Counts over the
        pedestal, summed over all samples of the pulse, times photoelectrons per count and factor
        are photoelectrons of a pixel of mean quantum efficiency: equal in all pixels for equal
        light. The pedestal is the electronic one: what the night sky adds is in the data. Times
        are those of photoelectrons at the photocathode, without the pixel's own transit time.
    """
    for tel_id, tables in detector.tables.items():
        readout = tables.readout
        # A charge is the sum already; of a waveform the pulse's area counts, over its peak.
        sums = np.ones(readout.counts.shape[0])
        if tables.readout.n_samples > 1:
            sums = readout.mean_per_rate.astype(np.float64) / readout.sample_ns
        for channel in range(readout.counts.shape[0]):
            counts = sums[channel] * readout.counts[channel].astype(np.float64)
            live = tables.camera.qe > 0.0
            qe = tables.camera.qe[live]
            factors = np.ones_like(counts)
            factors[live] = 1.0 / (counts[live] * qe)
            mean = factors[live].mean()
            factors[live] /= mean
            yield {
                "obs_id": setup.run,
                "tel_id": tel_id,
                "channel": channel,
                "pixel_id": np.arange(tables.n_pixels),
                "time_s": setup.start_s,
                "time_qns": 0,
                "pedestal_adu": readout.pedestal[channel],
                "pedestal_std_adu": readout.noise[channel],
                "pe_per_adu": mean * qe.mean(),
                "flatfield": factors,
                "time_shift_ns": -tables.camera.transit_time_ns,
                "status": (~live).astype(np.uint8),
            }


def simulate_events(inputs, outputs, params, wildcards) -> None:
    """Simulate a chunk of showers up to raw camera data; photons go through memory.

    Parameters
    ----------
    inputs : namespace
        ``instrument``: files of instrument and atmospheres; ``conditions``: table of run
        conditions, or nothing.
    outputs : namespace
        ``events``: folder, one ROOT file per level of the night sky.
    params : namespace
        ``settings``: block of the production; ``seed``; ``showers``: first and last shower.
    wildcards : namespace
        ``run``.

    Raises
    ------
    InputError
        If a description is bad, or settings name what the array does not have.
    """
    setup = make_setup(inputs, params, wildcards)
    write_events(setup, simulate(setup), outputs.events)


def simulate_telescopes(inputs, outputs, params, wildcards) -> None:
    """Simulate telescopes, cameras and triggers for photons from a file.

    Parameters
    ----------
    inputs : namespace
        ``photons``: ROOT file of `iactflow.telescope.stages.showers.simulate_showers`, or a
        CORSIKA IACT file, made for a card of ours or elsewhere; ``instrument``, ``conditions`` as
        for `simulate_events`.
    outputs, params, wildcards : namespace
        As for `simulate_events`.

    Raises
    ------
    InputError
        If a description or a file is bad, or the photons belong to other telescopes or showers.
    """
    if params.settings["shower"]["backend"] == "iact_files":
        setup, showers = open_iact_file(inputs, params, wildcards)
    else:
        setup = make_setup(inputs, params, wildcards)
        read = read_showers if inputs.photons.endswith(".root") else read_corsika_showers
        showers = read(inputs.photons, setup)
    write_events(setup, showers, outputs.events)
