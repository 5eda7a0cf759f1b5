"""The campaign's settings of the reconstruction in the words of ctapipe's process tool."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np
from ctapipe.core.traits import Dict
from ctapipe.image import ImageCleaner
from ctapipe.image.cleaning import (
    apply_time_delta_cleaning,
    mars_cleaning_1st_pass,
    tailcuts_clean,
    time_constrained_clean,
)
from ctapipe.image.morphology import brightest_island, largest_island, number_of_islands

from iactflow.errors import InputError

__all__ = ["ComposedImageCleaner", "ctapipe_settings"]

EXTRACTORS = {
    "full_window": "FullWaveformSum",
    "fixed_window": "FixedWindowSum",
    "local_peak": "LocalPeakWindowSum",
    "neighbour_peak": "NeighborPeakWindowSum",
    "sliding_window": "SlidingWindowMaxSum",
}
# Our key, theirs, and the methods that have it.
WINDOW_KEYS = (
    ("window_width", "window_width", ("fixed", "local", "neighbour", "sliding")),
    ("window_shift", "window_shift", ("fixed", "local", "neighbour")),
    ("peak_index", "peak_index", ("fixed",)),
    ("local_weight", "local_weight", ("neighbour",)),
    (
        "integration_correction",
        "apply_integration_correction",
        ("fixed", "local", "neighbour", "sliding"),
    ),
)
# Cleaning as ctapipe's tool does it when nothing is said.
CLEANING = {
    "method": "tailcuts",
    "picture_threshold_pe": 10.0,
    "boundary_threshold_pe": 5.0,
    "min_picture_neighbors": 2,
    "keep_isolated_pixels": False,
    "time_limit_core_ns": 4.5,
    "time_limit_boundary_ns": 1.5,
    "time_limit_ns": None,
    "time_num_neighbors": 1,
    "islands": "all",
    "dilations": 0,
}
STEREO = {"min_size_pe": 50.0, "min_pixels": 4, "max_distance_deg": 90.0, "max_leakage": 1.0}
CLEANERS = {
    "tailcuts": "TailcutsImageCleaner",
    "time_constrained": "TimeConstrainedImageCleaner",
}
EVERYWHERE = "*"


class ComposedImageCleaner(ImageCleaner):
    """Cleaning put together from ctapipe's functions, where none of its cleaners has all steps."""

    settings = Dict(help="by telescope: keys of the campaign's block reconstruction.cleaning").tag(
        config=True
    )

    def __call__(self, tel_id, image, arrival_times=None, *, monitoring=None) -> np.ndarray:
        """Clean an image.

        Parameters
        ----------
        tel_id : int
            Telescope.
        image, arrival_times : ndarray of float32, shape (n_pixels,)
            Charges and times.
        monitoring : object
            Not used.

        Returns
        -------
        ndarray of bool, shape (n_pixels,)
            Pixels that are kept.
        """
        geometry = self.subarray.tel[tel_id].camera.geometry
        s = self.settings[str(tel_id)]
        mask = _first_mask(geometry, image, arrival_times, s)
        if s["time_limit_ns"] is not None:
            limits = s["time_num_neighbors"], s["time_limit_ns"]
            mask = apply_time_delta_cleaning(geometry, mask, arrival_times, *limits)
        n_islands, labels = number_of_islands(geometry, mask)
        if s["islands"] == "largest":
            mask = largest_island(labels)
        elif s["islands"] == "brightest":
            mask = brightest_island(n_islands, labels, image)
        return mask


def _first_mask(geometry, image, arrival_times, s):
    """Pixels above levels, before any further choice."""
    levels = s["picture_threshold_pe"], s["boundary_threshold_pe"]
    least = s["min_picture_neighbors"]
    if s["method"] == "time_constrained":
        limits = s["time_limit_core_ns"], s["time_limit_boundary_ns"]
        return time_constrained_clean(geometry, image, arrival_times, *levels, *limits, least)
    clean = {"tailcuts": tailcuts_clean, "mars": mars_cleaning_1st_pass}[s["method"]]
    return clean(geometry, image, *levels, s["keep_isolated_pixels"], least)


def ctapipe_settings(settings: Mapping, telescope_types: Mapping[int, str]) -> dict:
    """Translate the settings of the reconstruction for ctapipe's process tool.

    Parameters
    ----------
    settings : mapping
        ``extraction``, ``cleaning`` and ``stereo`` of the campaign's block ``reconstruction``; what
        is left out is at ctapipe's default, which is the campaign's.
    telescope_types : mapping of int to str
        Names of the types of all telescopes, which ``per_type`` patterns are held against.

    Returns
    -------
    dict
        Configuration by class.

    Raises
    ------
    InputError
        If ctapipe cannot do what is asked for.
    """
    extraction = _by_telescope(settings.get("extraction", {}), {}, telescope_types)
    cleaning = _by_telescope(settings.get("cleaning", {}), CLEANING, telescope_types)
    stereo = STEREO | {k: v for k, v in settings.get("stereo", {}).items() if k in STEREO}
    return {
        **_extraction(extraction),
        **_cleaning(cleaning),
        "ShowerProcessor": {"reconstructor_types": ["HillasReconstructor"]},
        "StereoQualityQuery": {"quality_criteria": _cuts(stereo)},
    }


def _by_telescope(block, defaults, telescope_types) -> dict[int, dict]:
    """Keys of a block for each telescope, its patterns applied."""
    block = dict(block)
    per_type = block.pop("per_type", None) or {}
    found = {}
    for tel_id, name in telescope_types.items():
        keys = defaults | block
        for pattern, change in per_type.items():
            if fnmatchcase(name, pattern):
                keys |= {k: v for k, v in change.items() if v is not None}
        found[int(tel_id)] = keys
    return found


def _values(blocks, key) -> list:
    """Value of a key for each telescope, as ctapipe's telescope-wise traits want it."""
    return [["id", tel_id, block[key]] for tel_id, block in blocks.items() if key in block]


def _extraction(blocks) -> dict:
    methods = {
        tel_id: EXTRACTORS[block.get("method", "neighbour_peak")]
        for tel_id, block in blocks.items()
    }
    config = {
        "CameraCalibrator": {
            "image_extractor_type": [["id", tel_id, name] for tel_id, name in methods.items()]
        }
    }
    for method, name in EXTRACTORS.items():
        keys = {
            theirs: _values(blocks, ours)
            for ours, theirs, have in WINDOW_KEYS
            if method.startswith(have)
        }
        config[name] = {key: values for key, values in keys.items() if values}
    thresholds = {block.get("gain_threshold_adu", 4000.0) for block in blocks.values()}
    if len(thresholds) > 1:
        allowed = "one for all telescopes: ctapipe has no other"
        raise InputError("check chain", "gain_threshold_adu", sorted(thresholds), allowed)
    config["ThresholdGainSelector"] = {"threshold": float(*thresholds)}
    return config


def _cleaning(blocks) -> dict:
    """One of ctapipe's cleaners where it does all that is asked for."""
    for block in blocks.values():
        if block["dilations"] > 0:
            allowed = "0: ctapipe measures no image with charges below zero, which dilation lets in"
            raise InputError("check chain", "dilations", block["dilations"], allowed)
    plain = ("time_limit_ns", "islands")
    methods = {block["method"] for block in blocks.values()}
    simple = all(block[key] == CLEANING[key] for block in blocks.values() for key in plain)
    if len(methods) > 1 or not simple or not methods <= set(CLEANERS):
        cleaner = ComposedImageCleaner.__name__
        chosen = {"settings": {str(tel_id): block for tel_id, block in blocks.items()}}
        return {"ImageProcessor": {"image_cleaner_type": cleaner}, cleaner: chosen}
    cleaner = CLEANERS[methods.pop()]
    keys = ("picture_threshold_pe", "boundary_threshold_pe", "min_picture_neighbors")
    if cleaner == "TailcutsImageCleaner":
        keys += ("keep_isolated_pixels",)
    else:
        keys += ("time_limit_core_ns", "time_limit_boundary_ns")
    chosen = {key: _values(blocks, key) for key in keys}
    return {"ImageProcessor": {"image_cleaner_type": cleaner}, cleaner: chosen}


def _cuts(stereo) -> list[list[str]]:
    """Cuts of images for the stereo reconstruction."""
    return [
        ["size", f"parameters.hillas.intensity > {stereo['min_size_pe']}"],
        ["positive width", "parameters.hillas.width.value > 0"],
        ["pixels", f"parameters.morphology.n_pixels >= {stereo['min_pixels']}"],
        ["distance", f"parameters.hillas.r.to_value('deg') <= {stereo['max_distance_deg']}"],
        ["leakage", f"parameters.leakage.intensity_width_2 <= {stereo['max_leakage']}"],
    ]
