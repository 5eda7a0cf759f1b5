"""What forests say of events: energy, direction, gammaness, from their images.

Energies are means of log10 E weighted with the inverse variance that the forest gives each image,
directions those of `iactflow.stereo.disp`, gammaness is the unweighted mean over images (as
ctapipe's ``StereoMeanCombiner`` without weights).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from iactflow.discrimination.forest import Forest
from iactflow.discrimination.rows import EventRows
from iactflow.errors import InputError
from iactflow.stereo.disp import combine_disp

__all__ = [
    "Predicted",
    "predict_direction",
    "predict_energy",
    "predict_gammaness",
    "predict_images",
]

Forests = Mapping[tuple, Forest]
#: Least standard deviation of a prediction: leaves whose images are all alike.
LEAST_SPREAD = 1e-3
#: Odds of the sides of an image are limited to this probability.
SUREST = 1e-3


class Predicted(NamedTuple):
    """Predictions of a target.

    Attributes
    ----------
    of_image, spread : ndarray of float64, shape (n,)
        Prediction and its standard deviation; not a number where there is none.
    """

    of_image: np.ndarray
    spread: np.ndarray


def predict_images(
    forests: Forests,
    target: str,
    rows: EventRows,
    columns: Mapping,
    file="forests",
    energy_tev: np.ndarray | None = None,
) -> Predicted:
    """Predict a target of all images.

    Parameters
    ----------
    forests : mapping of tuple to Forest
        Forests by telescope type, target and, where there are bands, the band's number.
    target : str
        What is predicted.
    rows : EventRows
        Images.
    columns : mapping of str to ndarray, each of shape (n,)
        Features.
    file : str or Path, optional
        File of the forests, named in errors.
    energy_tev : ndarray of float64, shape (n,), optional
        Energy of each image's event, for forests in bands.

    Returns
    -------
    Predicted
        Predictions; not a number for images of types, or in bands, without a forest.

    Raises
    ------
    InputError
        If a forest needs features that are not at hand.
    """
    value = np.full(len(rows.event_index), np.nan)
    spread = value.copy()
    for (kind, of_target, *_), forest in forests.items():
        if of_target != target:
            continue
        missing = [name for name in forest.features if name not in columns]
        if missing:
            allowed = f"tables of shapes, which give {missing[0]}"
            raise InputError(file, f"{target} of {kind}, features", "no tables", allowed)
        mine = rows.telescope_type == kind
        if forest.band is not None:
            if energy_tev is None:
                allowed = "tables of shapes, which give the energies of bands"
                raise InputError(file, f"{target} of {kind}, bands", "no tables", allowed)
            mine &= forest.band.holds(energy_tev, 90.0 - rows.columns["pointing_alt_deg"])
        if mine.any():
            chosen = {name: columns[name][mine] for name in forest.features}
            value[mine], spread[mine] = forest.predict(chosen)
    return Predicted(value, spread)


def predict_energy(images: Predicted, rows: EventRows) -> tuple[np.ndarray, np.ndarray]:
    """Energies of events.

    Parameters
    ----------
    images : Predicted
        log10(E / TeV) of images.
    rows : EventRows
        Images.

    Returns
    -------
    energy_tev, uncertainty_tev : ndarray of float64, shape (n_events,)
        Energy, and its error if those of the images are independent.
    """
    n_events = len(rows.split)
    good = np.isfinite(images.of_image)
    event = rows.event_index[good]
    weight = 1.0 / np.maximum(images.spread[good], LEAST_SPREAD) ** 2

    def total(values):
        return np.bincount(event, weights=values, minlength=n_events)

    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total(weight * images.of_image[good]) / total(weight)
        spread = 1.0 / np.sqrt(total(weight))
    energy_tev = 10.0**mean
    return energy_tev, energy_tev * np.log(10.0) * spread


def predict_direction(norm: Predicted, sign: Predicted, rows: EventRows):
    """Directions of events.

    Parameters
    ----------
    norm : Predicted
        Distance of the source from the centre of gravity of images, in degrees.
    sign : Predicted
        Probability that it lies on the side that ``hillas_psi_deg`` points to.
    rows : EventRows
        Images.

    Returns
    -------
    alt_deg, az_deg : ndarray of float64, shape (n_events,)
        Directions; not a number where no image has a prediction.
    """
    columns = rows.columns
    probability = np.clip(sign.of_image, SUREST, 1.0 - SUREST)
    found = combine_disp(
        rows.event_index,
        columns,
        np.maximum(norm.of_image, 0.0),
        np.maximum(norm.spread, LEAST_SPREAD),
        columns["pointing_alt_deg"],
        columns["pointing_az_deg"],
        len(rows.split),
        np.log(probability / (1.0 - probability)),
    )
    return found.alt_deg, found.az_deg


def predict_gammaness(images: Predicted, rows: EventRows) -> np.ndarray:
    """Gammaness of events.

    Parameters
    ----------
    images : Predicted
        Gammaness of images.
    rows : EventRows
        Images.

    Returns
    -------
    ndarray of float64, shape (n_events,)
        Mean over images; not a number without any.
    """
    good = np.isfinite(images.of_image)
    n_events, event = len(rows.split), rows.event_index[good]
    number = np.bincount(event, minlength=n_events)
    total = np.bincount(event, weights=images.of_image[good], minlength=n_events)
    return np.divide(total, number, out=np.full(n_events, np.nan), where=number > 0)
