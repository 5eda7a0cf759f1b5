"""Forests for the energy of single images."""

from __future__ import annotations

import numpy as np

from iactflow.discrimination.forest_files import write_forests
from iactflow.discrimination.stages.learning import Learner

__all__ = ["train_energy"]


def _target(rows, scaled) -> dict[str, np.ndarray]:
    return {"log10_energy": np.log10(rows.truth["true_energy_tev"])[rows.event_index]}


def train_energy(inputs, outputs, params, wildcards) -> None:
    """Train forests for log10 of the energy, one for each telescope type.

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
    learner = Learner(inputs, params, "train_energy", ("log10_energy",))
    learner.add(inputs.geometry, _target)
    forests = list(learner.forests())
    write_forests(outputs.model, forests, learner.metadata())
