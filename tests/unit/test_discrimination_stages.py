"""From geometry to DL2 by the rules' functions, on invented events: hygiene of parts, energies."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from discrimination_samples import SPLITS, TYPES, write_geometry
from pydantic import ValidationError

from iactflow.campaign.digest import content_digest
from iactflow.campaign.schema_reconstruction import Forests, ShapeTables
from iactflow.discrimination import splits
from iactflow.discrimination.expectations import add_events, event_energy_tev, scale_events
from iactflow.discrimination.features import feature_columns
from iactflow.discrimination.forest import ForestBand
from iactflow.discrimination.forest_files import read_forests
from iactflow.discrimination.rows import offset_deg, read_rows
from iactflow.discrimination.shape_sums import ShapeSums, ShapeTableSettings
from iactflow.discrimination.shape_table_files import read_shape_sums, read_shape_tables
from iactflow.discrimination.stages import learning
from iactflow.discrimination.stages.fill_shape_tables import fill_shape_tables, table_settings
from iactflow.discrimination.stages.learning import Learner, forest_settings
from iactflow.discrimination.stages.merge_shape_tables import merge_shape_tables
from iactflow.discrimination.stages.reconstruct_events import reconstruct_events
from iactflow.discrimination.stages.train_class import train_class
from iactflow.discrimination.stages.train_direction import train_direction
from iactflow.discrimination.stages.train_energy import train_energy
from iactflow.discrimination.training import train
from iactflow.errors import InputError
from iactflow.io.root import read_metadata, read_table

SEED = 5
# Keys of the block that are no settings of every forest.
LEFT_OUT = {"energy", "direction", "signal", "background", "class_energy_edges_tev",
            "class_zenith_edges_deg"}  # fmt: skip
TABLES = {"n_size_bins": 30, "size_min_pe": 20.0, "n_impact_bins": 20, "impact_max_m": 300.0,
          "splits": SPLITS}  # fmt: skip
FORESTS = {"n_trees": 20, "max_depth": 10, "min_samples_leaf": 5, "features": [], "splits": SPLITS}


def run(stage, inputs, outputs, settings):
    params = SimpleNamespace(settings=settings, seed=SEED)
    stage(SimpleNamespace(**inputs), SimpleNamespace(**outputs), params, SimpleNamespace())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Geometry of gamma rays in two folders, of protons in one; all models; DL2 of the gammas."""
    root = tmp_path_factory.mktemp("models")
    for part, showers in (("one", range(1, 241)), ("two", range(241, 401))):
        (root / part).mkdir()
        write_geometry(root / part / "nsb1.root", list(showers))
    write_geometry(root / "protons.root", list(range(1, 301)), particle=14, wider=0.02)
    gammas = [str(root / "one"), str(root / "two")]
    tables, model = str(root / "tables.root"), lambda name: str(root / f"{name}.root")
    run(fill_shape_tables, {"geometry": gammas}, {"tables": tables}, TABLES)
    given = {"geometry": gammas, "tables": [tables]}
    run(train_energy, given, {"model": model("energy")}, FORESTS)
    run(train_direction, given, {"model": model("direction")}, FORESTS)
    # The class learns from the part for directions: these samples have none of its own.
    fractions = {"train_class": 0.5, "test_irfs": 0.5}
    background = {**given, "background": [str(root / "protons.root")]}
    run(train_class, background, {"model": model("class")}, {**FORESTS, "splits": fractions})
    models = {"tables": [tables], "energy_model": [model("energy")],
              "direction_model": [model("direction")], "class_model": [model("class")]}  # fmt: skip
    run(reconstruct_events, {"geometry": gammas[1], **models}, {"events": str(root / "dl2")},
        {"splits": SPLITS})  # fmt: skip
    return root


def test_tables_are_the_same_whatever_the_chunks(tmp_path, folder):
    parts = []
    for part in ("one", "two"):
        parts.append(str(tmp_path / f"{part}.root"))
        run(fill_shape_tables, {"geometry": str(folder / part)}, {"tables": parts[-1]}, TABLES)
    merged = tmp_path / "merged.root"
    run(merge_shape_tables, {"tables": parts}, {"tables": str(merged)}, {})
    assert content_digest(merged) == content_digest(folder / "tables.root")


def test_dl2_gives_energies_and_directions_back(folder):
    events = read_table(folder / "dl2" / "nsb1.root", "events_dl2")
    test = events["split"] == splits.SPLITS.index("test_irfs")
    true_tev = events["true_energy_tev"]
    for name, rms in (("energy_tev", 0.12), ("energy_forest_tev", 0.25)):
        ratio = np.log(events[name] / true_tev)[test]
        # ln(size) has a noise of 0.1 in each of four images; the forest has few trees.
        assert np.nanmean(np.isfinite(ratio)) > 0.9
        assert abs(np.nanmean(ratio)) < rms / 2
        assert np.nanstd(ratio) < rms
    pull = (np.log(events["energy_tev"] / true_tev)
            / (events["energy_uncert_tev"] / events["energy_tev"]))[test]  # fmt: skip
    assert 0.5 < np.nanstd(pull) < 1.3
    off = offset_deg(events["alt_forest_deg"], events["az_forest_deg"],
                     events["true_alt_deg"], events["true_az_deg"])[test]  # fmt: skip
    assert np.median(off) < 0.05
    assert abs(np.nanmean(events["mean_scaled_width"][test])) < 0.1
    # Four independent images: half the scatter of one.
    assert abs(np.nanstd(events["mean_scaled_width"][test]) - 0.5) < 0.1
    assert np.nanmean(events["energy_consistency"][test]) == pytest.approx(1.0, abs=0.25)


def test_gammaness_tells_the_classes_apart(tmp_path, folder):
    found = {}
    for name in ("two", "protons.root"):
        out = tmp_path / name.removesuffix(".root")
        given = {"geometry": str(folder / name), "tables": str(folder / "tables.root"),
                 "class_model": str(folder / "class.root")}  # fmt: skip
        run(reconstruct_events, given, {"events": str(out)},
            {"splits": {"train_class": 0.5, "test_irfs": 0.5}})  # fmt: skip
        events = read_table(next(out.glob("*.root")), "events_dl2")
        found[name] = events["gammaness"][events["split"] == splits.SPLITS.index("test_irfs")]
        assert np.isnan(events["energy_forest_tev"]).all()
    # Protons are 0.02 deg wider, four times the scatter of a gamma ray's width.
    assert found["two"].mean() > 0.8
    assert found["protons.root"].mean() < 0.2


def test_models_learn_from_their_part_alone(folder, monkeypatch):
    rows = read_rows(folder / "one" / "nsb1.root", SEED, SPLITS)
    seen = {}

    def keep(kind, target, features, sample, settings, seed, band):
        assert band is None
        seen[kind, target] = sample.shower[:, 2]

    monkeypatch.setattr(learning, "train", keep)
    for name in ("train_energy", "train_direction"):
        params = SimpleNamespace(settings=FORESTS, seed=SEED)
        learner = Learner(SimpleNamespace(tables=[]), params, name, ("log10_energy",))
        learner.add(str(folder / "one"), lambda rows, scaled: {
            "log10_energy": np.ones(len(rows.event_index))})  # fmt: skip
        list(learner.forests())
        part = rows.split == splits.SPLITS.index(name)
        assert set(seen["big", "log10_energy"]) == set(rows.truth["shower_id"][part])
    sums = ShapeSums(ShapeTableSettings(weight_index=None))
    n_images = add_events(sums, rows, splits.SPLITS.index("train_energy"))
    assert n_images == 4 * np.sum(rows.split == 0)
    assert {node.telescope_type for node in sums.sums} == set(TYPES)


def test_re_uses_and_night_skies_stay_together(tmp_path, folder):
    write_geometry(tmp_path / "nsb2.root", list(range(1, 241)), factor=2.0)
    one = read_rows(folder / "one" / "nsb1.root", SEED, SPLITS)
    two = read_rows(tmp_path / "nsb2.root", SEED, SPLITS)
    part = {}
    for rows in (one, two):
        for shower, split in zip(rows.truth["shower_id"], rows.split, strict=True):
            assert part.setdefault(shower, split) == split
    assert set(part.values()) == {0, 1, 4}
    assert two.columns["nsb_rate_ghz"][0] == 2.0 * one.columns["nsb_rate_ghz"][0]
    # The file's rate is that of the worn mirrors; the sky is the same.
    write_geometry(tmp_path / "worn.root", [1, 2], throughput=0.5)
    worn = read_rows(tmp_path / "worn.root", SEED, SPLITS)
    assert worn.columns["nsb_rate_ghz"][0] == 2.0 * one.columns["nsb_rate_ghz"][0]
    write_geometry(tmp_path / "dead.root", [1, 2], throughput=0.0)
    with pytest.raises(InputError, match=r"throughput: got 0\.0; allowed: above 0"):
        read_rows(tmp_path / "dead.root", SEED, SPLITS)


def test_thinning_keeps_whole_showers(folder, monkeypatch):
    monkeypatch.setattr(learning, "MAX_IMAGES", 500)
    params = SimpleNamespace(settings=FORESTS, seed=SEED)
    learner = Learner(SimpleNamespace(tables=[]), params, "train_energy", ("log10_energy",))
    learner.add(str(folder / "one"), lambda rows, scaled: {
        "log10_energy": np.ones(len(rows.event_index))})  # fmt: skip
    kept = np.concatenate([part.shower[:, 2] for parts in learner.parts.values() for part in parts])
    assert 250 < len(kept) < 800
    # Three re-uses of four images.
    assert set(np.unique(kept, return_counts=True)[1]) == {12}


def test_types_with_too_few_images_are_named(tmp_path, folder):
    write_geometry(tmp_path / "few.root", [1, 2, 3, 4])
    everything = {**FORESTS, "splits": {"train_energy": 1.0}, "min_samples_leaf": 12}
    given = {"geometry": str(tmp_path / "few.root")}
    run(train_energy, given, {"model": str(tmp_path / "m.root")}, everything)
    few = {**everything, "min_samples_leaf": 13}
    with pytest.raises(InputError, match="log10_energy of big: images: 24; needed: at least 26"):
        run(train_energy, given, {"model": str(tmp_path / "n.root")}, few)
    with pytest.raises(InputError, match=r"classes: \[1.0\]; needed: both"):
        run(train_class, {**given, "background": []}, {"model": str(tmp_path / "n.root")},
            {**everything, "splits": {"train_class": 1.0}})  # fmt: skip
    write_geometry(tmp_path / "small.root", [5], particle=14)
    params = SimpleNamespace(settings={**everything, "splits": {"train_class": 1.0}}, seed=SEED)
    learner = Learner(SimpleNamespace(), params, "train_class", ("gammaness",))
    for file, value in (("few.root", 1.0), ("small.root", 0.0)):

        def only_big_gammas(rows, scaled, value=value):
            mine = (rows.telescope_type == "big") | (value == 0.0)
            return {"gammaness": np.where(mine, value, np.nan)}

        learner.add(str(tmp_path / file), only_big_gammas)
    assert [forest.telescope_type for forest in learner.forests()] == ["big"]
    assert learner.metadata()["left_out"] == ["gammaness of small: images: 6; needed: at least 24"]


def test_real_data_have_no_part_and_are_not_learnt_from(tmp_path, folder):
    write_geometry(tmp_path / "data.root", [1, 2, 3], data=True)
    rows = read_rows(tmp_path / "data.root", SEED, SPLITS)
    assert rows.truth is None
    assert (rows.split == splits.NO_SPLIT).all()
    given = {"geometry": str(tmp_path / "data.root")}
    with pytest.raises(InputError, match="no truth"):
        run(fill_shape_tables, given, {"tables": str(tmp_path / "t.root")}, TABLES)
    with pytest.raises(InputError, match="no truth"):
        run(train_energy, given, {"model": str(tmp_path / "m.root")}, FORESTS)
    run(reconstruct_events, given, {"events": str(tmp_path / "dl2")}, {"splits": SPLITS})
    events = read_table(tmp_path / "dl2" / "data.root", "events_dl2")
    assert "true_energy_tev" not in events
    assert np.isnan(events["energy_tev"]).all()
    assert np.isfinite(events["alt_deg"]).all()


def test_settings_of_campaigns_are_known():
    given = ShapeTables(samples=["gamma"]).model_dump(mode="json")
    given.pop("samples")
    assert table_settings({**given, "splits": SPLITS}) == ShapeTableSettings()
    given = Forests().model_dump(mode="json")
    chosen = {k: v for k, v in given.items() if k not in LEFT_OUT}
    assert forest_settings({**chosen, "splits": SPLITS}).n_trees == given["n_trees"]
    with pytest.raises(InputError, match="shape_tables: bins"):
        table_settings({"bins": 3})
    with pytest.raises(InputError, match="forests: depth"):
        forest_settings({"depth": 3})


def test_tables_that_do_not_belong_together_are_refused(tmp_path, folder):
    with pytest.raises(InputError, match="no ROOT file"):
        run(fill_shape_tables, {"geometry": str(tmp_path)}, {"tables": "t.root"}, TABLES)
    unknown = {**FORESTS, "features": ["colour"]}
    with pytest.raises(InputError, match="features: got 'colour'"):
        run(train_energy, {"geometry": str(folder / "one")}, {"model": "m.root"}, unknown)
    assert read_shape_sums(folder / "tables.root").settings == table_settings(TABLES)


BANDS = {"energy_edges_tev": [0.3, 1.5, 10.0], "zenith_edges_deg": [0.0, 40.0]}
HALVES = {"train_class": 0.5, "test_irfs": 0.5}


def classify(folder, tmp_path, settings, edges):
    """Train on half of the showers, and predict those of a file."""
    given = {"geometry": [str(folder / "one"), str(folder / "two")],
             "background": [str(folder / "protons.root")],
             "tables": [str(folder / "tables.root")]}  # fmt: skip
    model, out = str(tmp_path / "class.root"), tmp_path / "dl2"
    run(train_class, given, {"model": model}, {**FORESTS, "splits": settings, **edges})
    found = {"geometry": str(folder / "two"), "tables": given["tables"], "class_model": [model]}
    run(reconstruct_events, found, {"events": str(out)}, {"splits": settings})
    return model, read_table(next(out.glob("*.root")), "events_dl2")


def test_classifiers_of_bands_are_those_of_their_events_alone(tmp_path, folder, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        learning, "train",
        lambda kind, target, features, given, settings, seed, band: seen.setdefault(
            (kind, band.number), train(kind, target, features, given, settings, seed, band)),
    )  # fmt: skip
    model, events = classify(folder, tmp_path, HALVES, BANDS)
    forests, metadata = read_forests(model)
    assert set(forests) == {(kind, "gammaness", n) for kind in TYPES for n in (0, 1)}
    assert metadata["settings"]["energy_edges_tev"] == [0.3, 1.5, 10.0]
    assert forests["big", "gammaness", 0].band == ForestBand(0, 0.0, 1.5, 0.0, np.inf)
    assert forests["big", "gammaness", 1].band == ForestBand(1, 1.5, np.inf, 0.0, np.inf)
    for key, forest in forests.items():
        trained = seen[key[0], key[2]]
        assert all(np.array_equal(a, b) for a, b in zip(forest.trees, trained.trees, strict=True))
    # By hand: the images of an event go to the trees of the band of its energy.
    rows = read_rows(folder / "two" / "nsb1.root", SEED, HALVES)
    tables = read_shape_tables(folder / "tables.root")
    scaled = scale_events(tables, rows)
    columns = feature_columns(rows, scaled)
    image = np.full(len(rows.event_index), np.nan)
    for i, event in enumerate(rows.event_index):
        energy = events["energy_tev"][event]
        if np.isfinite(energy):
            forest = forests[str(rows.telescope_type[i]), "gammaness", int(energy >= 1.5)]
            image[i] = forest.predict({k: v[i : i + 1] for k, v in columns.items()})[0][0]
    expected = [np.mean(image[a:b]) if b > a else np.nan
                for a, b in zip(rows.starts[:-1], rows.starts[1:], strict=True)]  # fmt: skip
    np.testing.assert_allclose(events["gammaness"], expected, rtol=1e-12)
    assert np.isfinite(expected).mean() > 0.9
    # Numbers of images: those of the training part with energies inside the edges of the band.
    counted = {key: forest.n_images for key, forest in forests.items()}
    for key, n in counted.items():
        low, high = [0.3, 1.5, 10.0][key[2]], [0.3, 1.5, 10.0][key[2] + 1]
        total = 0
        for file in ("one/nsb1.root", "two/nsb1.root", "protons.root"):
            rows = read_rows(folder / file, SEED, HALVES)
            energy = event_energy_tev(rows, scale_events(tables, rows))
            mine = (rows.split == splits.SPLITS.index("train_class"))[rows.event_index]
            mine &= (rows.telescope_type == key[0]) & (energy >= low) & (energy < high)
            total += int(mine.sum())
        assert n == total


def test_without_bands_nothing_changes(tmp_path, folder):
    """One band that holds everything gives the trees of no band but for their random numbers."""
    model, events = classify(folder, tmp_path, HALVES, {})
    assert content_digest(model) == content_digest(folder / "class.root")
    assert "band" not in read_table(model, "forests")
    assert "energy_edges_tev" not in read_metadata(model)["settings"]
    (tmp_path / "all").mkdir()
    everything = {"zenith_edges_deg": [0.0, 90.0]}
    _, banded = classify(folder, tmp_path / "all", HALVES, everything)
    # Boosted trees without early stopping draw no random numbers below 10 000 images.
    np.testing.assert_array_equal(banded["gammaness"], events["gammaness"])


def test_bad_bands_are_refused(tmp_path, folder):
    given = {"geometry": [str(folder / "one")], "background": [str(folder / "protons.root")]}
    settings = {**FORESTS, "splits": HALVES}
    outputs = {"model": str(tmp_path / "x.root")}
    with pytest.raises(InputError, match="energy_edges_tev: got 'no tables'"):
        run(train_class, given, outputs, {**settings, **BANDS})
    for edges in ([1.0], [2.0, 1.0]):
        with pytest.raises(InputError, match="ascending"):
            run(train_class, given, outputs, {**settings, "zenith_edges_deg": edges})
    with pytest.raises(ValidationError, match="two or more"):
        Forests(class_energy_edges_tev=[1.0])
    model, _ = classify(folder, tmp_path, HALVES, BANDS)
    lone = {"geometry": str(folder / "two"), "class_model": [model]}
    with pytest.raises(InputError, match="which give"):
        run(reconstruct_events, lone, {"events": str(tmp_path / "none")}, {"splits": HALVES})
