"""The calibration of a camera: from charges in the dark and of pulsed light to coefficients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.calibration.flatfield import FlatField, TimeShifts, flat_field, time_shifts
from iactflow.calibration.gain_ratio import GainRatio, gain_ratio
from iactflow.calibration.moments import Moments, charge_moments
from iactflow.calibration.pedestal import Pedestals
from iactflow.calibration.photostatistics import Gains, common_spread, photostatistics_gains
from iactflow.calibration.pixel_status import DEAD, NO_GAIN, StatusSettings, pixel_status
from iactflow.calibration.single_pe import SpeFit, SpeShape, charge_spectra, fit_spectra
from iactflow.errors import InputError
from iactflow.io.batches import Coefficients

__all__ = ["CameraCalibration", "CameraEvents", "CameraSettings", "calibrate_camera"]


class CameraSettings(NamedTuple):
    """How a camera is calibrated.

    Attributes
    ----------
    excess_noise : float
        F^2 of single photoelectrons, from their spectra or the manufacturer.
    overlap_pe : tuple of two float
        Charges between which both gain channels are compared.
    n_sigma : float
        Rejection of pixels from the means of the camera.
    status : StatusSettings
        Criteria of unusable pixels.
    shape : SpeShape or None
        Amplitudes of photoelectrons, with which spectra of single ones are fitted.
    """

    excess_noise: float = 1.2
    overlap_pe: tuple[float, float] = (20.0, 200.0)
    n_sigma: float = 5.0
    status: StatusSettings = StatusSettings()
    shape: SpeShape | None = None


class CameraEvents(NamedTuple):
    """What a calibration run holds of a camera.

    Attributes
    ----------
    pedestals : Pedestals
        From events in the dark.
    charge_adu : ndarray of float32, shape (n_events, n_channels, n_pixels)
        Charges of pulses of light in a window, pedestal taken off.
    time_ns : ndarray of float32, shape (n_events, n_pixels)
        Times of the pulses in high gain; not a number where charges are read.
    pulse_part : ndarray of float64, shape (n_channels,)
        Part of a pulse that the window holds.
    single_adu : ndarray of float32, shape (n_events, n_channels, n_pixels), or None
        Charges of single photoelectrons in the window, where the run has such events.
    """

    pedestals: Pedestals
    charge_adu: np.ndarray
    time_ns: np.ndarray
    pulse_part: np.ndarray
    single_adu: np.ndarray | None = None


class CameraCalibration(NamedTuple):
    """Calibration of a camera.

    Attributes
    ----------
    pedestals : Pedestals
        Pedestals.
    light : Moments
        Charges of pulses of light in the window.
    gain_adu, gain_error_adu : ndarray of float64, shape (n_channels, n_pixels)
        Counts per mean photoelectron, summed over the whole pulse, and standard error.
    gains : Gains
        Gains of the high gain in the window.
    ratio : GainRatio or None
        High over low gain; None where there is one channel.
    flat_field : FlatField
        Factors.
    times : TimeShifts
        Times.
    spectra : SpeFit or None
        Spectra of single photoelectrons, in the window; None without such events.
    status : ndarray of uint8, shape (n_channels, n_pixels)
        Bits of `iactflow.calibration.pixel_status`.
    """

    pedestals: Pedestals
    light: Moments
    gain_adu: np.ndarray
    gain_error_adu: np.ndarray
    gains: Gains
    ratio: GainRatio | None
    flat_field: FlatField
    times: TimeShifts
    spectra: SpeFit | None
    status: np.ndarray

    def coefficients(self) -> Coefficients:
        """Coefficients that extraction takes.

        Returns
        -------
        Coefficients
            Photoelectrons per count with the flat-field factor in them; 0 in unusable pixels.
        """
        unusable = self.status != 0
        shift = np.nan_to_num(self.times.shift_ns)
        factor = np.where(unusable, 0.0, self.flat_field.factor / self.gain_adu)
        return Coefficients(
            pedestal_adu=self.pedestals.level_adu.astype(np.float32),
            pe_per_adu=factor.astype(np.float32),
            time_shift_ns=np.broadcast_to(shift, unusable.shape).astype(np.float32),
            unusable=unusable,
            pedestal_std_adu=self.pedestals.sample_std_adu.astype(np.float32),
        )


def calibrate_camera(events: CameraEvents, settings: CameraSettings) -> CameraCalibration:
    """Calibrate a camera.

    Parameters
    ----------
    events : CameraEvents
        Charges in the dark and of pulses of light.
    settings : CameraSettings
        Settings.

    Returns
    -------
    CameraCalibration
        Gains of the high gain come from the spectra of single photoelectrons, where there are such
        events and a shape for their amplitudes, else from the statistics of photoelectrons; those
        of the low gain from the ratio of both in the same pulses.

    Raises
    ------
    InputError
        If there are too few events, or no pixel has a signal.
    """
    dark = events.pedestals.charge
    light = charge_moments(events.charge_adu)
    signal = light.mean - dark.mean
    error = np.sqrt(light.mean_variance + dark.mean_variance)
    gains, spectra = _high_gain(events, light, settings)
    ratio = None
    gain, gain_error = [gains.gain_adu], [gains.error_adu]
    if signal.shape[0] > 1:
        ratio = _ratio(events, gains, settings)
        gain.append(gains.gain_adu / ratio.ratio)
        relative = np.hypot(gains.error_adu / gains.gain_adu, ratio.error / ratio.ratio)
        gain_error.append(gain[1] * relative)
    part = events.pulse_part[:, None]
    gain, gain_error = np.array(gain) / part, np.array(gain_error) / part
    status = pixel_status(signal[0], error[0], gain, dark, settings.status)
    good = (status[0] & (DEAD | NO_GAIN)) == 0
    flat = flat_field(signal[0], error[0], gains.gain_adu, good, settings.n_sigma)
    if np.isfinite(events.time_ns).any():
        times = time_shifts(events.time_ns, good, settings.n_sigma)
    else:
        times = TimeShifts(np.zeros(good.size), np.full(good.size, np.nan))
    return CameraCalibration(
        events.pedestals, light, gain, gain_error, gains, ratio, flat, times, spectra, status
    )


def _high_gain(events: CameraEvents, light: Moments, settings: CameraSettings):
    """Gains in the window, and the spectra that they come from, if any do."""
    dark = events.pedestals.charge
    signal = light.mean[0] - dark.mean[0]
    if not np.isfinite(signal).any():
        raise InputError("calibration", "pixels with pulses and pedestals", 0, "at least one")
    alive = np.isfinite(signal) & (signal > 0.5 * np.nanmedian(signal))
    whole = alive & np.isfinite(events.charge_adu[:, 0]).all(axis=0)
    spread = common_spread(events.charge_adu[:, 0] - dark.mean[0].astype(np.float32), whole)
    gains = photostatistics_gains(light, dark, 0, settings.excess_noise, spread)
    if events.single_adu is None or settings.shape is None:
        return gains, None
    spectra = _single(events, gains, settings)
    error_adu = np.where(spectra.converged, spectra.error[:, 1], np.nan)
    gain_adu = np.where(spectra.converged, spectra.value[:, 1], np.nan)
    return Gains(gain_adu, error_adu, signal / gain_adu), spectra


def _ratio(events: CameraEvents, gains: Gains, settings: CameraSettings) -> GainRatio:
    dark = events.pedestals.charge
    high, low = (events.charge_adu[:, k] - dark.mean[k].astype(np.float32) for k in (0, 1))
    limits = tuple(limit * gains.gain_adu for limit in settings.overlap_pe)
    return gain_ratio(high, low, limits, int(np.median(dark.n)))


def _single(events: CameraEvents, gains: Gains, settings: CameraSettings) -> SpeFit:
    """Fit spectra of single photoelectrons, beginning with pedestals and photo-statistics."""
    dark = events.pedestals.charge
    known = np.isfinite(events.single_adu[:, 0]).all(axis=0) & (gains.gain_adu > 0.0)
    if not known.any():
        raise InputError("calibration", "pixels with single photoelectrons", 0, "at least one")
    charge = events.single_adu[:, 0].astype(np.float64)
    noise = np.sqrt(dark.variance[0])
    gain = np.where(known, gains.gain_adu, np.nanmedian(gains.gain_adu))
    light = np.maximum((np.mean(charge, axis=0) - dark.mean[0]) / gain, 0.05)
    start = np.stack([light, gain, dark.mean[0], noise, np.ones(gain.size)], axis=1)[known]
    width = max(round(0.4 * float(np.median(noise[known]))), 1)
    # The shape is the laboratory's: its width is hardly told from gain and light by low charges.
    spectra = charge_spectra(charge[:, known], width)
    fit = fit_spectra(spectra, settings.shape, start, fixed=("width",))
    parts = (fit.value, fit.error, fit.deviance, fit.n_free, fit.converged)
    full = [np.zeros((gain.size, *part.shape[1:]), part.dtype) for part in parts]
    for target, part in zip(full, parts, strict=True):
        target[known] = part
    return SpeFit(*full)
