"""The stage from raw calibration events to coefficients that another run is calibrated with."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from calibration_samples import EXCESS, batch, charges, generator, subarray

import iactflow.calibration.stages.calibrate_cameras as stage
from iactflow.calibration.camera import CameraSettings, calibrate_camera
from iactflow.calibration.coefficients import read_coefficients
from iactflow.calibration.collect import Window, collect_events
from iactflow.calibration.single_pe import two_gaussians
from iactflow.errors import InputError
from iactflow.io.root import read_table
from iactflow.io.subarray_tables import read_subarray

N, N_EVENTS = 300, 400
PULSE = np.exp(-0.5 * ((np.arange(12) - 5.0) / 1.2) ** 2)
PULSE /= PULSE.sum()


class Reader:
    """Batches from memory in the way of a file's reader."""

    def __init__(self, batches, array):
        self.found, self.subarray, self.is_simulation = batches, array, False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def batches(self):
        yield from self.found


def run(name, n_samples, single=False):
    """Batches of a run, true gains, efficiencies; pixel 4 has no light."""
    draw = generator(name)
    gain = 60.0 * (1.0 + 0.05 * draw.standard_normal(N))
    efficiency = 1.0 + 0.05 * draw.standard_normal(N)
    efficiency[4] = 0.0
    found = []
    for kind, light in ((2, 0.0), (0, 60.0), *(((1, 0.8),) if single else ())):
        high = charges(draw, N_EVENTS, gain, light * efficiency, noise=1e-9)
        both = np.stack([high, high / 13.0], axis=1)
        pulse = PULSE if n_samples > 1 else np.ones(1)
        samples = 400.0 + both[..., None] * pulse
        samples += (4.0 if n_samples > 1 else 12.0) * draw.standard_normal(samples.shape)
        found.append(batch(np.round(samples).clip(0, 65535).astype(np.uint16), kind))
    return found, gain, efficiency


@pytest.fixture
def opened(monkeypatch):
    readers = {}
    monkeypatch.setattr(stage, "open_reader", lambda path: readers[str(path)])
    return readers


@pytest.mark.parametrize("n_samples", [1, 12])
def test_from_events_to_coefficients(tmp_path, opened, n_samples):
    batches, gain, efficiency = run(f"stage {n_samples}", n_samples)
    array = subarray(N, n_samples)
    opened["run"] = Reader(batches, array)
    out = SimpleNamespace(
        calibration=tmp_path / "calibration.root", summary=tmp_path / "summary.json"
    )
    settings = {"excess_noise": EXCESS, "window_before_ns": 5.0, "window_after_ns": 6.0}
    inputs = SimpleNamespace(raw="run")
    stage.calibrate_cameras(inputs, out, SimpleNamespace(settings=settings), None)
    found = read_coefficients(out.calibration)[1]
    assert found.unusable[:, 4].all()
    assert found.unusable.sum() == 2
    ok = ~found.unusable[0]
    np.testing.assert_allclose(found.pedestal_adu[:, ok], 400.0, atol=3.0)
    light = found.pe_per_adu[0] * gain * efficiency
    # Equal light gives equal photoelectrons: to the errors of the flat field, 0.8 %.
    assert np.std(light[ok]) / np.mean(light[ok]) == pytest.approx(0.008, abs=0.002)
    assert np.mean(light[ok]) == pytest.approx(1.0, abs=0.02)
    ratio = found.pe_per_adu[1, ok] / found.pe_per_adu[0, ok]
    assert np.mean(ratio) == pytest.approx(13.0, rel=0.01)
    summary = json.loads(out.summary.read_text())["telescopes"]["1"]
    assert summary["n_events"] == {"0": N_EVENTS, "1": 0, "2": N_EVENTS}
    assert summary["n_usable"] == N - 1
    assert summary["status"]["dead"] == 1
    assert summary["channels"][0]["gain_adu"] == pytest.approx(60.0, rel=0.03)
    assert read_subarray(out.calibration).types[0].camera.n_pixels == N
    table = read_table(out.calibration, "calibration")
    assert np.mean(table["flatfield"][table["status"] == 0]) == pytest.approx(1.0, abs=1e-5)
    assert np.all(table["obs_id"] == 3)
    assert np.all(table["time_s"] == 1000)


def test_single_photoelectrons_give_better_gains():
    batches, gain, _ = run("single", 1, single=True)
    events, used = collect_events(lambda: batches, {1: np.nan}, Window(), 2**26)
    assert used[1] == {0: N_EVENTS, 1: N_EVENTS, 2: N_EVENTS}
    settings = CameraSettings(excess_noise=EXCESS, shape=two_gaussians(0.0, 0.4, 0.2, 0.4))
    found = calibrate_camera(events[1], settings)
    ok = found.spectra.converged
    assert ok.sum() == N - 1
    pulls = (found.gain_adu[0, ok] - gain[ok]) / found.gain_error_adu[0, ok]
    assert abs(pulls.mean()) < 0.2
    assert abs(pulls.std() - 1.0) < 0.12
    without = calibrate_camera(events[1], settings._replace(shape=None))
    assert without.spectra is None
    assert np.median(without.gain_error_adu[0, ok]) > 1.2 * np.median(found.gain_error_adu[0, ok])


def test_batches_and_pixels_that_were_not_read_out_change_nothing_else():
    batches, _, _ = run("batches", 12)
    cut = []
    for whole in batches:
        camera = whole.cameras[0]
        for rows in (slice(0, 150), slice(150, None)):
            cut.append(batch(camera.adc[rows], int(whole.event_type[0])))
    one, two = (collect_events(lambda b=b: b, {1: 1.0}, Window(5, 6), 2**26)[0][1]
                for b in (batches, cut))  # fmt: skip
    np.testing.assert_array_equal(one.charge_adu, two.charge_adu)
    np.testing.assert_array_equal(one.time_ns, two.time_ns)
    np.testing.assert_allclose(one.pedestals.level_adu, two.pedestals.level_adu)


def test_memory_limits_the_events_that_are_used():
    batches, _, _ = run("memory", 1)
    row = 16 * N * 3
    _, used = collect_events(lambda: batches, {1: np.nan}, Window(), 50 * row)
    assert used[1] == {0: 50, 1: 0, 2: 50}


def test_runs_that_cannot_be_used(opened, tmp_path):
    batches, _, _ = run("bad", 12)
    rates = {1: 1.0}
    with pytest.raises(InputError, match="flat field"):
        collect_events(list, rates, Window(), 2**26)
    with pytest.raises(InputError, match="flat field events of telescope 1"):
        collect_events(lambda: batches[:1], rates, Window(), 2**26)
    with pytest.raises(InputError, match="pedestal events of telescope 1"):
        collect_events(lambda: batches[1:], rates, Window(), 2**26)
    with pytest.raises(InputError, match="window"):
        collect_events(lambda: batches, rates, Window(10.0, 10.0), 2**26)
    shorter = [batches[0], batch(batches[1].cameras[0].adc[..., :8].copy(), 0)]
    with pytest.raises(InputError, match="telescope 1"):
        collect_events(lambda: shorter, rates, Window(), 2**26)
    opened["run"] = Reader(batches, subarray(N, 12))
    out = SimpleNamespace(calibration=tmp_path / "c.root", summary=tmp_path / "s.json")
    window = {"window_before_ns": 5.0, "window_after_ns": 6.0}
    for changes, raw, key in (
        ({"gains": 1}, ["run"], "settings"),
        ({"excess_noise": 0.5}, ["run"], "excess_noise"),
        ({}, [], "raw"),
    ):
        params = SimpleNamespace(settings=window | changes)
        inputs = SimpleNamespace(raw=raw)
        with pytest.raises(InputError, match=key):
            stage.calibrate_cameras(inputs, out, params, None)
    assert not out.calibration.exists()
