"""How charges and times are taken from waveforms, and the factor for what a window leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from iactflow.errors import InputError
from iactflow.io.subarray import Camera

__all__ = ["METHODS", "ExtractionSettings", "integration_correction"]

#: Methods of extraction, by the numbers that the kernels know.
METHODS = {
    "full_window": 0,
    "fixed_window": 1,
    "local_peak": 2,
    "neighbour_peak": 3,
    "sliding_window": 4,
}


@dataclass(frozen=True)
class ExtractionSettings:
    """How images are made from waveforms; ctapipe's defaults.

    Attributes
    ----------
    method : str
        ``full_window``: all samples. ``fixed_window``: around a given sample. ``local_peak``:
        around the largest sample of the pixel. ``neighbour_peak``: around the largest sample of
        the sum of the neighbours. ``sliding_window``: the window of the largest sum.
    window_width : int
        Samples of the window.
    window_shift : int
        Samples of the window before the peak.
    peak_index : int
        Peak of ``fixed_window``.
    local_weight : int
        Weight of the pixel itself in the sum of ``neighbour_peak``.
    gain_threshold_adu : float
        A pixel with a sample above it in the high gain takes the low gain.
    integration_correction : bool
        Whether charges are divided by the part of the pulse inside the window.
    """

    method: str = "neighbour_peak"
    window_width: int = 7
    window_shift: int = 3
    peak_index: int = 0
    local_weight: int = 0
    gain_threshold_adu: float = 4000.0
    integration_correction: bool = True

    def __post_init__(self):
        if self.method not in METHODS:
            raise InputError("extraction", "method", self.method, ", ".join(METHODS))
        for key, lowest in (("window_width", 1), ("local_weight", 0), ("gain_threshold_adu", 0)):
            if not getattr(self, key) >= lowest:
                raise InputError("extraction", key, getattr(self, key), f"at least {lowest}")


def integration_correction(camera: Camera, settings: ExtractionSettings) -> np.ndarray:
    """One over the part of the pulse of a photoelectron inside the window, by gain channel.

    The pulse is binned to samples that begin with its table, and the window placed around its
    largest sample (``sliding_window``: where its sum is largest, at the steps of the table), as
    ctapipe 0.28 does: the same charges come out. The mean over all phases between pulse and
    samples differs, the more the shorter the pulse.

    Parameters
    ----------
    camera : Camera
        Camera; its pulse counts.
    settings : ExtractionSettings
        Window.

    Returns
    -------
    ndarray of float64, shape (n_channels,)
        Factors; 1 for pulses that are not known (``pulse`` empty), for charges, for
        ``full_window``, where the window misses the pulse, and where no correction is asked for.
    """
    return _correction(camera, settings).copy()


@lru_cache(maxsize=64)
def _correction(camera: Camera, settings: ExtractionSettings) -> np.ndarray:
    correction = np.ones(camera.n_channels)
    if not settings.integration_correction or settings.method == "full_window":
        return correction
    if camera.n_samples == 1 or camera.pulse.shape[1] == 0:
        return correction
    part = _sliding_part if settings.method == "sliding_window" else _window_part
    for channel, pulse in enumerate(camera.pulse):
        inside = part(np.asarray(pulse, dtype=np.float64), camera, settings)
        if inside != 0.0:
            correction[channel] = 1.0 / inside
    return correction


def _window_part(pulse, camera, settings):
    """Part of a pulse in the window around its largest sample; 0 if the window misses it."""
    sample_ns, length_ns = 1.0 / camera.sampling_rate_ghz, len(pulse) * camera.pulse_step_ns
    edges = np.arange(0.0, length_ns, sample_ns)
    if len(edges) < 2:
        return 0.0
    points_ns = np.arange(0.0, length_ns, camera.pulse_step_ns)[: len(pulse)]
    samples, _ = np.histogram(points_ns, edges, weights=pulse)
    first = max(int(samples.argmax()) - settings.window_shift, 0)
    return float(samples[first : first + settings.window_width].sum() / samples.sum())


def _sliding_part(pulse, camera, settings):
    """Largest part of a pulse in a window of the length of the samples."""
    points = round(settings.window_width / camera.sampling_rate_ghz / camera.pulse_step_ns)
    if not 0 < points <= len(pulse):
        return 0.0
    sums = np.concatenate([[0.0], np.cumsum(pulse)])
    return float(np.max(sums[points:] - sums[:-points]) / pulse.sum())
