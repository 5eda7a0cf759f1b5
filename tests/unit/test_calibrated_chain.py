"""From files of a calibration run to images of another run that are calibrated with it."""

from __future__ import annotations

from types import SimpleNamespace

import awkward
import numpy as np
import pytest
from calibration_samples import EXCESS, batch, charges, generator, subarray, write_raw

from iactflow.calibration.coefficients import read_coefficients
from iactflow.calibration.stages.calibrate_cameras import calibrate_cameras
from iactflow.errors import InputError
from iactflow.figures.calibration import plot_calibration
from iactflow.io.root import read_metadata, read_table
from iactflow.stereo.stages import reconstruct_geometry as stage

N, N_SAMPLES, N_EVENTS, N_SHOWERS = 120, 12, 400, 20
DEAD = 4
PULSE = np.exp(-0.5 * ((np.arange(N_SAMPLES) - 5.0) / 1.2) ** 2)
PULSE /= PULSE.sum()
SETTINGS = {"excess_noise": EXCESS, "window_before_ns": 5.0, "window_after_ns": 6.0}
LIGHT_PE = 100.0
CHAIN = {
    "extraction": {"method": "full_window"},
    "cleaning": {"picture_threshold_pe": 90.0, "boundary_threshold_pe": 90.0},
    "keep_images": True,
}


def counts(draw, charge):
    """Counts of both channels over a pedestal of 400, with noise of 4 in every sample."""
    both = np.stack([charge, charge / 13.0], axis=1)
    samples = 400.0 + both[..., None] * PULSE
    samples += 4.0 * draw.standard_normal(samples.shape)
    return np.round(samples).clip(0, 65535).astype(np.uint16)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Calibration run in two files, and a run of equal light without coefficients of its own."""
    folder, draw = tmp_path_factory.mktemp("calibrated"), generator("calibrated chain")
    array = subarray(N, N_SAMPLES)
    gain = 60.0 * (1.0 + 0.1 * draw.standard_normal(N))
    efficiency = 1.0 + 0.1 * draw.standard_normal(N)
    efficiency[DEAD] = 0.0
    raw = []
    for kind, light in ((2, 0.0), (0, 60.0)):
        charge = charges(draw, N_EVENTS, gain, light * efficiency, noise=1e-9)
        raw.append(str(folder / f"calibration_{kind}.root"))
        write_raw(raw[-1], array, [batch(counts(draw, charge), kind)])
    # Light that does not fluctuate: what differs between pixels are their coefficients.
    charge = np.broadcast_to(LIGHT_PE * gain * efficiency, (N_SHOWERS, N))
    write_raw(folder / "showers.root", array, [batch(counts(draw, charge), 32, obs_id=9)])
    made = SimpleNamespace(
        calibration=str(folder / "calibration.root"), summary=str(folder / "summary.json")
    )
    calibrate_cameras(SimpleNamespace(raw=raw), made, SimpleNamespace(settings=SETTINGS), None)
    return folder, made.calibration


def reconstruct(files, out, calibration, **settings):
    inputs = SimpleNamespace(raw=[str(files[0] / "showers.root")], calibration=calibration)
    params = SimpleNamespace(settings=CHAIN | settings)
    stage.reconstruct_geometry(inputs, SimpleNamespace(geometry=str(out)), params, None)
    return out / "showers.root"


def images(file):
    return awkward.to_numpy(read_table(file, "images")["image"])


def test_images_have_the_light_that_was_there(files, tmp_path):
    image = images(reconstruct(files, tmp_path / "a", [files[1]]))
    assert image.shape == (N_SHOWERS, N)
    mean = image.mean(axis=0)
    # Pixels scatter by 0.1 in gain and efficiency; the errors of the flat field are left: 60
    # photoelectrons in 400 pulses, 0.7 per cent, and the pedestal's.
    assert np.std(mean) / np.mean(mean) < 0.012
    # The mean gain has the error of 120 pixels' photon statistics, 7 per cent each.
    assert np.mean(mean) == pytest.approx(LIGHT_PE, rel=0.02)
    # The pixel without light takes its neighbours' mean.
    assert mean[DEAD] == pytest.approx(LIGHT_PE, rel=0.03)
    found = read_coefficients(files[1])[1]
    assert found.unusable[:, DEAD].all()


def test_without_a_calibration_the_run_cannot_be_reconstructed(files, tmp_path):
    with pytest.raises(InputError, match="calibration of telescope 1"):
        reconstruct(files, tmp_path / "a", [])


def test_the_calibration_takes_the_place_of_the_files_own(files, tmp_path):
    wrong = read_table(files[1], "calibration")
    wrong["obs_id"] = np.full_like(wrong["obs_id"], 9)
    wrong["pe_per_adu"] = 2.0 * wrong["pe_per_adu"]
    folder = tmp_path / "raw"
    folder.mkdir()
    draw = generator("own calibration")
    adc = counts(draw, np.full((3, N), 60.0 * LIGHT_PE))
    write_raw(folder / "showers.root", subarray(N, N_SAMPLES), [batch(adc, 32, 9)], wrong)
    at = (folder, files[1])
    own = images(reconstruct(at, tmp_path / "own", []))
    given = images(reconstruct(at, tmp_path / "given", files[1]))
    np.testing.assert_allclose(own, 2.0 * given, rtol=1e-5)


def test_images_are_divided_by_the_throughput_before_the_cleaning(files, tmp_path):
    plain = reconstruct(files, tmp_path / "a", [files[1]])
    # Keys of a job's configuration are text.
    lost = reconstruct(files, tmp_path / "b", [files[1]], throughput={"1": 1.25})
    np.testing.assert_allclose(images(lost), images(plain) / 1.25, rtol=1e-5)
    masks = [awkward.to_numpy(read_table(file, "images")["image_mask"]) for file in (plain, lost)]
    assert masks[0].mean() > 0.9
    assert not masks[1].any()
    assert read_metadata(lost)["reconstruction"]["throughput"] == {"1": 1.25}
    with pytest.raises(InputError, match="tel_id: got 2"):
        reconstruct(files, tmp_path / "c", [files[1]], throughput={"2": 0.8})


def test_every_camera_and_channel_is_drawn(files, tmp_path):
    outputs = SimpleNamespace(figures=str(tmp_path / "figures"))
    inputs = SimpleNamespace(calibration=files[1])
    plot_calibration(inputs, outputs, None, SimpleNamespace(sample="crab"))
    names = sorted(p.name for p in (tmp_path / "figures").iterdir())
    assert names == ["telescope_001_high_gain.png", "telescope_001_low_gain.png"]
    assert all(p.stat().st_size > 10_000 for p in (tmp_path / "figures").iterdir())
