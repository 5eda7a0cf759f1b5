"""Decision trees as plain arrays: predictions of random forests and of boosted trees.

A random forest predicts the mean over its trees (Breiman 2001, Machine Learning 45, 5), boosted
trees the logistic function of the sum over theirs (Friedman 2001, Ann. Stat. 29, 1189); both are
trained by scikit-learn (`iactflow.discrimination.training`). Its rules hold here, too: values up to
the threshold go left, missing ones where the node says; forests compare values in single, boosted
trees in double precision.

The spread of a forest's prediction is that of the training targets in the leaves that an image
falls into, over all trees: the mean of their variances, plus the variance of their means
(conditional distribution of a forest: Meinshausen 2006, J. Mach. Learn. Res. 7, 983).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow._jit import jit

__all__ = ["KINDS", "Forest", "ForestBand", "Trees", "run_trees"]

# Images that walk side by side.
_BLOCK = 16
#: mean: mean over trees; logistic: logistic function of baseline plus sum over trees.
KINDS = ("mean", "logistic")


class Trees(NamedTuple):
    """Trees one after the other.

    Attributes
    ----------
    first : ndarray of int64, shape (n_trees + 1,)
        First node of each tree, its root; children are counted from it.
    feature : ndarray of int64, shape (n_nodes,)
        Feature that a node looks at; -1: a leaf.
    threshold : ndarray of float64, shape (n_nodes,)
        Values up to it go left.
    left, right : ndarray of int64, shape (n_nodes,)
        Children.
    missing_left : ndarray of bool, shape (n_nodes,)
        Whether a missing value goes left.
    value, variance : ndarray of float64, shape (n_nodes,)
        Of leaves: prediction, variance of the training targets.
    """

    first: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray
    variance: np.ndarray


@jit
def _walkable(trees):
    """Trees for a walk without branches: leaves are their own children; depth of each tree."""
    n = trees.feature.size
    child, feature = np.empty((n, 2), np.int32), np.zeros(n, np.int32)
    missing_right, depth = np.empty(n, np.bool_), np.zeros(trees.first.size - 1, np.int64)
    level = np.zeros(n, np.int64)
    for tree in range(depth.size):
        root = trees.first[tree]
        for node in range(root, trees.first[tree + 1]):
            missing_right[node] = not trees.missing_left[node]
            child[node] = node
            if trees.feature[node] >= 0:
                feature[node] = trees.feature[node]
                child[node, 0] = root + trees.left[node]
                child[node, 1] = root + trees.right[node]
                # Children have greater numbers than their parents.
                level[child[node, 0]] = level[child[node, 1]] = level[node] + 1
                depth[tree] = max(depth[tree], level[node] + 1)
    return child, feature, missing_right, depth


@jit
def run_trees(trees, values):
    """Sum the predictions of all trees.

    Parameters
    ----------
    trees : Trees
        Trees; children have greater numbers than their parents.
    values : ndarray of float64, shape (n, n_features)
        Features; not a number: missing.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Sums over trees of the value of the leaf, of its square, and of its variance.
    """
    child, feature, missing_right, depth = _walkable(trees)
    n = values.shape[0]
    out = np.zeros((n, 3))
    place = np.empty(_BLOCK, np.int32)
    # Trees outside: one stays in the cache while all images pass through it. Some images walk
    # side by side, so that the processor need not wait for a node before it asks for the next.
    for tree in range(depth.size):
        for start in range(0, n, _BLOCK):
            size = min(_BLOCK, n - start)
            place[:] = trees.first[tree]
            for _ in range(depth[tree]):
                moved = 0
                for i in range(size):
                    node = place[i]
                    x = values[start + i, feature[node]]
                    right = (x > trees.threshold[node]) | ((x != x) & missing_right[node])
                    place[i] = child[node, np.int64(right)]
                    moved |= place[i] ^ node
                if moved == 0:
                    break
            for i in range(size):
                value = trees.value[place[i]]
                out[start + i, 0] += value
                out[start + i, 1] += value * value
                out[start + i, 2] += trees.variance[place[i]]
    return out


class ForestBand(NamedTuple):
    """Events whose images a forest is for; the outermost bands are open.

    Attributes
    ----------
    number : int
        Place of the band: energies of the first zenith angles, of the next ...
    energy_min_tev, energy_max_tev : float
        Energy of the event, the upper edge not inside.
    zenith_min_deg, zenith_max_deg : float
        Zenith angle of the pointing, likewise.
    """

    number: int
    energy_min_tev: float
    energy_max_tev: float
    zenith_min_deg: float
    zenith_max_deg: float

    def holds(self, energy_tev: np.ndarray, zenith_deg: np.ndarray) -> np.ndarray:
        """Which images belong to the band.

        Parameters
        ----------
        energy_tev, zenith_deg : ndarray of float64, shape (n,)
            Energy of their event, and zenith angle.

        Returns
        -------
        ndarray of bool, shape (n,)
            False where a number is missing.
        """
        return (
            (energy_tev >= self.energy_min_tev)
            & (energy_tev < self.energy_max_tev)
            & (zenith_deg >= self.zenith_min_deg)
            & (zenith_deg < self.zenith_max_deg)
        )


class Forest(NamedTuple):
    """A set of trees for the images of one type of telescope.

    Attributes
    ----------
    telescope_type : str
        Type.
    target : str
        What is predicted.
    kind : str
        One of `KINDS`.
    features : tuple of str
        Columns that the trees look at.
    baseline : float
        Added to the sum over trees.
    trees : Trees
        Trees.
    n_images, n_showers : int
        Images that it was trained on, distinct showers among them.
    band : ForestBand or None
        Events that it is for; None: all.
    """

    telescope_type: str
    target: str
    kind: str
    features: tuple[str, ...]
    baseline: float
    trees: Trees
    n_images: int
    n_showers: int
    band: ForestBand | None = None

    @property
    def key(self) -> tuple:
        """What tells forests of a file apart: type, target and, in bands, the band's number."""
        number = () if self.band is None else (self.band.number,)
        return (self.telescope_type, self.target, *number)

    def predict(self, columns) -> tuple[np.ndarray, np.ndarray]:
        """Predict the target of images.

        Parameters
        ----------
        columns : mapping of str to ndarray, each of shape (n,)
            Features.

        Returns
        -------
        value : ndarray of float64, shape (n,)
            Prediction.
        spread : ndarray of float64, shape (n,)
            Its standard deviation; not a number for boosted trees.
        """
        values = np.column_stack([columns[name] for name in self.features]).astype(np.float64)
        if self.kind == "mean":
            values = values.astype(np.float32).astype(np.float64)
        total = run_trees(self.trees, np.ascontiguousarray(values))
        if self.kind == "logistic":
            raw = self.baseline + total[:, 0]
            return 1.0 / (1.0 + np.exp(-raw)), np.full(len(raw), np.nan)
        total /= len(self.trees.first) - 1
        variance = total[:, 2] + total[:, 1] - total[:, 0] ** 2
        return self.baseline + total[:, 0], np.sqrt(np.maximum(variance, 0.0))
