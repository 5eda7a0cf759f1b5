"""What a camera is: pixels, read-out, trigger. See `iactflow.instrument.description`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from iactflow.instrument.describe_optics import Curve

__all__ = ["Camera", "Pixels", "Readout", "TelescopeTrigger"]


@dataclass(frozen=True)
class Pixels:
    """Pixels of a camera, in its focal plane.

    Attributes
    ----------
    x_m, y_m : ndarray of float64, shape (n,)
        Centres in the telescope frame, rotation of the camera applied.
    diameter_m : float
        Distance of flat sides (hexagon, square).
    shape : str
        ``hexagon`` or ``square``.
    rotation_deg : float
        Direction of the normal to one flat side, from x to y.
    relative_efficiency : ndarray of float64, shape (n,), or None
        Factor on the quantum efficiency of each pixel; None: 1 everywhere.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    diameter_m: float
    shape: str
    rotation_deg: float
    relative_efficiency: np.ndarray | None = None


@dataclass(frozen=True)
class Readout:
    """From photoelectrons to digital counts.

    Attributes
    ----------
    mode : str
        ``charge`` (integrated in ``window_ns``) or ``waveform``.
    window_ns : float
        Integration window of mode ``charge``.
    sampling_ghz, n_samples, simulated_samples, sample_offset : float, int, int, int
        Rate; samples read out; samples of sim_telarray's simulation (recorded only); read-out
        samples before the trigger.
    pulse_high, pulse_low : Curve
        Pulse of one photoelectron in the two gains, peak 1, time in ns.
    amplitude_high, amplitude_low : float
        Counts at the peak of one mean photoelectron (waveform); counts per photoelectron (charge).
    pedestal_high, pedestal_low, noise_high, noise_low : float
        Counts per sample (per window for charge): pedestal, rms of the electronic noise.
    pedestal_variation, max_signal_high, max_signal_low : float, int, int
        Rms of pedestals between pixels; saturation.
    n_gains : int
        Gain channels, 1 or 2.
    photon_delay_ns : float
        Delay between the light's arrival and the read-out's clock in sim_telarray (recorded only).
    reduction : dict
        Data-volume reduction: ``{}`` for none, or method and its parameters.
    """

    mode: str
    window_ns: float
    sampling_ghz: float
    n_samples: int
    simulated_samples: int
    sample_offset: int
    pulse_high: Curve
    pulse_low: Curve
    amplitude_high: float
    amplitude_low: float
    pedestal_high: float
    pedestal_low: float
    noise_high: float
    noise_low: float
    pedestal_variation: float
    max_signal_high: int
    max_signal_low: int
    n_gains: int
    photon_delay_ns: float
    reduction: dict = field(default_factory=dict)


@dataclass(frozen=True)
class TelescopeTrigger:
    """Trigger of a telescope.

    Attributes
    ----------
    kind : str
        ``majority`` (groups of pixels: sectors), ``next_neighbour`` or ``analogue_sum``.
    pulse : Curve
        Pulse of one photoelectron at the discriminator, time in ns.
    amplitude, threshold, threshold_variation : float
        Peak of a mean photoelectron; threshold and its rms between pixels, in the same unit.
    multiplicity : int
        Pixels above threshold.
    time_over_threshold_ns, gate_length_ns : float
        Least time above the threshold; how much longer than that the output of the comparator
        lasts; negative: a discriminator whose output has its magnitude as length, whatever the
        signal. Signs are those of sim_telarray's ``discriminator_gate_length``.
    coincidence_ns : float
        Least overlap.
    clipping : float
        Largest signal of a pixel in an analogue sum; 0: none.
    groups : ndarray of int64, shape (n_groups, n_max)
        Pixels of each group (sector, neighbourhood, patch), padded with -1.
    bandwidth_ns : float
        Time step of the simulation of the trigger.
    excess_over_threshold : float
        Analogue sum: least integral of the signal's excess over the threshold, in its unit times
        ns (sim_telarray's ``teltrig_min_sigsum``).
    """

    kind: str
    pulse: Curve
    amplitude: float
    threshold: float
    threshold_variation: float
    multiplicity: int
    time_over_threshold_ns: float
    gate_length_ns: float
    coincidence_ns: float
    clipping: float
    groups: np.ndarray
    bandwidth_ns: float
    excess_over_threshold: float = 0.0


@dataclass(frozen=True)
class Camera:
    """Camera of a telescope type.

    Attributes
    ----------
    pixels : Pixels
        Pixels.
    light_guide : Curve
        Efficiency of the light guides against the angle of incidence in deg; referred to the whole
        entrance area of a pixel.
    light_guide_wavelength : Curve or None
        Relative efficiency against wavelength in nm.
    window : Curve or None
        Transmission of the entrance window or filter against wavelength in nm.
    transmission : float
        Further factor on the transmission.
    quantum_efficiency : Curve
        Against wavelength in nm.
    collection_efficiency, qe_variation : float
        Factor on it; rms of its relative variation between pixels.
    single_pe : Curve
        Distribution of the amplitude of one photoelectron, prompt, mean 1.
    single_pe_afterpulse : Curve
        The same with after-pulses, for the night-sky background.
    gain_variation, transit_time_jitter_ns, transit_time_error_ns : float
        Rms of relative gains after flat-fielding; rms transit-time spread of photoelectrons; rms
        between pixels.
    nsb_rate_ghz : float
        Night-sky photoelectrons per ns and pixel in a dark field, at the zenith, with the
        reflectivity as degraded as described.
    nsb_airmass : tuple of two float
        (f, k): part of the rate that is airglow, which grows with the air mass, and extinction in
        magnitudes per air mass; (0, 0): flat. See `iactflow.telescope.night_sky.airmass_factor`.
    readout : Readout
        Read-out.
    trigger : TelescopeTrigger
        Trigger.
    """

    pixels: Pixels
    light_guide: Curve
    light_guide_wavelength: Curve | None
    window: Curve | None
    transmission: float
    quantum_efficiency: Curve
    collection_efficiency: float
    qe_variation: float
    single_pe: Curve
    single_pe_afterpulse: Curve
    gain_variation: float
    transit_time_jitter_ns: float
    transit_time_error_ns: float
    nsb_rate_ghz: float
    nsb_airmass: tuple[float, float]
    readout: Readout
    trigger: TelescopeTrigger
