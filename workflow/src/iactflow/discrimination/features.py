"""What trees see of an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iactflow.discrimination.expectations import Scaled
from iactflow.discrimination.rows import EventRows
from iactflow.errors import InputError

__all__ = ["FEATURES", "SCALED", "STANDARD", "feature_columns", "features_of"]

OF_IMAGE = (
    *("hillas_width_deg", "hillas_length_deg", "hillas_r_deg", "hillas_skewness"),
    *("hillas_kurtosis", "timing_slope_ns_per_deg", "leakage_intensity_width_2"),
    *("concentration_core", "morphology_n_pixels", "morphology_n_islands"),
    *("impact_distance_m",),
)
OF_EVENT = ("h_max_m", "multiplicity", "fit_statistic")
#: Features that need tables.
SCALED = ("scaled_width", "scaled_length", "ln_energy_table")
#: All features. Sizes are those at a throughput of 1.
FEATURES = ("log10_size", "width_over_length", "zenith_deg", *OF_IMAGE, *OF_EVENT, *SCALED)
#: Features of each target that are used where settings name none.
STANDARD = {
    "log10_energy": (
        *("log10_size", "impact_distance_m", "h_max_m", "hillas_width_deg"),
        *("hillas_length_deg", "hillas_r_deg", "leakage_intensity_width_2", "zenith_deg"),
    ),
    "disp_norm": (
        *("log10_size", "hillas_width_deg", "hillas_length_deg", "width_over_length"),
        *("hillas_skewness", "timing_slope_ns_per_deg", "leakage_intensity_width_2"),
        *("concentration_core", "impact_distance_m", "h_max_m", "zenith_deg"),
    ),
    "disp_sign": (
        *("hillas_skewness", "timing_slope_ns_per_deg", "log10_size", "hillas_length_deg"),
        *("hillas_r_deg", "leakage_intensity_width_2"),
    ),
    "gammaness": (
        *("log10_size", "hillas_width_deg", "hillas_length_deg", "impact_distance_m"),
        *("h_max_m", "concentration_core", "leakage_intensity_width_2", "hillas_r_deg"),
        *("zenith_deg", "scaled_width", "scaled_length"),
    ),
}


def features_of(target: str, wanted: Sequence[str], with_tables: bool) -> tuple[str, ...]:
    """Features of a forest.

    Parameters
    ----------
    target : str
        What it predicts.
    wanted : sequence of str
        Features that settings name; empty: the standard ones, without those that need tables
        where there are none.
    with_tables : bool
        Whether tables are at hand.

    Returns
    -------
    tuple of str
        Features.

    Raises
    ------
    InputError
        If a feature is unknown, or needs tables that are not at hand.
    """
    known = tuple(name for name in FEATURES if with_tables or name not in SCALED)
    for name in wanted:
        if name not in known:
            raise InputError(f"forest {target}", "features", name, ", ".join(known))
    return tuple(wanted) or tuple(name for name in STANDARD[target] if name in known)


def feature_columns(rows: EventRows, scaled: Scaled | None) -> dict[str, np.ndarray]:
    """Features of images.

    Parameters
    ----------
    rows : EventRows
        Images.
    scaled : Scaled or None
        The same held against tables.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        Features; not a number where undefined.
    """
    columns, event = rows.columns, rows.event_index
    width, length = columns["hillas_width_deg"], columns["hillas_length_deg"]
    found = {
        "log10_size": np.log10(columns["hillas_intensity"] / columns["throughput"]),
        "width_over_length": width / np.where(length > 0.0, length, np.nan),
        "zenith_deg": 90.0 - columns["pointing_alt_deg"],
        **{name: columns[name] for name in OF_IMAGE},
        **{name: np.asarray(rows.geometry[name], np.float64)[event] for name in OF_EVENT},
    }
    if scaled is not None:
        found |= {
            "scaled_width": scaled.scaled_width,
            "scaled_length": scaled.scaled_length,
            "ln_energy_table": scaled.ln_energy,
        }
    return found
