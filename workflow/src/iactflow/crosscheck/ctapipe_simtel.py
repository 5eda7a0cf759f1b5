"""Files of sim_telarray in ctapipe where its own source takes them for something else.

ctapipe's ``SimTelEventSource`` (0.28) does all that is compared; what stands in the file is made
plain to it before. Otherwise it

- takes the pedestal of one slice off counts that are sums over slices, and holds their pedestals
  against the threshold of the low gain (`iactflow.calibration.apply.calibrate` says what is right),
- takes pixels that were suppressed for counts of zero, below their pedestals,
- wants either the effective focal lengths of all telescopes or the nominal ones of all, and a
  reference pulse for every channel,
- refuses telescopes that point beyond the zenith,
- reads the first run of several.

What ctapipe alone would make of it is measured on the way: `RunsEventSource.differences`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from ctapipe.io import EventSource, SimTelEventSource

from iactflow.crosscheck.simtel_runs import split_runs

__all__ = ["RunsEventSource", "describe_runs"]

ENDING = ".simtel-runs.json"
# A telescope is put at the zenith where that is off by less than directions may be.
BEYOND_ZENITH = np.radians(0.01)


def describe_runs(path: str | Path, folder: str | Path) -> Path:
    """Write a file that `RunsEventSource` reads.

    Parameters
    ----------
    path : str or Path
        File of sim_telarray.
    folder : str or Path
        Where to write, the runs too if they are several.

    Returns
    -------
    Path
        The file.
    """
    runs = [str(run) for run in split_runs(path, folder)]
    out = Path(folder) / f"{Path(path).name}{ENDING}"
    out.write_text(json.dumps(runs), encoding="utf-8")
    return out


class _Differences:
    """What ctapipe alone would have made of counts, in photoelectrons."""

    def __init__(self):
        self.sums: list[float] = []
        self.gains: list[float] = []
        self.suppressed: list[float] = []
        self.focal_lengths: set[int] = set()
        self.beyond_zenith = 0

    def lines(self, n_runs: int) -> list[str]:
        """Write what was found.

        Parameters
        ----------
        n_runs : int
            Runs of the file.

        Returns
        -------
        list of str
            A line for each kind; none where ctapipe reads the file as it is meant.
        """
        found = []
        if self.sums:
            found.append(
                f"charges are sums in {len(self.sums)} images: ctapipe takes one slice's pedestal "
                f"off, {np.median(self.sums):.4g} p.e. too little, and the low gain for "
                f"{100 * np.mean(self.gains):.3g} % of the pixels by their pedestals"
            )
        if self.suppressed:
            found.append(
                f"pixels are suppressed in {len(self.suppressed)} images: ctapipe takes them for "
                f"{-np.median(self.suppressed):.3g} p.e. in each sample"
            )
        if self.focal_lengths:
            found.append(
                f"no effective focal length of telescopes {sorted(self.focal_lengths)}: ctapipe "
                "has the nominal one of all or none"
            )
        if self.beyond_zenith:
            found.append(
                f"telescopes point beyond the zenith in {self.beyond_zenith} images: ctapipe takes "
                "no altitude above 90 deg"
            )
        if n_runs > 1:
            found.append(f"{n_runs} runs: ctapipe reads the first")
        return found


class _PlainEvents:
    """Events of eventio whose counts have the pedestal of one slice, read out or not."""

    def __init__(self, file, differences: _Differences, threshold):
        self._file, self._differences, self._threshold = file, differences, threshold

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __iter__(self):
        for event in self._file:
            for tel_id, telescope in event["telescope_events"].items():
                monitoring = event["camera_monitorings"][tel_id]
                factor = event["laser_calibrations"][tel_id]["calib"]
                off = self._file.telescope_descriptions[tel_id]["disabled_pixels"]["HV_disabled"]
                self._make_plain(telescope, monitoring, factor, off)
                self._differences.beyond_zenith += _clip(event["tracking_positions"][tel_id])
            yield event

    def _make_plain(self, telescope, monitoring, factor, off):
        summed = "adc_samples" not in telescope
        counts = telescope["adc_sums"][..., None] if summed else telescope["adc_samples"]
        pedestal, n_slices = monitoring["pedestal"], int(monitoring["n_ped_slices"])
        missing = ~counts.any(axis=-1)
        missing[:, off] = False
        if (not summed or n_slices == 1) and not missing.any():
            return
        one, found = pedestal / n_slices, self._differences
        counts = counts.astype(np.float64)
        if summed and n_slices > 1:
            found.sums.append(float(np.median(((pedestal - one) * factor)[0])))
            bright = counts[0, :, 0] > self._threshold
            counts -= (pedestal - one)[..., None]
            wrong = bright & (counts[0, :, 0] <= self._threshold)
            found.gains.append(float(np.mean(wrong)) if len(counts) > 1 else 0.0)
        if missing.any():
            found.suppressed.append(float(np.median((one * factor)[0, missing.any(axis=0)])))
            counts[missing] = one[missing][:, None]
        telescope["adc_samples"] = counts


def _clip(position: dict) -> bool:
    """Put a telescope that points a little beyond the zenith at it; whether it does.

    From the other side the direction would be the same, but the camera upside down.
    """
    clipped = False
    for altitude in ("altitude_raw", "altitude_cor"):
        # What single precision rounds up, ctapipe rounds down.
        beyond = position.get(altitude, np.nan) - 0.5 * np.pi
        if 0.5e-6 * np.pi < beyond < BEYOND_ZENITH:
            position[altitude] = 0.5 * np.pi
            clipped = True
    return clipped


class _RunEventSource(SimTelEventSource):
    """One run, plainly."""

    def __init__(self, *args, differences: _Differences, **kwargs):
        self._differences = differences
        super().__init__(*args, **kwargs)

    def prepare_subarray_info(self, telescope_descriptions, header):
        """Describe the array: what telescopes lack is taken from what they have.

        The nominal focal length stands for an effective one that is not there, one reference pulse
        for those of all channels.

        Parameters
        ----------
        telescope_descriptions, header : dict
            Of eventio.

        Returns
        -------
        SubarrayDescription
            ctapipe's.
        """
        settings = {i: parts["camera_settings"] for i, parts in telescope_descriptions.items()}
        unknown = {
            i for i, s in settings.items() if not s.get("effective_focal_length", np.nan) > 0.0
        }
        for tel_id in unknown:
            nominal = settings[tel_id]["focal_length"]
            settings[tel_id]["effective_focal_length"] = nominal
        for parts in telescope_descriptions.values():
            pulses, n = (
                parts["pixel_settings"]["ref_shape"],
                parts["camera_organization"]["n_gains"],
            )
            if 0 < len(pulses) < n:
                shapes = pulses[np.minimum(np.arange(n), len(pulses) - 1)]
                parts["pixel_settings"]["ref_shape"] = shapes
        if unknown != set(settings):
            self._differences.focal_lengths |= unknown
        return super().prepare_subarray_info(telescope_descriptions, header)

    def _generate_events(self):
        whole = self.file_
        self.file_ = _PlainEvents(whole, self._differences, self.gain_selector.threshold)
        try:
            yield from super()._generate_events()
        finally:
            self.file_ = whole


class RunsEventSource(EventSource):
    """Events of all runs of a file that `describe_runs` wrote about."""

    def __init__(self, input_url=None, config=None, parent=None, **kwargs):
        super().__init__(input_url=input_url, config=config, parent=parent, **kwargs)
        self._differences = _Differences()
        runs = json.loads(Path(self.input_url).read_text(encoding="utf-8"))
        self._sources = [
            _RunEventSource(input_url=run, parent=self, differences=self._differences)
            for run in runs
        ]

    @staticmethod
    def is_compatible(file_path) -> bool:
        """Whether `describe_runs` wrote a file.

        Parameters
        ----------
        file_path : str or Path
            Any file.

        Returns
        -------
        bool
            True if it did.
        """
        return str(file_path).endswith(ENDING)

    @property
    def differences(self) -> list[str]:
        """What ctapipe alone reads otherwise, of the events that were read.

        Returns
        -------
        list of str
            A line for each kind.
        """
        return self._differences.lines(len(self._sources))

    @property
    def subarray(self):
        """Telescopes.

        Returns
        -------
        SubarrayDescription
            Those of the first run.
        """
        return self._sources[0].subarray

    @property
    def is_simulation(self) -> bool:
        """Whether the file knows the truth.

        Returns
        -------
        bool
            True.
        """
        return True

    @property
    def datalevels(self) -> tuple:
        """Levels of data.

        Returns
        -------
        tuple of DataLevel
            Raw and calibrated samples.
        """
        return self._sources[0].datalevels

    @property
    def atmosphere_density_profile(self):
        """Atmosphere.

        Returns
        -------
        AtmosphereDensityProfile or None
            That of the first run.
        """
        return self._sources[0].atmosphere_density_profile

    @property
    def scheduling_blocks(self) -> dict:
        """Scheduling blocks.

        Returns
        -------
        dict
            By run.
        """
        return self._of_all("scheduling_blocks")

    @property
    def observation_blocks(self) -> dict:
        """Observation blocks.

        Returns
        -------
        dict
            By run.
        """
        return self._of_all("observation_blocks")

    @property
    def simulation_config(self) -> dict:
        """What was thrown.

        Returns
        -------
        dict
            By run.
        """
        return self._of_all("simulation_config")

    def _of_all(self, name):
        return {key: value for s in self._sources for key, value in getattr(s, name).items()}

    def close(self):
        """Close all runs."""
        for source in self._sources:
            source.close()

    def _generator(self):
        count = 0
        for source in self._sources:
            for event in source._generator():
                event.count, count = count, count + 1
                yield event
