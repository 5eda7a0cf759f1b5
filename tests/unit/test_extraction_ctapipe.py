"""Images of all simtel files: ctapipe's to the last bit, whatever the extractor."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ctapipe_samples import telescope_events
from traitlets.config import Config

from iactflow.calibration.apply import calibrate
from iactflow.calibration.settings import ExtractionSettings
from iactflow.io.reader import open_reader

EXTRACTORS = {
    "neighbour_peak": "NeighborPeakWindowSum",
    "local_peak": "LocalPeakWindowSum",
    "fixed_window": "FixedWindowSum",
    "sliding_window": "SlidingWindowMaxSum",
    "full_window": "FullWaveformSum",
}
# Keys that ours and theirs share.
KNOWN = {
    "neighbour_peak": ("window_width", "window_shift", "local_weight"),
    "local_peak": ("window_width", "window_shift"),
    "fixed_window": ("window_width", "window_shift", "peak_index"),
    "sliding_window": ("window_width",),
    "full_window": (),
}


def simtel_files():
    """Names of the files, known when tests are collected."""
    folder = Path(os.environ.get("IACTFLOW_DATA", "/nowhere")) / "sim"
    return sorted(path.name for path in folder.glob("*.simtel.*"))


def calibrators(subarray, settings):
    """ctapipe's calibrators with the same windows."""
    from ctapipe.calib import CameraCalibrator

    made = {}
    for method, name in EXTRACTORS.items():
        traits = {key: getattr(settings, key) for key in KNOWN[method]}
        config = Config({name: traits, "CameraCalibrator": {"image_extractor_type": name}})
        made[method] = CameraCalibrator(subarray=subarray, config=config)
    return made


def test_there_are_files(data_dir):
    assert len(list((data_dir / "sim").glob("*.simtel.*"))) >= 8
    assert simtel_files()


@pytest.mark.data
@pytest.mark.parametrize("name", simtel_files())
@pytest.mark.parametrize(
    "settings",
    [
        ExtractionSettings(),
        ExtractionSettings(
            window_width=4, window_shift=1, local_weight=2, peak_index=11, gain_threshold_adu=450.0
        ),
    ],
    ids=["defaults", "others"],
)
def test_images_are_those_of_ctapipe(name, settings, data_dir):
    made, n_low, n_broken = None, 0, 0
    others = settings != ExtractionSettings()
    path, threshold = data_dir / "sim" / name, settings.gain_threshold_adu
    for one in telescope_events(path, 3, threshold, every_broken=17 if others else 0):
        made = made or calibrators(one.source.subarray, settings)
        chosen = one.event.r1.tel[one.tel_id].selected_gain_channel
        for method, calibrator in made.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                calibrator(one.event)
            theirs = one.event.dl1.tel[one.tel_id]
            keys = replace(settings, method=method)
            ours = calibrate(one.batch, one.kind, {one.tel_id: one.coefficients}, keys)
            np.testing.assert_array_equal(ours.channel[0], chosen)
            np.testing.assert_array_equal(ours.unusable[0], one.coefficients.unusable[0])
            np.testing.assert_array_equal(ours.image_pe[0], theirs.image)
            np.testing.assert_array_equal(ours.peak_time_ns[0], theirs.peak_time)
        n_low += np.count_nonzero(chosen)
        n_broken += np.count_nonzero(ours.unusable)
    assert made is not None
    assert not others or n_broken > 0
    assert not others or n_low > 0 or one.kind.camera.n_channels == 1


@pytest.mark.data
@pytest.mark.parametrize("name", simtel_files())
def test_images_from_our_reader_are_those_of_ctapipe(name, data_dir):
    path = data_dir / "sim" / name
    ours = {}
    with open_reader(path) as reader:
        for batch in reader.batches():
            for camera in batch.cameras:
                kind = reader.subarray.types[camera.type_index]
                images = calibrate(camera, kind, batch.coefficients, ExtractionSettings())
                keys = zip(batch.event_id[camera.event_index], camera.tel_id, strict=True)
                ours |= {key: (images, row) for row, key in enumerate(keys)}
    made, n_compared = None, 0
    for one in telescope_events(path, max_events=3):
        made = made or calibrators(one.source.subarray, ExtractionSettings())["neighbour_peak"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made(one.event)
        theirs = one.event.dl1.tel[one.tel_id]
        images, row = ours[one.event.index.event_id, one.tel_id]
        np.testing.assert_array_equal(images.image_pe[row], theirs.image)
        np.testing.assert_array_equal(images.peak_time_ns[row], theirs.peak_time)
        n_compared += 1
    assert n_compared > 0
