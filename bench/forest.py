"""Predictions of forests: trees as plain arrays in our kernel, and scikit-learn's own.

A random forest (energy) and boosted trees (gammaness) of the campaign's default size see the same
images, as many as a job reads of a file at a time. Times are CPU microseconds of the process per
image, one thread, everything compiled, best of some repeats.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import numpy as np

PEER = "scikit-learn"
N_TRAINED, N_IMAGES, REPEATS = 20_000, 20_000, 5
FEATURES = ("a", "b", "c", "d", "e", "f", "g", "h")
SEED = 1


def _cpu_us(function):
    """CPU time of a call per image, best of the repeats."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return 1e6 * best / N_IMAGES


def run():
    """Train, predict, and compare.

    Returns
    -------
    list of dict
        Entries as ``bench/run.py`` documents them.
    """
    from iactflow.discrimination import training
    from iactflow.discrimination.training import ForestSettings, Sample, train

    rng = np.random.default_rng(SEED)
    values = rng.normal(size=(N_TRAINED, len(FEATURES)))
    target = values[:, 0] + np.sin(values[:, 1]) + 0.3 * rng.normal(size=N_TRAINED)
    fresh = rng.normal(size=(N_IMAGES, len(FEATURES)))
    columns = dict(zip(FEATURES, fresh.T, strict=True))
    models, make = [], training._estimator
    training._estimator = lambda *given: models.append(make(*given)) or models[-1]
    shower = np.arange(3 * N_TRAINED).reshape(-1, 3)
    entries = []
    for name, label in (("log10_energy", "random forest"), ("gammaness", "boosted trees")):
        wanted = target if name == "log10_energy" else (target > 0.0).astype(float)
        forest = train(
            "tel", name, FEATURES, Sample(values, wanted, shower), ForestSettings(), SEED
        )
        method = "predict" if name == "log10_energy" else "predict_proba"
        theirs = getattr(models[-1], method)
        # Probabilities have a column for each class.
        reference = theirs(fresh).reshape(N_IMAGES, -1)[:, -1]
        if not np.allclose(forest.predict(columns)[0], reference):
            raise AssertionError(f"{label}: other predictions")
        ours_us = _cpu_us(lambda forest=forest: forest.predict(columns))
        peer_us = _cpu_us(lambda theirs=theirs: theirs(fresh))
        entries.append(
            {
                "name": f"{label}, 100 trees, per image",
                "value": ours_us,
                "unit": "us CPU",
                "peer": PEER,
                "peer_value": peer_us,
                "ratio": peer_us / ours_us,
            }
        )
    return entries
