"""Damaged files of raw data: an error that names the file, or exactly what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fuzzing import mutations, read_apart
from tests.unit.r0_samples import write_sample

from iactflow.campaign.column_digest import digest_column
from iactflow.campaign.digest import json_sha256
from iactflow.errors import InputError
from iactflow.io.reader import open_reader

N = 72


def of(values):
    return digest_column("", values)


def digest(path: Path):
    """Everything that a reader says of a file, or its error."""
    try:
        with open_reader(path, true_images=True) as reader:
            said = [
                [
                    [of(a) for a in (b.obs_id, b.event_id, b.time_s, b.time_qns)],
                    sorted((k, of(v)) for k, v in b.truth.items()),
                    [
                        [of(a) for a in (c.tel_id, c.adc, c.event_index)]
                        + [c.true_image is None or of(c.true_image)]
                        for c in b.cameras
                    ],
                    [
                        [tel] + [of(a) for a in vars(c).values()]
                        for tel, c in sorted(b.coefficients.items())
                    ],
                ]
                for b in reader.batches()
            ]
    except InputError as error:
        return "error", str(error.file), str(error)
    return "read", json_sha256(said)


def check(original: Path, tmp_path: Path, seed: int):
    whole = digest(original)
    assert whole[0] == "read"
    names, paths = [], []
    for i, (name, data) in enumerate(mutations(original.read_bytes(), N, seed)):
        path = tmp_path / f"{i}{''.join(original.suffixes)}"
        path.write_bytes(data)
        names.append(name)
        paths.append(path)
    results = read_apart(digest, paths)
    for name, path, result in zip(names, paths, results, strict=True):
        if result[0] == "read":
            assert result == whole, f"{name}: another content"
        else:
            assert result[1] == str(path), name
    return sum(result[0] == "error" for result in results)


def test_damaged_root_files(tmp_path):
    write_sample(tmp_path / "whole.root")
    assert check(tmp_path / "whole.root", tmp_path, 1) > N // 2


@pytest.mark.parametrize(
    ("name", "seed"),
    [("example_9evts_NectarCAM", 2), ("example_LST_R1_10_evts", 3), ("example_10evts", 4)],
)
def test_damaged_zfits_files(data_dir, tmp_path, name, seed):
    original = tmp_path / f"{name}.fits.fz"
    original.write_bytes((data_dir / "raw" / original.name).read_bytes())
    # Zeros over zeros are no damage: most of these files is room that is not used.
    assert check(original, tmp_path, seed) > N // 2
