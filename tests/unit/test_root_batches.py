"""ROOT files written and read in batches; parts of a simulated run merge into the run."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import awkward as ak
import numpy as np
import pytest
from tests.unit.test_root import make_columns

from iactflow.campaign.column_digest import ColumnDigest, digest_column
from iactflow.campaign.digest import content_digest
from iactflow.errors import InputError
from iactflow.io import root_write
from iactflow.io.merge import merge_tables
from iactflow.io.root import RootWriter, iterate_table, read_table, write_table
from iactflow.io.tables import TABLES


def rows(columns, start, stop):
    return {name: values[start:stop] for name, values in columns.items()}


@pytest.fixture
def images():
    """Forty rows with keys that ascend."""
    columns = make_columns(TABLES["images"], 40, np.random.default_rng(5))
    columns.update(obs_id=np.full(40, 3), event_id=np.arange(40))
    return columns


@pytest.mark.parametrize("cuts", [[0, 40], [0, 1, 1, 17, 40], [0, 0, 20, 20, 40, 40]])
def test_batches_leave_no_trace(tmp_path, images, monkeypatch, cuts):
    write_table(tmp_path / "whole.root", {"images": images}, {"a": 1})
    monkeypatch.setattr(root_write, "CLUSTER_BYTES", 300)
    with RootWriter(tmp_path / "parts.root", ["images"], {"a": 1}) as writer:
        for start, stop in pairwise(cuts):
            writer.append("images", rows(images, start, stop))
    assert content_digest(tmp_path / "parts.root") == content_digest(tmp_path / "whole.root")
    parts = list(iterate_table(tmp_path / "parts.root", "images"))
    assert len(parts) >= (1 if len(cuts) == 2 else 2)
    joined = np.concatenate([part["event_id"] for part in parts])
    np.testing.assert_array_equal(joined, images["event_id"])
    whole = read_table(tmp_path / "parts.root", "images")
    assert ak.to_list(whole["image"]) == ak.to_list(images["image"])


@pytest.mark.parametrize(
    "values",
    [np.arange(7.0), np.arange(14).reshape(7, 2), np.array(["a", "bc", "", "d", "e", "f", "g"]),
     ak.Array([[1], [], [2, 3], [4], [], [5], [6]])],
)  # fmt: skip
def test_digest_of_a_column_in_batches(values):
    digest = ColumnDigest("c")
    for start, stop in ((0, 3), (3, 3), (3, 7)):
        digest.update(values[start:stop])
    assert digest.hexdigest() == digest_column("c", values)
    other = ColumnDigest("c")
    other.update(values[:6])
    assert other.hexdigest() != digest_column("c", values)


def test_jagged_cuts_belong_to_the_digest():
    assert digest_column("c", ak.Array([[1, 2], [3]])) != digest_column(
        "c", ak.Array([[1], [2, 3]])
    )


def fail_while_writing(path, images):
    with RootWriter(path, ["images"]) as writer:
        writer.append("images", images)
        raise RuntimeError("stop")


def write_other_columns(path, images):
    columns = make_columns(TABLES["events_dl2"], 2, np.random.default_rng(1))
    optional = [c.name for c in TABLES["events_dl2"].columns if c.optional]
    with RootWriter(path, ["events_dl2"]) as writer:
        writer.append("events_dl2", columns)
        writer.append("events_dl2", {k: v for k, v in columns.items() if k != optional[0]})


def write_nothing(path, images):
    with RootWriter(path, ["images"]):
        pass


def write_unasked(path, images):
    with RootWriter(path, ["images"]) as writer:
        writer.append("showers", images)


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (fail_while_writing, RuntimeError, "stop"),
        (write_other_columns, InputError, "another set of columns"),
        (write_nothing, InputError, "at least an empty batch"),
        (write_unasked, InputError, "got 'showers'; allowed: images"),
    ],
)
def test_a_failed_writer_leaves_no_file(tmp_path, images, write, error, message):
    with pytest.raises(error, match=message):
        write(tmp_path / "f.root", images)
    assert list(tmp_path.iterdir()) == []


def test_damage_is_found_after_the_last_batch(tmp_path, images):
    path = tmp_path / "d.root"
    write_table(path, {"images": images})
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)
    with pytest.raises(InputError):
        list(iterate_table(path, "images"))


def part(first, last, reuse=2, shift=0, **changes):
    """Tables of a range of showers of run 4, with what is true of the run."""
    ids = np.arange(first, last + 1)
    random = np.random.default_rng(7)
    runs = make_columns(TABLES["simulation_runs"], 1, random)
    runs.update(
        obs_id=np.array([4]),
        shower_id_min=np.array([first]),
        shower_id_max=np.array([last]),
        n_showers=np.array([last - first + 1]),
        shower_reuse=np.array([reuse], dtype="i4"),
    )
    for name, value in changes.items():
        runs[name] = np.array([value], dtype=runs[name].dtype)
    thrown = make_columns(TABLES["thrown_events"], 2, random)
    odd = int((ids % 2).sum()) * reuse + shift
    thrown.update(
        obs_id=np.array([4, 4]),
        particle_id=np.array([1, 1], dtype="i4"),
        energy_min_tev=np.array([0.1, 1.0]),
        viewcone_min_deg=np.zeros(2),
        n_thrown=np.array([odd, len(ids) * reuse - odd + shift]),
    )
    showers = make_columns(TABLES["showers"], len(ids), np.random.default_rng(9))
    showers = {k: np.full_like(v, 1) for k, v in showers.items()}
    showers.update(obs_id=np.full(len(ids), 4), shower_id=ids)
    pointing = make_columns(TABLES["pointing"], 2, np.random.default_rng(3))
    pointing.update(obs_id=np.full(2, 4), tel_id=np.array([1, 2], dtype="i2"))
    return {
        "simulation_runs": runs,
        "thrown_events": thrown,
        "showers": showers,
        "pointing": pointing,
    }


def merged(folder, parts, name="merged.root"):
    paths = []
    for i, tables in enumerate(parts):
        paths.append(folder / f"part{i}.root")
        write_table(paths[-1], tables, {"production": "p"})
    merge_tables(paths, folder / name)
    return folder / name


def test_a_run_is_the_same_however_it_was_cut(tmp_path):
    # Names of files do not follow the showers: neither does the merge.
    three = merged(tmp_path, [part(6, 9), part(1, 5), part(10, 10)])
    one = merged(tmp_path, [part(1, 10)], "one.root")
    assert content_digest(three) == content_digest(one)
    runs = read_table(three, "simulation_runs")
    assert runs["n_showers"].tolist() == [10]
    assert [runs[k].tolist() for k in ("shower_id_min", "shower_id_max")] == [[1], [10]]
    assert read_table(three, "thrown_events")["n_thrown"].tolist() == [10, 10]
    assert read_table(three, "showers")["shower_id"].tolist() == list(range(1, 11))
    assert len(read_table(three, "pointing")["tel_id"]) == 2


def test_a_missing_part_stays_missing(tmp_path):
    path = merged(tmp_path, [part(1, 3), part(8, 9)])
    runs = read_table(path, "simulation_runs")
    assert runs["shower_id_min"].tolist() == [1, 8]
    assert runs["n_showers"].tolist() == [3, 2]
    assert read_table(path, "thrown_events")["n_thrown"].sum() == 10


def other_pointing(tables):
    tables["pointing"]["altitude_deg"] = tables["pointing"]["altitude_deg"] + 1
    return tables


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (part(3, 6), r"shower_id_min, run 4: got 3; allowed: showers that .* ends at 3"),
        (part(4, 6, spectral_index=-3.5), "spectral_index, run 4: got -3.5"),
        (part(4, 6, reuse=3), "shower_reuse, run 4: got 3"),
        (part(4, 6, n_showers=2), "n_showers, run 4: got 2; allowed: 3"),
        (part(4, 6, shift=1), "n_thrown, run 4: got 7; allowed: 6"),
        (other_pointing(part(4, 6)), "pointing.altitude_deg"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(tmp_path, second, message):
    with pytest.raises(InputError, match=message) as caught:
        merged(tmp_path, [part(1, 3), second])
    assert "part1.root" in str(caught.value.file)
    assert not (tmp_path / "merged.root").exists()


WRITE = """
import sys, numpy as np
from iactflow.io.root import RootWriter
samples = np.tile(np.arange(300, 320, dtype="u2"), (20, 20_000))
with RootWriter(sys.argv[1], ["waveforms_r0"]) as writer:
    for i in range(int(sys.argv[2])):
        size = np.full(20, 1)
        writer.append("waveforms_r0", {
            "obs_id": size, "event_id": 20 * i + np.arange(20), "tel_id": size.astype("i2"),
            "n_channels": size.astype("i2"), "n_pixels": size.astype("i4"),
            "n_samples": size.astype("i4"), "waveform_packed": samples})
from iactflow.campaign.digest import content_digest
content_digest(sys.argv[1])
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    # 480 MB of samples; imports alone take some 200 MB.
    command = [sys.executable, "-c", WRITE, str(tmp_path / "w.root"), "30"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) / 1024 < 480
