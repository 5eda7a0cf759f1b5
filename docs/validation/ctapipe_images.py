"""Images of a simtel file by ctapipe, made in a process of its own: ``ctapipe_images.py IN OUT``.

The folder of this script holds a module ``tables``, which is not the one that ctapipe needs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

#: ctapipe's names of our methods.
EXTRACTORS = {
    "neighbour_peak": "NeighborPeakWindowSum",
    "local_peak": "LocalPeakWindowSum",
    "sliding_window": "SlidingWindowMaxSum",
    "fixed_window": "FixedWindowSum",
    "full_window": "FullWaveformSum",
}
#: Peak and samples before it of fixed windows; the other windows are those of ctapipe's defaults.
PEAK_INDEX, SHIFT = 11, 3


def images_of_ctapipe(path: Path) -> dict[tuple[int, int, str], tuple[np.ndarray, np.ndarray]]:
    """Charges and times of all telescope events of a file, by all extractors.

    Parameters
    ----------
    path : Path
        File of sim_telarray.

    Returns
    -------
    dict of (int, int, str) to (ndarray, ndarray)
        Charges and times by event, telescope and method.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "images.npz"
        # -P: what lies beside the script is not found
        command = [sys.executable, "-P", "-W", "ignore", __file__, str(path), str(out)]
        subprocess.run(command, check=True)
        with np.load(out) as stored:
            keys = [name.split("-") for name in stored.files if name.endswith("-image")]
            return {
                (int(event), int(tel), method): (
                    stored[f"{event}-{tel}-{method}-image"],
                    stored[f"{event}-{tel}-{method}-time"],
                )
                for event, tel, method, _ in keys
            }


def _write(path, out):
    from ctapipe.calib import CameraCalibrator
    from ctapipe.io import EventSource
    from traitlets.config import Config

    found = {}
    with EventSource(path, focal_length_choice="EQUIVALENT") as source:
        made = {}
        for method, name in EXTRACTORS.items():
            fixed = {"peak_index": PEAK_INDEX, "window_shift": SHIFT}
            chosen = {"CameraCalibrator": {"image_extractor_type": name}, "FixedWindowSum": fixed}
            made[method] = CameraCalibrator(subarray=source.subarray, config=Config(chosen))
        for event in source:
            for method, calibrator in made.items():
                calibrator(event)
                for tel_id, dl1 in event.dl1.tel.items():
                    key = f"{event.index.event_id}-{tel_id}-{method}"
                    found[f"{key}-image"], found[f"{key}-time"] = dl1.image, dl1.peak_time
    np.savez(out, **found)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _write(*sys.argv[1:])
