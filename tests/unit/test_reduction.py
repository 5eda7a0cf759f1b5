"""Pixels that the data-volume reduction keeps."""

from __future__ import annotations

import numpy as np
import pytest
from camera_samples import camera, hexagonal_pixels, key_words, readout

from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.neighbours import neighbours
from iactflow.telescope.amplitude import make_amplitude_table
from iactflow.telescope.camera import PhotoElectrons, make_camera_table
from iactflow.telescope.night_sky import draw_night_sky, night_sky_rates
from iactflow.telescope.readout import make_readout_table
from iactflow.telescope.reduction import keep_pixels, make_reduction_table
from iactflow.telescope.waveforms import read_waveforms

SETTINGS = {
    "method": "two_level",
    "picture_pe": 8.0,
    "boundary_pe": 4.0,
    "width_samples": 5,
    "coincidence_ns": 6.0,
    "dilations": 1,
}


def _tables(mode="waveform", n_pixels=127, **changes):
    electronics = readout(mode, reduction={**SETTINGS, **changes})
    made = camera(hexagonal_pixels(n_pixels), readout=electronics)
    table = make_readout_table(made, make_camera_table(made, key_words()))
    return made, table, make_reduction_table(made, table)


def _adc(table, signals):
    """Waveforms without noise: boxes of five samples, {pixel: (photoelectrons, sample)}."""
    n_gains, n_pixels = table.counts.shape
    adc = np.empty((n_gains, n_pixels, table.n_samples), dtype=np.uint16)
    adc[:] = np.round(table.pedestal)[:, :, None]
    for pixel, (signal, sample) in signals.items():
        per_sample = signal * float(table.counts[0, pixel]) * table.pulse[0].sum() / 64 / 5
        adc[0, pixel, sample : sample + 5] += np.uint16(round(per_sample))
    return adc


def _ring(pixel, start, other):
    return set(other[start[pixel] : start[pixel + 1]].tolist())


def test_two_levels_company_and_time():
    made, table, reduction = _tables(dilations=0)
    start, other = neighbours(made.pixels.x_m, made.pixels.y_m, "hexagon")
    first, second, third = sorted(_ring(0, start, other))[:3]
    chain = next(iter(_ring(first, start, other) - _ring(0, start, other) - {0}))
    lonely = 126
    signals = {
        0: (9.0, 10), first: (4.5, 12), second: (4.5, 20), third: (3.5, 10),
        chain: (5.0, 16), lonely: (30.0, 10),
    }  # fmt: skip
    assert not _ring(lonely, start, other) & set(signals)
    adc = _adc(table, signals)
    keep = keep_pixels(adc, table, reduction)
    # Above the upper level; added in time, and added through it; not late, faint or alone.
    assert set(np.flatnonzero(keep)) == {0, first, chain}
    assert np.all(adc[:, ~keep] == 0)
    assert np.all(adc[:, keep].max(axis=-1) > 0)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_rows_around_an_image(rows):
    made, table, reduction = _tables(dilations=rows)
    start, other = neighbours(made.pixels.x_m, made.pixels.y_m, "hexagon")
    first = min(_ring(0, start, other))
    keep = keep_pixels(_adc(table, {0: (20.0, 10), first: (6.0, 10)}), table, reduction)
    expected = {0, first}
    for _ in range(rows):
        expected |= set().union(*(_ring(pixel, start, other) for pixel in expected))
    assert set(np.flatnonzero(keep)) == expected


def test_nothing_but_night_sky_is_hardly_kept_and_a_shower_is():
    electronics = readout(reduction={**SETTINGS, "picture_pe": 10.0, "boundary_pe": 5.0})
    made = camera(hexagonal_pixels(1855), readout=electronics, nsb_rate_ghz=0.24)
    cameras = make_camera_table(made, key_words())
    table = make_readout_table(made, cameras)
    reduction = make_reduction_table(made, table)
    rates = night_sky_rates(made, cameras, 0.0)
    amplitudes = make_amplitude_table(made.single_pe_afterpulse)
    state = philox.new_state(key_words("sky"))
    sky = draw_night_sky(rates, 80.0, 90.0, amplitudes, state)
    lit = np.arange(19)
    shower = PhotoElectrons(
        np.repeat(lit, 20).astype(np.int32),
        np.full(380, 115.0, np.float32),
        np.ones(380, np.float32),
    )
    adc = read_waveforms(shower, sky, rates * amplitudes.mean, 110.0, table, state)
    keep = keep_pixels(adc, table, reduction)
    assert np.all(keep[:37])
    assert keep.sum() < 0.1 * keep.size


def test_charges():
    made, table, reduction = _tables("charge", dilations=0)
    start, other = neighbours(made.pixels.x_m, made.pixels.y_m, "hexagon")
    first = min(_ring(0, start, other))
    adc = np.empty((2, 127), dtype=np.uint16)
    adc[:] = np.round(table.pedestal)
    adc[0, [0, first, 126]] += np.array([9 * 80, 5 * 80, 9 * 80], dtype=np.uint16)
    keep = keep_pixels(adc[:, :, None], table, reduction)
    assert set(np.flatnonzero(keep)) == {0, first}
    assert np.all(adc[:, ~keep] == 0)


def test_no_reduction():
    made = camera(hexagonal_pixels(7))
    table = make_readout_table(made, make_camera_table(made, key_words()))
    assert make_reduction_table(made, table) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [("method", "tailcuts"), ("picture_pe", -1.0), ("width_samples", 0), ("levels", 2)],
)
def test_bad_settings_are_refused(key, value):
    with pytest.raises(InputError, match=rf"readout\.reduction\.{key}"):
        _tables(**{key: value})
