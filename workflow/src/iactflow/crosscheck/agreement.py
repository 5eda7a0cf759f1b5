"""Agreement of two chains of reconstruction, event by event, image by image; its verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.crosscheck.verdicts import Verdict

__all__ = [
    "BRIGHT_PE",
    "CALIBRATION_TYPES",
    "CHARGE_FRACTION",
    "CHARGE_PE",
    "COMPARED",
    "EVENT",
    "HILLAS_ANGLES",
    "HILLAS_RELATIVE",
    "TELESCOPE",
    "Tables",
    "agreement",
    "parameter_differences",
    "reconstruction_verdicts",
    "worst",
]

#: Keys of the tables.
EVENT, TELESCOPE = ("obs_id", "event_id"), ("obs_id", "event_id", "tel_id")
#: Flat field, single photoelectrons, pedestals, other calibration: ctapipe leaves such events out.
CALIBRATION_TYPES = (0, 1, 2, 3, 4, 5, 15)
#: A charge agrees within this fraction or these photoelectrons, whichever is larger.
CHARGE_FRACTION, CHARGE_PE = 0.005, 0.05
#: Fractional differences are told of charges above this.
BRIGHT_PE = 10.0
#: Parameters that are compared as fractions: of themselves, or of what is named beside them.
HILLAS_RELATIVE = {
    "hillas_intensity": None,
    "hillas_r_deg": None,
    "hillas_fov_lon_deg": "hillas_r_deg",
    "hillas_fov_lat_deg": "hillas_r_deg",
    "hillas_length_deg": None,
    "hillas_length_uncertainty_deg": None,
    "hillas_width_deg": None,
    "hillas_width_uncertainty_deg": None,
    "hillas_kurtosis": None,
    # around zero: the scatter of a normal sample's skewness is of the order of one
    "hillas_skewness": "one",
    **{f"leakage_{kind}_width_{n}": "one" for kind in ("pixels", "intensity") for n in (1, 2)},
    **{f"concentration_{kind}": "one" for kind in ("cog", "core", "pixel")},
}
#: Angles, and their periods in degrees.
HILLAS_ANGLES = {"hillas_phi_deg": 360.0, "hillas_psi_deg": 180.0}
#: All parameters that are compared.
COMPARED = (
    *HILLAS_RELATIVE,
    *HILLAS_ANGLES,
    "morphology_n_pixels",
    "morphology_n_islands",
    "timing_slope_ns_per_deg",
)
# Below this an image is a line, whose width is rounding, or round, without an axis.
_NO_WIDTH_DEG = 1e-6
_COUNTS = ("n_events", "n_telescope_events", "n_reconstructed")
_OF_EVENTS = ("direction_deg", "core_m", "h_max_m")


class Tables(NamedTuple):
    """Reconstructed events of a file.

    Attributes
    ----------
    events : dict of str to ndarray, each of shape (n_events,)
        Keys, ``is_valid``, ``alt_deg``, ``az_deg``, ``core_x_m``, ``core_y_m``, ``h_max_m``.
    used : list of frozenset of int
        Telescopes that the geometry of each event rests on.
    images : dict of str to ndarray, each of shape (n,)
        Keys and parameters of the images.
    pixels : dict of str to list of ndarray, or None
        ``image``, ``peak_time_ns``, ``image_mask`` of each row of ``images``, where kept.
    """

    events: dict[str, np.ndarray]
    used: list[frozenset]
    images: dict[str, np.ndarray]
    pixels: dict[str, list] | None


def agreement(main: Tables, check: Tables) -> dict:
    """Compare the tables of two chains, event by event.

    Parameters
    ----------
    main, check : Tables
        Ours, ctapipe's.

    Returns
    -------
    dict
        ``n_events``, ``n_telescope_events``, ``n_reconstructed``: ``{"main", "check", "alone"}``,
        where alone counts those of one chain only. ``charge``: the largest difference in units of
        `CHARGE_FRACTION` or `CHARGE_PE`, of pixels where images were kept, of images otherwise;
        ``charge_within``: the fraction of them that agree; ``charge_pe``, ``charge_fraction``: the
        largest difference in photoelectrons, and as a fraction above `BRIGHT_PE`.
        ``mask_fraction``: fraction of images whose pixels (their number, without images) differ.
        ``hillas``: largest differences by parameter, of images with the same pixels.
        ``direction_deg``, ``core_m``, ``h_max_m``: largest differences of events with the same
        telescopes and pixels. ``n_equal_images``, ``n_equal_events``: what these rest on.
    """
    pairs, images = _paired(main.images, check.images, TELESCOPE)
    ours, theirs = (
        {k: v[rows] for k, v in t.images.items()}
        for t, rows in zip((main, check), pairs, strict=True)
    )
    charge, same = _pixels_of(main, check, pairs, ours, theirs)
    (event_main, event_check), events = _paired(main.events, check.events, EVENT)
    changed = set(zip(*(ours[name][~same].tolist() for name in EVENT), strict=True))
    equal = _equal_events(main, check, event_main, event_check, changed)
    valid = (main.events["is_valid"][event_main], check.events["is_valid"][event_check])
    return {
        "n_events": events,
        "n_telescope_events": images,
        "n_reconstructed": {
            "main": int(main.events["is_valid"].sum()),
            "check": int(check.events["is_valid"].sum()),
            "alone": int((valid[0] != valid[1]).sum()),
        },
        **charge,
        "mask_fraction": float(np.mean(~same)) if len(same) else 0.0,
        "n_equal_images": int(same.sum()),
        "hillas": parameter_differences(
            {k: v[same] for k, v in ours.items()}, {k: v[same] for k, v in theirs.items()}
        ),
        "n_equal_events": len(equal),
        **_geometry(main.events, check.events, event_main[equal], event_check[equal]),
    }


def _geometry(main, check, rows_main, rows_check) -> dict[str, float]:
    """Largest differences of directions, cores and heights of pairs of events."""
    a, b = (
        {k: v[rows] for k, v in events.items()}
        for events, rows in ((main, rows_main), (check, rows_check))
    )
    return {
        "direction_deg": _largest(
            separation_deg(a["az_deg"], a["alt_deg"], b["az_deg"], b["alt_deg"])
        ),
        "core_m": _largest(np.hypot(a["core_x_m"] - b["core_x_m"], a["core_y_m"] - b["core_y_m"])),
        "h_max_m": _largest(np.abs(a["h_max_m"] - b["h_max_m"])),
    }


def _paired(main: Mapping, check: Mapping, keys) -> tuple[tuple, dict]:
    """Rows of both sides with the same keys, and how many there are."""
    rows = [
        {key: row for row, key in enumerate(zip(*(t[k].tolist() for k in keys), strict=True))}
        for t in (main, check)
    ]
    common = [key for key in rows[0] if key in rows[1]]
    counts = [len(main[keys[0]]), len(check[keys[0]])]
    alone = sum(counts) - 2 * len(common)
    pairs = tuple(np.array([side[key] for key in common], dtype=np.int64) for side in rows)
    return pairs, {"main": counts[0], "check": counts[1], "alone": alone}


def _pixels_of(main, check, pairs, ours, theirs) -> tuple[dict, np.ndarray]:
    """How charges differ, and which images have the same pixels."""
    counts = ("morphology_n_pixels", "morphology_n_islands")
    # an image that ctapipe did not measure has no pixels: -1 there, 0 here
    same = np.all([np.maximum(theirs[n], 0) == np.maximum(ours[n], 0) for n in counts], axis=0)
    if main.pixels is None or check.pixels is None:
        a, b = (np.nan_to_num(t["hillas_intensity"][same]) for t in (ours, theirs))
        return _charges([a], [b]), same
    a = [main.pixels["image"][i] for i in pairs[0]]
    b = [check.pixels["image"][i] for i in pairs[1]]
    for k, (i, j) in enumerate(zip(*pairs, strict=True)):
        same[k] = np.array_equal(main.pixels["image_mask"][i], check.pixels["image_mask"][j])
    return _charges(a, b), same


def _charges(main, check) -> dict[str, float]:
    """Differences of charges; what one side alone has is infinitely off."""
    a, b = (np.concatenate([[], *side]).astype(np.float64) for side in (main, check))
    off = np.abs(a - b)
    off[np.isnan(a) & np.isnan(b)] = 0.0
    off[np.isnan(off)] = np.inf
    size = np.nan_to_num(np.abs(b))
    units = off / np.maximum(CHARGE_FRACTION * size, CHARGE_PE)
    bright = size > BRIGHT_PE
    return {
        "charge": _largest(units),
        "charge_within": float(np.mean(units <= 1.0)) if len(units) else 1.0,
        "charge_pe": _largest(off),
        "charge_fraction": _largest(off[bright] / size[bright]),
    }


def _equal_events(main, check, event_main, event_check, changed) -> np.ndarray:
    """Places of pairs of reconstructed events that rest on the same images."""
    return np.array(
        [
            k
            for k, (i, j) in enumerate(zip(event_main, event_check, strict=True))
            if main.events["is_valid"][i]
            and check.events["is_valid"][j]
            and main.used[i] == check.used[j]
            and tuple(main.events[name][i] for name in EVENT) not in changed
        ],
        dtype=np.int64,
    )


def parameter_differences(ours: Mapping, theirs: Mapping) -> dict[str, float]:
    """Largest differences of the parameters of images.

    Parameters
    ----------
    ours, theirs : mapping of str to ndarray, each of shape (n,)
        Parameters of the same images.

    Returns
    -------
    dict of str to float
        By parameter: fractions, `HILLAS_ANGLES` in degrees. A number that one side alone has is an
        infinite difference; what is rounding (the axis of a round image, what is divided by the
        width of a line) is left out.
    """
    width, length = theirs["hillas_width_deg"], theirs["hillas_length_deg"]
    line, round_ = width < _NO_WIDTH_DEG, length - width < _NO_WIDTH_DEG
    of_axis = ("hillas_psi_deg", "hillas_skewness", "hillas_kurtosis")
    found = {}
    for name, scale in {**HILLAS_RELATIVE, **HILLAS_ANGLES}.items():
        a, b = (np.asarray(side[name], dtype=np.float64) for side in (ours, theirs))
        if name in HILLAS_ANGLES:
            difference = np.abs((a - b + 0.5 * scale) % scale - 0.5 * scale)
        else:
            one = np.ones_like(b) if scale == "one" else np.abs(theirs[scale or name])
            difference = np.divide(np.abs(a - b), one, out=np.abs(a - b), where=one > 0.0)
        difference[np.isnan(a) & np.isnan(b)] = 0.0
        of_width = name in ("hillas_width_uncertainty_deg", "concentration_core")
        out = (round_ & (name in of_axis or of_width or "uncertainty" in name)) | (line & of_width)
        if name == "hillas_width_deg":
            difference[line & (a < _NO_WIDTH_DEG)] = 0.0
        found[name] = _largest(np.where(np.isnan(difference), np.inf, difference)[~out])
    return found


def _largest(values) -> float:
    return float(np.max(values, initial=0.0))


def worst(found: Iterable[Mapping]) -> dict:
    """Put the numbers of several files together: counts add up, of differences the worst stays.

    Parameters
    ----------
    found : iterable of mapping
        Results of `agreement`, at least one.

    Returns
    -------
    dict
        The same keys; the fraction of masks by the number of images.
    """
    found = list(found)
    total = {
        key: {side: sum(f[key][side] for f in found) for side in ("main", "check", "alone")}
        for key in _COUNTS
    }
    images = [f["n_telescope_events"]["main"] for f in found]
    masks = sum(n * f["mask_fraction"] for n, f in zip(images, found, strict=True))
    return {
        **total,
        **{key: sum(f[key] for f in found) for key in ("n_equal_images", "n_equal_events")},
        "mask_fraction": masks / max(sum(images), 1),
        "hillas": {key: max(f["hillas"][key] for f in found) for key in found[0]["hillas"]},
        **{
            key: max(f[key] for f in found)
            for key in ("charge", "charge_pe", "charge_fraction", *_OF_EVENTS)
        },
        "charge_within": min(f["charge_within"] for f in found),
    }


def reconstruction_verdicts(target: str, found: Mapping, tolerances: Mapping) -> list[Verdict]:
    """Judge what `check_reconstruction` found.

    Parameters
    ----------
    target : str
        Name of the sample.
    found : mapping
        Its JSON, or `worst` of several; empty where it is missing, which fails.
    tolerances : mapping
        Block of the campaign: ``telescope_events``, ``charge``, ``mask_fraction``,
        ``hillas_fraction``, ``hillas_angle_deg``, ``direction_deg``.

    Returns
    -------
    list of Verdict
        Counts of both chains; differences against 0.
    """

    def verdict(quantity, main, check, tolerance):
        main = math.nan if main is None else main  # JSON has no infinity
        passed = abs(main - check) <= tolerance
        return Verdict(
            target, "reconstruction", quantity, main, check, float(tolerance), bool(passed)
        )

    if not found:
        return [verdict("made", 0.0, 1.0, 0.0)]
    count = tolerances["telescope_events"]
    rows = []
    for key in _COUNTS:
        rows.append(verdict(key, float(found[key]["main"]), float(found[key]["check"]), count))
        rows.append(verdict(f"{key} of one chain alone", float(found[key]["alone"]), 0.0, count))
    rows.append(verdict("charge", found["charge"], 0.0, tolerances["charge"]))
    rows.append(verdict("mask_fraction", found["mask_fraction"], 0.0, tolerances["mask_fraction"]))
    for name, value in found["hillas"].items():
        key = "hillas_angle_deg" if name in HILLAS_ANGLES else "hillas_fraction"
        rows.append(verdict(name, value, 0.0, tolerances[key]))
    direction = found["direction_deg"]
    return [*rows, verdict("direction_deg", direction, 0.0, tolerances["direction_deg"])]
