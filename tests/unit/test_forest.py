"""Trees as arrays: the predictions of scikit-learn, files, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.discrimination import training
from iactflow.discrimination.forest import Forest, Trees, run_trees
from iactflow.discrimination.forest_files import read_forests, write_forests
from iactflow.discrimination.training import ForestSettings, Sample, train
from iactflow.errors import InputError

FEATURES = ("a", "b", "c")
SETTINGS = ForestSettings(n_trees=12, max_depth=6, min_samples_leaf=4)


def sample(n=600, missing=True):
    rng = np.random.default_rng(4)
    values = rng.normal(size=(n, 3))
    target = np.sin(values[:, 0]) + 0.3 * values[:, 1] + 0.1 * rng.normal(size=n)
    if missing:
        values[rng.random((n, 3)) < 0.1] = np.nan
    shower = np.column_stack([np.ones((n, 2), dtype=np.int64), np.arange(n) // 3])
    return Sample(values, target, shower)


def columns(values):
    return dict(zip(FEATURES, values.T, strict=True))


@pytest.fixture
def trained(monkeypatch):
    """Train a forest, and keep the estimator of scikit-learn that it came from."""
    kept = []
    make = training._estimator
    monkeypatch.setattr(training, "_estimator", lambda *a: kept.append(make(*a)) or kept[-1])

    def run(target, given):
        return train("tel", target, FEATURES, given, SETTINGS, 7), kept[-1]

    return run


def classes(given):
    return given._replace(target=(given.target > 0.2).astype(float))


@pytest.mark.parametrize("missing", [True, False])
@pytest.mark.parametrize("target", ["log10_energy", "disp_norm", "disp_sign", "gammaness"])
def test_predictions_are_those_of_scikit_learn(trained, target, missing):
    given = sample(missing=missing)
    if target in ("disp_sign", "gammaness"):
        given = classes(given)
    forest, model = trained(target, given)
    fresh = np.random.default_rng(5).normal(size=(500, 3))
    if missing:
        fresh[::6, 1] = np.nan
    # Values on thresholds themselves: single precision decides.
    cuts = forest.trees.threshold[forest.trees.feature == 0]
    fresh[:50, 0] = np.resize(cuts[np.isfinite(cuts)], 50)
    found, spread = forest.predict(columns(fresh))
    if target in ("disp_sign", "gammaness"):
        wanted = model.predict_proba(fresh)[:, 1]
    else:
        wanted = model.predict(fresh)
    assert np.allclose(found, wanted, rtol=1e-13, atol=1e-15)
    assert forest.kind == ("logistic" if target == "gammaness" else "mean")
    assert forest.n_images == 600
    assert forest.n_showers == 200
    assert np.isnan(spread).all() == (target == "gammaness")


def test_training_is_repeatable_and_its_stream_belongs_to_type_and_target(trained):
    given = sample()
    one, again = (trained("log10_energy", given)[0] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.trees, again.trees, strict=True))
    other = train("other", "log10_energy", FEATURES, given, SETTINGS, 7)
    assert not np.array_equal(one.trees.threshold, other.trees.threshold)


def test_spread_is_that_of_the_targets():
    rng = np.random.default_rng(6)
    n = 8000
    values = rng.uniform(size=(n, 1))
    sigma = np.where(values[:, 0] > 0.5, 0.4, 0.1)
    target = values[:, 0] + sigma * rng.normal(size=n)
    given = Sample(values, target, np.arange(3 * n).reshape(n, 3))
    settings = ForestSettings(n_trees=20, max_depth=8, min_samples_leaf=50)
    forest = train("tel", "log10_energy", ("a",), given, settings, 1)
    fresh = rng.uniform(size=2000)
    _, spread = forest.predict({"a": fresh})
    # Leaves of 50 images and 20 trees: a few per cent.
    assert abs(spread[fresh > 0.55].mean() / 0.4 - 1.0) < 0.05
    assert abs(spread[fresh < 0.45].mean() / 0.1 - 1.0) < 0.05


def hand_made(left=1, feature=0):
    """Tree of one cut at 0.5: -1 below, +2 above; missing values go right."""
    return Trees(
        np.array([0, 3]),
        np.array([feature, -1, -1]),
        np.array([0.5, 0.0, 0.0]),
        np.array([left, -1, -1]),
        np.array([2, -1, -1]),
        np.array([False, False, False]),
        np.array([0.0, -1.0, 2.0]),
        np.array([0.0, 0.1, 0.3]),
    )


def test_a_tree_by_hand():
    values = np.array([[0.2], [0.5], [0.7], [np.nan]])
    assert run_trees(hand_made(), values).tolist() == [
        [-1.0, 1.0, 0.1],
        [-1.0, 1.0, 0.1],
        [2.0, 4.0, 0.3],
        [2.0, 4.0, 0.3],
    ]


def test_files_give_the_same_forests(tmp_path, trained):
    given = sample()
    forests = [
        trained("log10_energy", given)[0],
        trained("gammaness", classes(given))[0],
        train("a second", "disp_norm", ("b", "a", "c"), given, SETTINGS, 7),
    ]
    write_forests(tmp_path / "f.root", forests, {"split": "train_energy"})
    found, metadata = read_forests(tmp_path / "f.root")
    assert metadata == {"split": "train_energy"}
    assert len(found) == 3
    for forest in forests:
        read = found[forest.telescope_type, forest.target]
        assert read[:5] == forest[:5]
        assert read[6:] == forest[6:]
        for ours, theirs in zip(read.trees, forest.trees, strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"left": 0}, "left: got 0; allowed: a later node"),
        ({"left": 3}, "left: got 3; allowed: a later node"),
        ({"feature": 3}, "feature: got 3; allowed: below 3"),
    ],
)
def test_trees_that_would_not_end_are_refused(tmp_path, given, message):
    forest = Forest("tel", "disp_norm", "mean", FEATURES, 0.0, hand_made(**given), 1, 1)
    write_forests(tmp_path / "f.root", [forest], {})
    with pytest.raises(InputError, match=message):
        read_forests(tmp_path / "f.root")


def test_too_little_to_learn_from_is_refused():
    given = sample(6)
    with pytest.raises(InputError, match="images: got 6; allowed: at least 8"):
        train("tel", "log10_energy", FEATURES, given, SETTINGS, 7)
    one_class = sample()._replace(target=np.ones(600))
    with pytest.raises(InputError, match="both, 0 and 1"):
        train("tel", "gammaness", FEATURES, one_class, SETTINGS, 7)
