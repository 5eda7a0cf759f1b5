"""ctapipe's source of events for our raw data: ``ctapipe-process --input events.root``.

A plugin of ctapipe (entry point ``ctapipe_io``). Waveforms are calibrated to photoelectrons and one
gain is chosen for each pixel as in ctapipe's source for sim_telarray; charges are waveforms of one
sample, which ctapipe takes as they are.
"""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.time import Time
from ctapipe.calib.camera.gainselection import GainSelector
from ctapipe.containers import (
    ArrayEventContainer,
    ArrayPointingContainer,
    CameraCalibrationContainer,
    CoordinateFrameType,
    EventIndexContainer,
    EventType,
    ObservationBlockContainer,
    PixelStatus,
    R0CameraContainer,
    R1CameraContainer,
    SchedulingBlockContainer,
    SchedulingBlockType,
    SimulatedCameraContainer,
    SimulatedEventContainer,
    SimulatedShowerContainer,
    SimulationConfigContainer,
    TelescopeImpactParameterContainer,
    TelescopePointingContainer,
    TelescopeTriggerContainer,
    TriggerContainer,
)
from ctapipe.coordinates import shower_impact_distance
from ctapipe.core.traits import ComponentName
from ctapipe.instrument import SubarrayDescription
from ctapipe.io import DataLevel, EventSource

from iactflow.crosscheck.ctapipe_array import describe_subarray
from iactflow.crosscheck.raw_tables import RawTables, is_raw_file

__all__ = ["RootEventSource"]

# CORSIKA's particles in sim_telarray's numbers; those of nuclei are the same.
PRIMARIES = {1: 0, 2: -1, 3: 1, 5: -2, 6: 2, 14: 101}
TIME = ("time_s", "time_qns")


class RootEventSource(EventSource):
    """Events of a ROOT file of ours with raw data, one at a time."""

    gain_selector_type = ComponentName(
        GainSelector, default_value="ThresholdGainSelector", help="Chooses the gain of a pixel."
    ).tag(config=True)

    def __init__(self, input_url=None, config=None, parent=None, **kwargs):
        super().__init__(input_url=input_url, config=config, parent=parent, **kwargs)
        self.raw = RawTables(self.input_url)
        self.gain_selector = GainSelector.from_name(self.gain_selector_type, parent=self)
        whole = describe_subarray(self.raw.small)
        tel_ids = self.allowed_tels
        self._subarray = whole.select_subarray(tel_ids) if tel_ids else whole
        self._coefficients: dict[tuple, dict] = {}
        self._runs = sorted({int(run) for run in self.raw.small["pointing"]["obs_id"]})

    @staticmethod
    def is_compatible(file_path) -> bool:
        """Whether a file is one of ours with raw data.

        Parameters
        ----------
        file_path : str or Path
            Any file.

        Returns
        -------
        bool
            True if it is.
        """
        return is_raw_file(file_path)

    @property
    def subarray(self) -> SubarrayDescription:
        """Telescopes.

        Returns
        -------
        SubarrayDescription
            Those of the file, or the allowed ones of them.
        """
        return self._subarray

    @property
    def is_simulation(self) -> bool:
        """Whether the file knows the truth.

        Returns
        -------
        bool
            True for simulations.
        """
        return "simulated_events" in self.raw.small

    @property
    def datalevels(self) -> tuple[DataLevel, ...]:
        """Levels of data.

        Returns
        -------
        tuple of DataLevel
            Raw and calibrated samples.
        """
        return (DataLevel.R0, DataLevel.R1)

    @property
    def scheduling_blocks(self) -> dict:
        """Scheduling blocks: one for each run.

        Returns
        -------
        dict of int to SchedulingBlockContainer
            By run.
        """
        kind = SchedulingBlockType.OBSERVATION
        return {
            run: SchedulingBlockContainer(
                sb_id=np.uint64(run), sb_type=kind, producer_id="simulation"
            )
            for run in self._runs
        }

    @property
    def observation_blocks(self) -> dict:
        """Observation blocks: one for each run.

        Returns
        -------
        dict of int to ObservationBlockContainer
            By run.
        """
        blocks = {}
        for run in self._runs:
            altitude, azimuth = self._pointing(run)
            blocks[run] = ObservationBlockContainer(
                obs_id=np.uint64(run), sb_id=np.uint64(run), producer_id="simulation",
                subarray_pointing_lat=altitude, subarray_pointing_lon=azimuth,
                subarray_pointing_frame=CoordinateFrameType.ALTAZ,
            )  # fmt: skip
        return blocks

    @property
    def simulation_config(self) -> dict | None:
        """What was thrown.

        Returns
        -------
        dict of int to SimulationConfigContainer, or None
            By run; None for real data.
        """
        runs = self.raw.small.get("simulation_runs")
        if runs is None:
            return None
        found = {}
        for row, run in enumerate(runs["obs_id"]):
            value = {name: column[row] for name, column in runs.items()}
            found[int(run)] = SimulationConfigContainer(
                run_number=np.int32(run),
                energy_range_min=value["energy_range_min_tev"] * u.TeV,
                energy_range_max=value["energy_range_max_tev"] * u.TeV,
                prod_site_alt=value["observation_level_m"] * u.m,
                spectral_index=value["spectral_index"],
                n_showers=int(runs["n_showers"][runs["obs_id"] == run].sum()),
                shower_reuse=int(value["shower_reuse"]),
                max_alt=value["pointing_alt_deg"] * u.deg,
                min_alt=value["pointing_alt_deg"] * u.deg,
                max_az=value["pointing_az_deg"] * u.deg,
                min_az=value["pointing_az_deg"] * u.deg,
                diffuse=bool(value["min_viewcone_radius_deg"] < value["max_viewcone_radius_deg"]),
                max_viewcone_radius=value["max_viewcone_radius_deg"] * u.deg,
                min_viewcone_radius=value["min_viewcone_radius_deg"] * u.deg,
                max_scatter_range=value["max_scatter_range_m"] * u.m,
                min_scatter_range=value["min_scatter_range_m"] * u.m,
            )
        return found

    def close(self):
        """Close the file."""
        self.raw.close()

    def _generator(self):
        small = self.raw.small
        rows = small["telescope_trigger"]
        keys = zip(rows["obs_id"].tolist(), rows["event_id"].tolist(), strict=True)
        of_event: dict[tuple, list[int]] = {}
        for row, key in enumerate(keys):
            of_event.setdefault(key, []).append(row)
        trigger = small["trigger"]
        for count in range(len(trigger["event_id"])):
            key = (int(trigger["obs_id"][count]), int(trigger["event_id"][count]))
            yield self._event(count, key, of_event.get(key, []))

    def _event(self, count: int, key: tuple[int, int], rows: list[int]) -> ArrayEventContainer:
        table, telescopes = self.raw.small["trigger"], self.raw.small["telescope_trigger"]
        time = tuple(int(table[name][count]) for name in TIME)
        central = Time(time[0], 0.25e-9 * time[1], format="unix_tai")
        rows = [r for r in rows if int(telescopes["tel_id"][r]) in self._subarray.tel]
        tel_ids = [int(telescopes["tel_id"][row]) for row in rows]
        event = ArrayEventContainer(
            index=EventIndexContainer(obs_id=key[0], event_id=key[1]),
            count=count,
            trigger=TriggerContainer(
                time=central,
                tels_with_trigger=np.array(tel_ids, dtype=np.int16),
                event_type=EventType(int(table["event_type"][count])),
            ),
        )
        event.meta["origin"] = "iactflow"
        event.meta["input_url"] = self.input_url
        event.meta["max_events"] = self.max_events
        altitude, azimuth = self._pointing(key[0], time)
        event.monitoring.pointing = ArrayPointingContainer(
            array_altitude=altitude, array_azimuth=azimuth
        )
        if self.is_simulation:
            event.simulation = SimulatedEventContainer(shower=self._shower(key))
        for row, tel_id in zip(rows, tel_ids, strict=True):
            offset = float(telescopes["time_offset_ns"][row]) * u.ns
            event.trigger.tel[tel_id] = TelescopeTriggerContainer(
                time=central + offset,
                event_type=event.trigger.event_type,
                n_trigger_pixels=int(telescopes["n_trigger_pixels"][row]),
            )
            self._fill_telescope(event, tel_id, time)
        if self.is_simulation:
            self._fill_truth(event, tel_ids)
        return event

    def _shower(self, key: tuple[int, int]) -> SimulatedShowerContainer:
        table = self.raw.small["simulated_events"]
        (row,) = np.flatnonzero((table["obs_id"] == key[0]) & (table["event_id"] == key[1]))
        value = {name: column[row] for name, column in table.items()}
        particle = int(value["particle_id"])
        return SimulatedShowerContainer(
            energy=value["true_energy_tev"] * u.TeV,
            alt=value["true_alt_deg"] * u.deg,
            az=value["true_az_deg"] * u.deg,
            core_x=value["true_core_x_m"] * u.m,
            core_y=value["true_core_y_m"] * u.m,
            h_first_int=float(value["true_h_first_int_m"]) * u.m,
            x_max=float(value["true_x_max_g_cm2"]) * u.g / u.cm**2,
            shower_primary_id=np.int16(PRIMARIES.get(particle, particle)),
        )

    def _fill_truth(self, event: ArrayEventContainer, tel_ids: list[int]) -> None:
        impacts = shower_impact_distance(event.simulation.shower, self._subarray)
        for tel_id in tel_ids:
            row = self.raw.row("true_images", event.index.obs_id, event.index.event_id, tel_id)
            impact = TelescopeImpactParameterContainer(
                distance=impacts[self._subarray.tel_index_array[tel_id]],
                distance_uncert=0 * u.m,
                prefix="true_impact",
            )
            truth = SimulatedCameraContainer(impact=impact)
            if row is not None:
                truth.true_image_sum = int(row["true_image_sum"])
                truth.true_image = np.asarray(row["true_image"], dtype=np.int32)
            event.simulation.tel[tel_id] = truth

    def _fill_telescope(self, event: ArrayEventContainer, tel_id: int, time: tuple) -> None:
        obs_id = event.index.obs_id
        adc = self.raw.samples(obs_id, event.index.event_id, tel_id)
        constants = self._calibration(obs_id, tel_id, time)
        # What was not read out is zero in all samples, and no light.
        dropped = ~adc.any(axis=2)
        waveform = (adc - constants["pedestal"][..., None]) * constants["factor"][..., None]
        waveform[dropped] = 0.0
        channel = self.gain_selector(adc).astype(np.int8)
        pixels = np.arange(adc.shape[1])
        stored = np.where(
            channel == 0, PixelStatus.HIGH_GAIN_STORED, PixelStatus.LOW_GAIN_STORED
        ).astype(np.uint8)
        stored[constants["unusable"].all(axis=0)] = 0
        event.r0.tel[tel_id] = R0CameraContainer(waveform=adc)
        event.r1.tel[tel_id] = R1CameraContainer(
            event_type=event.trigger.event_type,
            event_time=event.trigger.time,
            waveform=waveform[None, channel, pixels].astype(np.float32),
            selected_gain_channel=channel,
            pixel_status=stored,
        )
        monitoring = event.monitoring.tel[tel_id]
        altitude, azimuth = self._pointing(obs_id, time, tel_id)
        monitoring.pointing = TelescopePointingContainer(azimuth=azimuth, altitude=altitude)
        # ctapipe takes shifts off where ours are added.
        monitoring.camera.coefficients = CameraCalibrationContainer(
            time_shift=-constants["time_shift"], outlier_mask=constants["unusable"]
        )

    def _pointing(self, obs_id: int, time: tuple | None = None, tel_id: int | None = None):
        """Altitude and azimuth: the last entry of a telescope, or of the first one, until then."""
        table = self.raw.small["pointing"]
        mine = table["obs_id"] == obs_id
        mine &= table["tel_id"] == (table["tel_id"][mine].min() if tel_id is None else tel_id)
        rows = [row for row in np.flatnonzero(mine) if time is None or _time(table, row) <= time]
        last = max(rows, key=lambda row: _time(table, row))
        return table["altitude_deg"][last] * u.deg, table["azimuth_deg"][last] * u.deg

    def _calibration(self, obs_id: int, tel_id: int, time: tuple) -> dict[str, np.ndarray]:
        """Coefficients of a telescope, of the last time until that of the event."""
        table = self.raw.small["calibration"]
        if (obs_id, tel_id) not in self._coefficients:
            mine = np.flatnonzero((table["obs_id"] == obs_id) & (table["tel_id"] == tel_id))
            times = sorted({_time(table, row) for row in mine})
            self._coefficients[obs_id, tel_id] = {
                start: self._constants(tel_id, [r for r in mine if _time(table, r) == start])
                for start in times
            }
        found = self._coefficients[obs_id, tel_id]
        return found[max(start for start in found if start <= time)]

    def _constants(self, tel_id: int, rows: list[int]) -> dict[str, np.ndarray]:
        table = {name: column[rows] for name, column in self.raw.small["calibration"].items()}
        readout = self._subarray.tel[tel_id].camera.readout
        shape = (readout.n_channels, readout.n_pixels)
        place = (table["channel"], table["pixel_id"])
        constants = {name: np.zeros(shape) for name in ("pedestal", "factor", "time_shift")}
        constants["unusable"] = np.ones(shape, dtype=bool)
        constants["unusable"][place] = table["status"] != 0
        constants["pedestal"][place] = table["pedestal_adu"]
        constants["time_shift"][place] = table["time_shift_ns"]
        factor = table["pe_per_adu"].astype(np.float64) * table["flatfield"]
        constants["factor"][place] = np.where(table["status"] != 0, 0.0, factor)
        return constants


def _time(table: dict, row: int) -> tuple[int, int]:
    return int(table["time_s"][row]), int(table["time_qns"][row])
