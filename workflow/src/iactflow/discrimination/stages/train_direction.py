"""Forests for the distance of the source from single images, and for its side."""

from __future__ import annotations

import numpy as np

from iactflow.discrimination.forest_files import write_forests
from iactflow.discrimination.rows import source_distance_deg
from iactflow.discrimination.stages.learning import Learner

__all__ = ["train_direction"]


def _targets(rows, scaled) -> dict[str, np.ndarray]:
    along_deg = source_distance_deg(rows, rows.truth["true_alt_deg"], rows.truth["true_az_deg"])
    return {"disp_norm": np.abs(along_deg), "disp_sign": np.where(along_deg > 0.0, 1.0, 0.0)}


def train_direction(inputs, outputs, params, wildcards) -> None:
    """Train forests for disp and for its sign, one of each for each telescope type.

    Parameters
    ----------
    inputs : namespace
        ``geometry``: ROOT files of ``reconstruct_geometry``, or folders of them; ``tables``:
        tables of shapes, or nothing.
    outputs : namespace
        ``model``: ROOT file.
    params : namespace
        ``settings``: keys of `iactflow.discrimination.training.ForestSettings`, and ``splits``,
        fractions by part; ``seed``: seed of the campaign.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If a file is broken or no simulation, settings are wrong, or images are too few.
    """
    learner = Learner(inputs, params, "train_direction", ("disp_norm", "disp_sign"))
    learner.add(inputs.geometry, _targets)
    forests = list(learner.forests())
    write_forests(outputs.model, forests, learner.metadata())
