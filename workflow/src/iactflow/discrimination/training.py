"""Training of forests by scikit-learn, and their trees as plain arrays.

One thread, and a seed that belongs to campaign, target and telescope type: the same images give
the same trees.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from iactflow.campaign.streams import StreamKey
from iactflow.discrimination.forest import Forest, ForestBand, Trees
from iactflow.errors import InputError

__all__ = ["ForestSettings", "Sample", "lacking", "train"]

#: How a target is learnt.
REGRESSION, CLASSES, BOOSTED = "regression", "classes", "boosted"
METHODS = {
    "log10_energy": REGRESSION,
    "disp_norm": REGRESSION,
    "disp_sign": CLASSES,
    "gammaness": BOOSTED,
}
#: Fraction of the features that a node of a random forest chooses from.
FEATURES_OF_NODE = 0.5


class ForestSettings(NamedTuple):
    """Size of forests.

    Attributes
    ----------
    n_trees : int
        Trees.
    max_depth : int
        Deepest branch.
    min_samples_leaf : int
        Least number of images in a leaf.
    features : tuple of str
        Columns that the trees see; empty: the standard ones of each target.
    energy_edges_tev, zenith_edges_deg : tuple of float
        Edges of bands of the event's energy, and of zenith angle, with forests of their own; empty:
        one band.
    """

    n_trees: int = 100
    max_depth: int = 12
    min_samples_leaf: int = 5
    features: tuple[str, ...] = ()
    energy_edges_tev: tuple[float, ...] = ()
    zenith_edges_deg: tuple[float, ...] = ()


class Sample(NamedTuple):
    """Images to learn from.

    Attributes
    ----------
    values : ndarray of float64, shape (n, n_features)
        Features; not a number: missing.
    target : ndarray of float64, shape (n,)
        What is to be predicted; of classes 0 or 1.
    shower : ndarray of int64, shape (n, 3)
        Particle, run and shower of each image.
    """

    values: np.ndarray
    target: np.ndarray
    shower: np.ndarray


def _estimator(target: str, settings: ForestSettings, seed: int):
    """Estimator of scikit-learn; imported here, since predictions need none of it."""
    from sklearn import ensemble

    size = {"max_depth": settings.max_depth, "min_samples_leaf": settings.min_samples_leaf}
    if METHODS[target] == BOOSTED:
        return ensemble.HistGradientBoostingClassifier(
            max_iter=settings.n_trees, early_stopping=False, random_state=seed, **size
        )
    kind = {
        REGRESSION: ensemble.RandomForestRegressor,
        CLASSES: ensemble.RandomForestClassifier,
    }[METHODS[target]]
    return kind(
        n_estimators=settings.n_trees,
        max_features=FEATURES_OF_NODE,
        n_jobs=1,
        random_state=seed,
        **size,
    )


def _join(parts: list[Trees]) -> Trees:
    sizes = [len(part.feature) for part in parts]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Trees(
        first, *(np.concatenate(columns) for columns in list(zip(*parts, strict=True))[1:])
    )


def _forest_tree(tree, target: str) -> Trees:
    leaf = tree.children_left < 0
    value, variance = tree.value[:, 0, -1], tree.impurity
    if METHODS[target] == CLASSES:
        # Fraction of images of class 1, and the variance of a number that is 0 or 1.
        variance = value * (1.0 - value)
    return Trees(
        np.zeros(0, np.int64),
        np.where(leaf, -1, tree.feature).astype(np.int64),
        tree.threshold.astype(np.float64),
        tree.children_left.astype(np.int64),
        tree.children_right.astype(np.int64),
        tree.missing_go_to_left.astype(bool),
        np.ascontiguousarray(value, dtype=np.float64),
        np.ascontiguousarray(variance, dtype=np.float64),
    )


def _boosted_tree(nodes) -> Trees:
    leaf = nodes["is_leaf"].astype(bool)
    return Trees(
        np.zeros(0, np.int64),
        np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
        nodes["num_threshold"].astype(np.float64),
        nodes["left"].astype(np.int64),
        nodes["right"].astype(np.int64),
        nodes["missing_go_to_left"].astype(bool),
        nodes["value"].astype(np.float64),
        np.zeros(len(nodes)),
    )


def lacking(target: str, sample: Sample, settings: ForestSettings) -> tuple | None:
    """What images lack to train a forest.

    Parameters
    ----------
    target : str
        What it shall predict.
    sample : Sample
        Images.
    settings : ForestSettings
        Size of the forest.

    Returns
    -------
    tuple or None
        Key, value and what is allowed; None if nothing is lacking.
    """
    n_images, least = len(sample.target), 2 * settings.min_samples_leaf
    if n_images < least:
        return "images", n_images, f"at least {least}"
    classes = np.unique(sample.target).tolist()
    if METHODS[target] != REGRESSION and len(classes) != 2:
        return "classes", classes, "both, 0 and 1"
    return None


def train(
    telescope_type: str,
    target: str,
    features: tuple[str, ...],
    sample: Sample,
    settings: ForestSettings,
    campaign_seed: int,
    band: ForestBand | None = None,
) -> Forest:
    """Train the forest of a type of telescope.

    Parameters
    ----------
    telescope_type : str
        Type.
    target : str
        ``log10_energy``, ``disp_norm``, ``disp_sign`` or ``gammaness``.
    features : tuple of str
        Names of the columns of ``sample.values``.
    sample : Sample
        Images.
    settings : ForestSettings
        Size of the forest.
    campaign_seed : int
        Seed of the campaign.
    band : ForestBand, optional
        Band that the images are of; by default there are none.

    Returns
    -------
    Forest
        Trees, which predict what scikit-learn's do; features that no image has are left out.

    Raises
    ------
    InputError
        If there are too few images, one class only, or no image has any feature.
    """
    where = f"forest {target} of {telescope_type}"
    lack = lacking(target, sample, settings)
    if lack is not None:
        raise InputError(where, *lack)
    known = np.isfinite(sample.values).any(axis=0)
    if not known.any():
        raise InputError(where, "features", ", ".join(features), "one that is defined")
    stage = f"forest {target}" + ("" if band is None else f" {band.number}")
    stream = StreamKey(campaign_seed, stage, telescope_type).generator()
    model = _estimator(target, settings, int(stream.integers(2**31)))
    with threadpool_limits(limits=1):
        model.fit(sample.values[:, known], sample.target)
    baseline = 0.0
    if METHODS[target] == BOOSTED:
        baseline = float(model._baseline_prediction.ravel()[0])
        parts = [_boosted_tree(tree[0].nodes) for tree in model._predictors]
    else:
        parts = [_forest_tree(tree.tree_, target) for tree in model.estimators_]
    return Forest(
        telescope_type,
        target,
        "logistic" if METHODS[target] == BOOSTED else "mean",
        tuple(name for name, kept in zip(features, known, strict=True) if kept),
        baseline,
        _join(parts),
        len(sample.target),
        len(np.unique(sample.shower, axis=0)),
        band,
    )
