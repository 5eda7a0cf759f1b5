"""Boosted trees that tell images of gamma rays from those of background."""

from __future__ import annotations

import numpy as np

from iactflow.discrimination.forest_files import write_forests
from iactflow.discrimination.stages.learning import Learner

__all__ = ["train_class"]


def _signal(rows, scaled) -> dict[str, np.ndarray]:
    return {"gammaness": np.ones(len(rows.event_index))}


def _background(rows, scaled) -> dict[str, np.ndarray]:
    return {"gammaness": np.zeros(len(rows.event_index))}


def train_class(inputs, outputs, params, wildcards) -> None:
    """Train classifiers, one for each telescope type.

    Parameters
    ----------
    inputs : namespace
        ``geometry``: ROOT files of ``reconstruct_geometry`` of gamma rays, or folders of them;
        ``background``: the same of background; ``tables``: tables of shapes, or nothing.
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
        If a file is broken or no simulation, settings are wrong, or a type of telescope has
        images of one class only.
    """
    learner = Learner(inputs, params, "train_class", ("gammaness",))
    learner.add(inputs.geometry, _signal)
    learner.add(inputs.background, _background)
    forests = list(learner.forests())
    write_forests(outputs.model, forests, learner.metadata())
