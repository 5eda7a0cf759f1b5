"""ROOT files: round trips, damage, merges, export."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from iactflow.campaign.digest import content_digest
from iactflow.errors import InputError
from iactflow.io.datamodel import Column, Table, validate
from iactflow.io.merge import export_ttree, merge_tables
from iactflow.io.root import list_tables, read_file, read_metadata, read_table, write_table
from iactflow.io.tables import TABLES


def make_columns(table: Table, rows: int, random: np.random.Generator) -> dict:
    """Random columns that fit a table, its keys distinct."""
    columns = {}
    for column in table.columns:
        if column.jagged:
            counts = random.integers(0, 5, rows)
            flat = random.integers(0, 2, counts.sum()).astype(column.dtype)
            columns[column.name] = ak.unflatten(flat, counts)
        elif column.dtype == "U":
            columns[column.name] = np.array([f"é {i}" for i in range(rows)], dtype=str)
        else:
            shape = (rows, *(3 if size is None else size for size in column.shape))
            columns[column.name] = random.integers(0, 100, shape).astype(column.dtype)
    if table.key and table[table.key[0]].dtype != "U":
        columns[table.key[0]] = random.permutation(rows).astype(table[table.key[0]].dtype)
    return columns


def assert_same(left: dict, right: dict) -> None:
    """Same columns in the same order, types and values."""
    assert list(left) == list(right)
    for name in left:
        if hasattr(left[name], "layout"):
            assert str(left[name].type) == str(right[name].type)
            assert ak.to_list(left[name]) == ak.to_list(right[name])
        else:
            np.testing.assert_array_equal(left[name], right[name], strict=True)


@pytest.fixture
def events() -> dict:
    """Three images of a telescope."""
    return {
        "obs_id": np.array([1, 1, 2]),
        "event_id": np.array([5, 4, 1]),
        "tel_id": np.array([1, 1, 1], dtype="i2"),
        "image": ak.values_astype(ak.Array([[1.0, 2.5], [], [np.nan]]), "float32"),
        "peak_time_ns": ak.values_astype(ak.Array([[1.0, 2.0], [], [3.0]]), "float32"),
        "image_mask": ak.Array([[True, False], [], [True]]),
    }


@pytest.fixture
def file(tmp_path, events):
    """A file with the images."""
    path = tmp_path / "images.root"
    write_table(path, {"images": events}, {"campaign": "é", "levels": [1, 2]})
    return path


def is_response(table: Table) -> bool:
    """A response has one row."""
    return any(len(column.shape) > 1 for column in table.columns)


@pytest.mark.parametrize(
    ("name", "rows"),
    [(n, rows) for n in TABLES for rows in (0, 1, 7) if rows or not is_response(TABLES[n])],
)
def test_every_table_makes_the_round_trip(tmp_path, name, rows):
    table = TABLES[name]
    columns = make_columns(table, rows, np.random.default_rng(3))
    write_table(tmp_path / "t.root", {name: columns})
    read = read_table(tmp_path / "t.root", name)
    validate(table, read)
    assert_same(read, {column.name: columns[column.name] for column in table.columns})


def test_big_integers_survive(tmp_path):
    big = Table("big", "campaign", "", (Column("u", "u8", "", ""), Column("i", "i8", "", "")))
    columns = {
        "u": np.array([2**64 - 1, 2**63, 0], dtype="u8"),
        "i": np.array([2**63 - 1, -(2**63), 2**53 + 1]),
    }
    write_table(tmp_path / "b.root", {big: columns})
    assert_same(read_table(tmp_path / "b.root", big), columns)


def test_big_endian_and_narrow_columns_are_converted(tmp_path, events):
    swapped = dict(events, obs_id=events["obs_id"].astype(">i4"))
    write_table(tmp_path / "s.root", {"images": swapped})
    read = read_table(tmp_path / "s.root", "images")
    assert read["obs_id"].dtype == np.dtype("<i8")
    np.testing.assert_array_equal(read["obs_id"], events["obs_id"])


def test_selected_columns_and_metadata(file):
    assert list(read_table(file, "images", ["image"])) == ["image"]
    assert read_metadata(file) == {"campaign": "é", "levels": [1, 2]}
    assert list_tables(file) == {"images": 3}
    assert "ROOT::RNTuple" in uproot.open(file).classnames().values()


def test_same_content_has_the_same_digest(tmp_path, file, events):
    again = tmp_path / "again.root"
    reversed_columns = dict(reversed(list(events.items())))
    write_table(again, {"images": reversed_columns}, {"levels": [1, 2], "campaign": "é"})
    assert again.read_bytes() != file.read_bytes()
    assert content_digest(again) == content_digest(file)
    events["event_id"] = events["event_id"] + 1
    write_table(again, {"images": events}, {"levels": [1, 2], "campaign": "é"})
    assert content_digest(again) != content_digest(file)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda c: c.pop("image"), "images.image"),
        (lambda c: c.update(more=np.zeros(3)), "images.more"),
        (lambda c: c.update(obs_id=np.zeros(3)), "images.obs_id"),
        (lambda c: c.update(obs_id=np.zeros(2, dtype=int)), "rows"),
        (lambda c: c.update(tel_id=np.zeros(3, dtype="i8")), "images.tel_id"),
        (lambda c: c.update(image=np.zeros(3, dtype="f4")), "images.image"),
    ],
)
def test_wrong_columns_are_refused_and_leave_no_file(tmp_path, events, change, key):
    change(events)
    with pytest.raises(InputError, match=key):
        write_table(tmp_path / "w.root", {"images": events})
    assert list(tmp_path.iterdir()) == []


def test_unknown_table_and_column_are_named(tmp_path, file, events):
    with pytest.raises(InputError, match=r"table: got 'imagse'"):
        write_table(tmp_path / "w.root", {"imagse": events})
    with pytest.raises(InputError, match=r"images\.root: table: got 'showers'; allowed: images"):
        read_table(file, "showers")
    with pytest.raises(InputError, match="got 'size'; allowed: obs_id"):
        read_table(file, "images", ["size"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "empty"),
        (lambda data: data[: len(data) // 2], "cut off|OSError|Error"),
        (lambda data: data[:-10], "cut off"),
        (lambda data: b"SIMPLE  =" + data, "not a ROOT file"),
    ],
)
def test_broken_files_are_named(file, damage, message):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        read_table(file, "images")
    assert caught.value.file == str(file)


def test_missing_file_and_foreign_file_are_named(tmp_path):
    with pytest.raises(InputError, match="missing"):
        read_table(tmp_path / "no.root", "images")
    with uproot.recreate(tmp_path / "foreign.root") as foreign:
        foreign["text"] = "hello"
    with pytest.raises(InputError, match="_header"):
        read_table(tmp_path / "foreign.root", "images")


def test_other_version_is_named(tmp_path):
    with uproot.recreate(tmp_path / "new.root") as new:
        new["_header"] = json.dumps({"format": "iactflow", "version": 99, "tables": {}})
    with pytest.raises(InputError, match=r"_header.version: got 99; allowed: 3"):
        read_table(tmp_path / "new.root", "images")


@pytest.fixture
def limited_memory():
    """Damaged sizes must end in MemoryError, not in the machine's memory."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**31, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("limited_memory")
def test_no_flipped_bit_passes_for_data(tmp_path):
    random = np.random.default_rng(1)
    table = TABLES["images"]
    path = tmp_path / "f.root"
    columns = make_columns(table, 40, random)
    write_table(path, {"images": columns}, {"a": 1})
    original, (expected, _) = path.read_bytes(), read_file(path)
    refused = 0
    for at in random.integers(0, len(original), 250):
        damaged = bytearray(original)
        damaged[at] ^= 1 << random.integers(0, 8)
        path.write_bytes(bytes(damaged))
        try:
            tables, _ = read_file(path)
        except InputError:
            refused += 1
            continue
        # Bytes that hold no content (free space, creation time) may change.
        for name in expected["images"]:
            assert ak.to_list(tables["images"][name]) == ak.to_list(expected["images"][name])
    assert refused > 20


def split(columns: dict, masks: list) -> list[dict]:
    """Rows of a table dealt out to files."""
    return [{k: v[mask] for k, v in columns.items()} for mask in masks]


def test_merge_sorts_by_key_whatever_the_order(tmp_path, events):
    masks = [np.array([False, False, True]), np.array([True, True, False])]
    paths = [tmp_path / "a.root", tmp_path / "b.root"]
    for path, part in zip(paths, split(events, masks), strict=True):
        write_table(path, {"images": part})
    merge_tables(paths, tmp_path / "one.root")
    merge_tables(paths[::-1], tmp_path / "two.root")
    assert content_digest(tmp_path / "one.root") == content_digest(tmp_path / "two.root")
    merged = read_table(tmp_path / "one.root", "images")
    assert merged["obs_id"].tolist() == [1, 1, 2]
    assert merged["event_id"].tolist() == [4, 5, 1]
    assert ak.num(merged["image"]).tolist() == [0, 2, 1]
    whole = tmp_path / "whole.root"
    write_table(whole, {"images": events})
    merge_tables([whole], tmp_path / "three.root")
    assert content_digest(tmp_path / "three.root") == content_digest(tmp_path / "one.root")


def simulated(run: int, n_thrown: int = 60, event_run: int | None = None) -> dict:
    """Tables of a simulated run: 6 showers, each used 10 times."""
    random = np.random.default_rng(run)
    runs = make_columns(TABLES["simulation_runs"], 1, random)
    runs.update(
        obs_id=np.array([run]),
        n_showers=np.array([6]),
        shower_id_min=np.array([1]),
        shower_id_max=np.array([6]),
        shower_reuse=np.array([10], dtype="i4"),
    )
    thrown = make_columns(TABLES["thrown_events"], 2, random)
    thrown.update(obs_id=np.array([run, run]), n_thrown=np.array([20, n_thrown - 20]))
    thrown["energy_min_tev"] = np.array([0.1, 1.0])
    events = make_columns(TABLES["simulated_events"], 3, random)
    events["obs_id"] = np.full(3, run if event_run is None else event_run)
    events["event_id"] = np.arange(3)
    return {"simulation_runs": runs, "thrown_events": thrown, "simulated_events": events}


def test_merge_keeps_what_was_thrown(tmp_path):
    paths = [tmp_path / f"{run}.root" for run in (7, 3)]
    for path in paths:
        write_table(path, simulated(int(path.stem)))
    merge_tables(paths, tmp_path / "out.root")
    thrown = read_table(tmp_path / "out.root", "thrown_events")
    assert thrown["obs_id"].tolist() == [3, 3, 7, 7]
    assert thrown["n_thrown"].sum() == 120


def without(tables: dict, name: str) -> dict:
    return {key: value for key, value in tables.items() if key != name}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (simulated(2, n_thrown=59), "n_thrown, run 2: got 59; allowed: 60"),
        (simulated(2, event_run=9), "run 9 of simulated_events"),
        (without(simulated(2), "thrown_events"), "thrown_events: got 'missing table'"),
        (without(simulated(2), "simulated_events"), "those of"),
        (simulated(1), "shower_id_min, run 1: got 1; allowed: showers that .* does not hold"),
    ],
)
def test_merge_refuses(tmp_path, second, message):
    write_table(tmp_path / "1.root", simulated(1))
    write_table(tmp_path / "2.root", second)
    with pytest.raises(InputError, match=message) as caught:
        merge_tables([tmp_path / "1.root", tmp_path / "2.root"], tmp_path / "out.root")
    assert "2.root" in caught.value.file
    assert not (tmp_path / "out.root").exists()


def test_merge_refuses_differing_metadata_columns_and_keyless_tables(tmp_path, events):
    one, two, out = (tmp_path / f"{name}.root" for name in ("1", "2", "out"))
    write_table(one, {"images": events}, {"site": "south"})
    write_table(two, {"images": dict(events, obs_id=events["obs_id"] + 9)}, {"site": "north"})
    with pytest.raises(InputError, match="metadata site: got 'north'; allowed: south"):
        merge_tables([one, two], out)
    area = {k: np.ones((1, 2)) for k in ("ENERG_LO", "ENERG_HI", "THETA_LO", "THETA_HI")}
    write_table(one, {"AEFF": {**area, "EFFAREA": np.ones((1, 2, 2))}})
    write_table(two, {"AEFF": {**area, "EFFAREA": np.zeros((1, 2, 2))}})
    with pytest.raises(InputError, match="AEFF: got 'another content'"):
        merge_tables([one, two], out)
    times = {"EVENT_ID": np.arange(2), **{k: np.zeros(2) for k in ("TIME", "RA", "DEC", "ENERGY")}}
    write_table(one, {"EVENTS": times})
    write_table(two, {"EVENTS": {**times, "GAMANESS": np.zeros(2)}})
    with pytest.raises(InputError, match="GAMANESS"):
        merge_tables([one, two], out)
    with pytest.raises(InputError, match="no files"):
        merge_tables([], out)


def test_ttree_export_holds_the_same_columns(tmp_path, file, events):
    table = TABLES["verdicts"]
    verdicts = make_columns(table, 4, np.random.default_rng(0))
    write_table(file, {"images": events, "verdicts": verdicts})
    export_ttree(file, tmp_path / "old.root")
    with uproot.open(tmp_path / "old.root") as old:
        assert set(old.classnames().values()) == {"TTree"}
        images, texts = old["images"].arrays(), old["verdicts"].arrays()
    assert images["image_mask"].to_list() == events["image_mask"].to_list()
    assert images["image_size"].to_list() == [2, 0, 1]
    assert images["event_id"].to_list() == [5, 4, 1]
    assert texts["product"].to_list() == verdicts["product"].tolist()
    assert texts["main"].to_list() == verdicts["main"].tolist()
