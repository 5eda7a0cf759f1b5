"""Read-out: charges and waveforms against pulses, noise and background written down by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from camera_samples import camera, gaussian_pulse, hexagonal_pixels, key_words, readout, single_pe
from scipy import special

from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Curve
from iactflow.telescope.amplitude import draw_amplitudes, make_amplitude_table
from iactflow.telescope.camera import PhotoElectrons, make_camera_table, no_photoelectrons
from iactflow.telescope.charge import read_charge
from iactflow.telescope.night_sky import draw_night_sky, night_sky_rates
from iactflow.telescope.readout import make_readout_table
from iactflow.telescope.waveforms import read_waveforms

AREA_HIGH = 1.2 * math.sqrt(2 * math.pi)
N_PIXELS = 1855


def _tables(mode, pixels=None, **changes):
    camera_changes = changes.pop("camera_changes", {})
    pixels = hexagonal_pixels(N_PIXELS) if pixels is None else pixels
    made = camera(pixels, readout=readout(mode, **changes), **camera_changes)
    table = make_camera_table(made, key_words())
    return made, table, make_readout_table(made, table)


def _electrons(pixel, time_ns, amplitude=1.0):
    columns = np.broadcast_arrays(pixel, time_ns, amplitude)
    types = (np.int32, np.float32, np.float32)
    return PhotoElectrons(
        *(np.array(v, dtype=t).ravel() for v, t in zip(columns, types, strict=True))
    )


def _read(read, shower, night_sky, rate, trigger_ns, table, stage="read"):
    rate = np.broadcast_to(np.asarray(rate, dtype=np.float64), table.counts.shape[1:]).copy()
    state = philox.new_state(key_words(stage))
    return read(shower, night_sky, rate, trigger_ns, table, state)


def _sky(made, table, start_ns, length_ns):
    rates = night_sky_rates(made, table, 0.0)
    amplitudes = make_amplitude_table(made.single_pe_afterpulse)
    state = philox.new_state(key_words("night_sky"))
    return draw_night_sky(rates, start_ns, length_ns, amplitudes, state), rates, amplitudes


# Waveforms.


@pytest.mark.parametrize("time_ns", [100.0, 103.27, 117.5, 135.992])
def test_one_photoelectron_is_its_pulse(time_ns):
    _, _, table = _tables("waveform", noise_high=0.0, noise_low=0.0, max_signal_high=65535)
    adc = _read(
        read_waveforms, _electrons(3, time_ns, 50.0), no_photoelectrons(), 0.0, 110.0, table
    )
    at = 100.0 + np.arange(40) - time_ns
    for gain, (pedestal, counts, sigma) in enumerate(((400, 20.0, 1.2), (300, 1.3, 1.5))):
        expected = pedestal + 50.0 * counts * np.exp(-0.5 * (at / sigma) ** 2)
        # A phase is at most 1/128 of a sample away; half a count of rounding.
        slope = 50.0 * counts / sigma * math.exp(-0.5)
        # Behind the end of the tabulated pulse at 1e-3 of its integral nothing is added.
        cut = 50.0 * counts * math.exp(-0.5 * special.ndtri(1e-3) ** 2)
        assert np.all(np.abs(adc[gain, 3] - expected) <= 0.51 + slope / 128 + cut)
        assert np.all(np.delete(adc[gain], 3, axis=0) == pedestal)


def test_photoelectrons_around_the_window_count_as_far_as_they_reach():
    _, _, table = _tables("waveform", noise_high=0.0, noise_low=0.0)
    times = np.array([60.0, 97.4, 98.9, 100.0, 120.0, 139.0, 141.1, 180.0])
    adc = _read(
        read_waveforms,
        _electrons(np.arange(8), times, 100.0),
        no_photoelectrons(),
        0.0,
        110.0,
        table,
    )
    at = 100.0 + np.arange(40) - times[:, None]
    expected = 400 + 2000.0 * np.exp(-0.5 * (at / 1.2) ** 2)
    assert np.all(np.abs(adc[0, :8] - expected) < 0.51 + 2000 / 1.2 * 0.61 / 128 + 17.0)
    assert np.all(adc[0, [0, 7]] == 400)


def test_waveform_is_that_of_its_slow_twin():
    made, cameras, table = _tables(
        "waveform", hexagonal_pixels(19), pedestal_variation=3.0, n_samples=30,
        camera_changes={"gain_variation": 0.05, "qe_variation": 0.05},
    )  # fmt: skip
    random = np.random.default_rng(2)
    shower, sky = (
        _electrons(
            random.integers(0, 19, n), random.uniform(50.0, 180.0, n), random.exponential(size=n)
        )
        for n in (200, 400)
    )
    rate = random.uniform(0.0, 0.3, 19)
    adc = _read(read_waveforms, shower, sky, rate, 110.0, table)
    state = philox.new_state(key_words("read"))
    n_gains, n_phases, n_points = table.pulse.shape
    expected = np.zeros((2, 19, 30))
    for electrons in (shower, sky):
        for pixel, time, amplitude in zip(*electrons, strict=True):
            first = math.floor(float(time) - 100.0)
            phase = int((float(time) - 100.0 - first) * n_phases)
            for point in range(n_points):
                sample = first + table.first_point + point
                if 0 <= sample < 30:
                    expected[:, pixel, sample] += amplitude * table.pulse[:, phase, point]
    expected -= table.mean_per_rate[:, None, None] * rate[:, None]
    expected = table.pedestal[:, :, None] + table.counts[:, :, None] * expected
    for pixel in range(19):
        for gain in range(n_gains):
            words = [int(philox.next_uint64(state)) for _ in range(8)]
            numbers = [(word >> (16 * k)) & 0xFFFF for word in words for k in range(4)][:30]
            expected[gain, pixel] += table.noise[gain] * table.quantile[numbers]
    expected = np.clip(np.floor(expected + 0.5), 0, 4095)
    # Sums of 32-bit numbers in another order may round to the next count, rarely.
    assert np.abs(adc - expected).max() <= 1
    assert np.mean(adc != expected) < 2e-3
    np.testing.assert_allclose(table.counts[0], 20.0 * cameras.gain, rtol=1e-6)
    assert np.std(table.pedestal[0]) == pytest.approx(3.0, rel=0.5)
    assert made.readout.n_gains == n_gains


def test_noise_of_waveforms_is_normal():
    _, _, table = _tables("waveform", noise_high=25.0, noise_low=4.0, pedestal_high=1000.0)
    adc = _read(read_waveforms, no_photoelectrons(), no_photoelectrons(), 0.0, 110.0, table)
    n = adc[0].size
    for gain, (pedestal, noise) in enumerate(((1000.0, 25.0), (300.0, 4.0))):
        value = adc[gain].astype(float) - pedestal
        rms = math.sqrt(noise**2 + 1 / 12)
        assert value.mean() == pytest.approx(0.0, abs=4 * rms / math.sqrt(n))
        assert value.std() == pytest.approx(rms, abs=4 * rms / math.sqrt(2 * n))
        edges = np.arange(-4, 4.5, 0.5) * noise
        edges = np.floor(edges) + 0.5
        found, _ = np.histogram(value, np.concatenate([[-1e9], edges, [1e9]]))
        part = np.diff(np.concatenate([[0.0], special.ndtr(edges / noise), [1.0]]))
        chi2 = np.sum((found - n * part) ** 2 / (n * part))
        assert special.chdtrc(part.size - 1, chi2) > 1e-3
    samples = adc[0].reshape(-1)[: n // 4 * 4].reshape(-1, 4).astype(float)
    correlation = np.corrcoef(samples.T)[np.triu_indices(4, 1)]
    assert np.all(np.abs(correlation) < 4 / math.sqrt(len(samples)))


def test_quantiles_are_a_standard_normal_deviate():
    _, _, table = _tables("waveform", hexagonal_pixels(7))
    quantile = table.quantile.astype(float)
    assert quantile.size == 65536
    assert quantile.mean() == pytest.approx(0.0, abs=1e-7)
    assert quantile.std() == pytest.approx(1.0, abs=1e-6)
    assert np.mean(quantile**4) == pytest.approx(3.0, rel=2e-3)
    assert quantile.max() == pytest.approx(4.33, abs=0.02)


def test_mean_and_width_of_the_night_sky_in_waveforms():
    """Campbell's theorem: variance of a sample is rate * <a^2> * integral of the pulse squared."""
    # Without after-pulses, whose rare large amplitudes would dominate the error of the variance.
    changes = {"nsb_rate_ghz": 0.24, "single_pe_afterpulse": single_pe()}
    made, cameras, table = _tables("waveform", camera_changes=changes)
    sky, rates, amplitudes = _sky(made, cameras, 80.0, 90.0)
    adc = _read(read_waveforms, no_photoelectrons(), sky, rates * amplitudes.mean, 110.0, table)
    square = amplitudes.excess_noise * amplitudes.mean**2
    for gain, (pedestal, counts, noise, sigma) in enumerate(
        ((400, 20.0, 5.0, 1.2), (300, 1.3, 4.0, 1.5))
    ):
        value = adc[gain].astype(float) - pedestal
        variance = counts**2 * 0.24 * square * sigma * math.sqrt(math.pi) + noise**2 + 1 / 12
        # Samples of a pixel are correlated over the pulse: 40 samples hold about ten numbers.
        n = value.size / 4
        assert value.mean() == pytest.approx(0.0, abs=4 * math.sqrt(variance / n))
        assert value.var() == pytest.approx(variance, rel=4 * math.sqrt(4 / n))


def test_integrated_waveforms_give_the_photoelectrons_back():
    """Sum of the samples over the gain: within 1 %, in both gains, at any phase of sampling."""
    made, cameras, table = _tables(
        "waveform",
        max_signal_high=65535,
        camera_changes={"qe_variation": 0.05, "gain_variation": 0.02},
    )
    sky, rates, amplitudes = _sky(made, cameras, 80.0, 90.0)
    n_pe = 100
    pixel = np.repeat(np.arange(N_PIXELS), n_pe)
    time = np.random.default_rng(4).normal(115.0, 2.0, pixel.size)
    state = philox.new_state(key_words("amplitude"))
    amplitude = draw_amplitudes(make_amplitude_table(made.single_pe), state, pixel.size)
    adc = _read(
        read_waveforms,
        _electrons(pixel, time, amplitude),
        sky,
        rates * amplitudes.mean,
        110.0,
        table,
    )
    for gain, (counts, sigma) in enumerate(((20.0, 1.2), (1.3, 1.5))):
        signal = (adc[gain] - (400.0, 300.0)[gain]).sum(axis=1)
        found = signal / (counts * cameras.gain * sigma * math.sqrt(2 * math.pi))
        spread = n_pe * made_excess(made) + 0.1 * 40 * 1.3
        noise = 40 * (5.0, 4.0)[gain] ** 2 / (counts * sigma * math.sqrt(2 * math.pi)) ** 2
        error = math.sqrt((spread + noise) / N_PIXELS)
        assert error < 0.01 * n_pe / 3
        assert found.mean() == pytest.approx(n_pe, abs=min(0.01 * n_pe, 4 * error + 0.002 * n_pe))


def made_excess(made):
    """Excess noise factor of prompt photoelectrons."""
    return make_amplitude_table(made.single_pe).excess_noise


def test_saturation_and_undershoot_of_waveforms():
    pulse = Curve(
        np.array([0.0, 1.0, 2.0, 2.5, 6.0, 6.5]), np.array([0, 1.0, 0.0, -0.15, -0.15, 0.0])
    )
    _, _, table = _tables("waveform", pulse_high=pulse, noise_high=0.0, max_signal_low=3500)
    electrons = _electrons([0, 1], [109.0, 109.0], [1000.0, 10000.0])
    adc = _read(read_waveforms, electrons, no_photoelectrons(), 0.0, 110.0, table)
    assert adc[0, 0].max() == 4095
    assert adc[0, 0].min() == 0
    assert int(adc[1, 0].max()) == pytest.approx(300 + 1300, abs=20)
    assert adc[1, 1].max() == 3500
    assert adc[0, 2].max() == 400


# Charges.


def test_a_charge_counts_as_far_as_it_is_inside_the_window():
    _, _, table = _tables("charge", noise_high=0.0, noise_low=0.0, max_signal_high=65535)
    times = np.array([80.0, 100.0, 100.7, 102.0, 110.0, 115.3, 118.0, 119.1, 140.0])
    electrons = _electrons(np.arange(9), times, 100.0)
    adc = _read(read_charge, electrons, no_photoelectrons(), 0.0, 110.0, table)
    for gain, (pedestal, counts, sigma) in enumerate(((400, 80.0, 1.2), (300, 6.0, 1.5))):
        inside = special.ndtr((118.0 - times) / sigma) - special.ndtr((102.0 - times) / sigma)
        expected = pedestal + 100 * counts * inside
        slope = 100 * counts / (sigma * math.sqrt(2 * math.pi))
        assert np.all(np.abs(adc[gain, :9] - expected) <= 0.51 + slope / 128 + 100 * counts * 1e-3)
        assert np.all(adc[gain, 9:] == pedestal)


def test_charge_is_that_of_its_slow_twin():
    _, _, table = _tables("charge", hexagonal_pixels(19), pedestal_variation=2.0)
    random = np.random.default_rng(6)
    shower, sky = (
        _electrons(
            random.integers(0, 19, n), random.uniform(80.0, 140.0, n), random.exponential(size=n)
        )
        for n in (100, 300)
    )
    rate = random.uniform(0.0, 0.2, 19)
    adc = _read(read_charge, shower, sky, rate, 110.0, table)
    state = philox.new_state(key_words("read"))
    charge = -16.0 * np.tile(rate, (2, 1))
    for electrons in (shower, sky):
        for pixel, time, amplitude in zip(*electrons, strict=True):
            for gain, sigma in enumerate((1.2, 1.5)):
                inside = special.ndtr((118.0 - time) / sigma) - special.ndtr((102.0 - time) / sigma)
                charge[gain, pixel] += amplitude * inside
    words = [int(philox.next_uint64(state)) for _ in range(10)]
    numbers = [(word >> (16 * k)) & 0xFFFF for word in words for k in range(4)][:38]
    noise = table.noise[:, None] * table.quantile[numbers].reshape(2, 19)
    expected = np.floor(table.pedestal + table.counts * charge + noise + 0.5)
    # Each photoelectron near an edge of the window is off by up to 1/128 ns there.
    assert np.abs(adc[0] - expected[0]).max() <= 4
    assert np.abs(adc[1] - expected[1]).max() <= 1
    assert np.mean(adc[0] - expected[0]) == pytest.approx(0.0, abs=0.6)


def test_width_of_pedestals_under_the_night_sky():
    """16 ns at 0.1 GHz: sqrt(1.6) = 1.26 p.e., times the excess noise of single p.e."""
    made, cameras, table = _tables("charge", noise_high=16.0, pulse_high=gaussian_pulse(0.2))
    sky, rates, amplitudes = _sky(made, cameras, 90.0, 50.0)
    adc = _read(read_charge, no_photoelectrons(), sky, rates * amplitudes.mean, 110.0, table)
    value = (adc[0].astype(float) - 400.0) / 80.0
    # Photoelectrons near the edges count in part: integral of the squared part instead of 16 ns.
    lost = 0.2 * 2 / math.sqrt(math.pi)
    square = amplitudes.excess_noise * amplitudes.mean**2
    variance = 0.1 * (16.0 - lost) * square + 0.2**2 + 1 / (12 * 80.0**2)
    assert math.sqrt(1.6) == pytest.approx(1.26, abs=0.01)
    assert value.mean() == pytest.approx(0.0, abs=4 * math.sqrt(variance / N_PIXELS))
    kurtosis = np.mean((value - value.mean()) ** 4) / value.var() ** 2
    error = variance * math.sqrt((kurtosis - 1) / N_PIXELS)
    assert value.var() == pytest.approx(variance, abs=4 * error)
    assert error < 0.05 * variance


def test_mean_and_variance_of_charges():
    """n Poisson photoelectrons: mean n counts, variance n counts^2 ENF plus noise."""
    made, _, table = _tables("charge", noise_high=16.0, max_signal_high=65535)
    random = np.random.default_rng(9)
    number = random.poisson(50.0, N_PIXELS)
    pixel = np.repeat(np.arange(N_PIXELS), number)
    state = philox.new_state(key_words("amplitude"))
    amplitude = draw_amplitudes(make_amplitude_table(made.single_pe), state, pixel.size)
    electrons = _electrons(pixel, random.uniform(107.0, 113.0, pixel.size), amplitude)
    adc = _read(read_charge, electrons, no_photoelectrons(), 0.0, 110.0, table)
    value = adc[0].astype(float)
    variance = 80.0**2 * 50.0 * made_excess(made) + 16.0**2 + 1 / 12
    assert value.mean() == pytest.approx(400 + 80 * 50, abs=4 * math.sqrt(variance / N_PIXELS))
    assert value.var() == pytest.approx(variance, rel=4 * math.sqrt(2 / N_PIXELS))


def test_charges_saturate():
    _, _, table = _tables("charge", max_signal_low=2000)
    electrons = _electrons([0, 1], 110.0, [100.0, 1000.0])
    adc = _read(read_charge, electrons, no_photoelectrons(), [0.0], 110.0, table)
    assert adc.dtype == np.uint16
    assert list(adc[0, :2]) == [4095, 4095]
    assert int(adc[1, 0]) == pytest.approx(900, abs=20)
    assert adc[1, 1] == 2000
    deep = _read(read_charge, no_photoelectrons(), no_photoelectrons(), 100.0, 110.0, table)
    assert np.all(deep == 0)


# Tables.


def test_one_gain():
    _, _, table = _tables("waveform", hexagonal_pixels(7), n_gains=1)
    adc = _read(read_waveforms, no_photoelectrons(), no_photoelectrons(), 0.0, 110.0, table)
    assert adc.shape == (1, 7, 40)
    _, _, table = _tables("charge", hexagonal_pixels(7), n_gains=1)
    assert _read(
        read_charge, no_photoelectrons(), no_photoelectrons(), 0.0, 110.0, table
    ).shape == (1, 7)


@pytest.mark.parametrize("shift", [0.0, 4.3, -2.0])
def test_pulse_table_keeps_the_integral(shift):
    _, _, table = _tables("waveform", hexagonal_pixels(7), pulse_high=gaussian_pulse(1.2, shift))
    np.testing.assert_allclose(table.pulse[0].sum(axis=1), AREA_HIGH, rtol=3e-3)
    assert table.mean_per_rate[0] == pytest.approx(AREA_HIGH, rel=3e-3)


@pytest.mark.parametrize(
    ("key", "value"),
    [("n_gains", 3), ("mode", "samples"), ("pulse_high", Curve(np.arange(2.0), np.zeros(2)))],
)
def test_bad_electronics_are_refused(key, value):
    made = camera(hexagonal_pixels(7), readout=readout(**{key: value}))
    table = make_camera_table(made, key_words())
    with pytest.raises(InputError, match="readout"):
        make_readout_table(made, table)
