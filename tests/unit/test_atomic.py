"""Atomic outputs: whole or not at all."""

from __future__ import annotations

import pytest

from iactflow.campaign.atomic import (
    atomic_output,
    publish,
    remove,
    temporary_name,
)


def names(folder):
    """Everything in a folder, hidden files too."""
    return sorted(p.name for p in folder.iterdir())


def fail_halfway(context):
    """Write something inside the block, then fail."""
    with context as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_file_appears_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "new" / "maps.fits.gz"
    with atomic_output(path) as temporary:
        temporary.write_text("whole")
        assert temporary.name.endswith("maps.fits.gz")
        assert temporary.suffixes[-2:] == [".fits", ".gz"]
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["maps.fits.gz"]


def test_error_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        fail_halfway(atomic_output(path))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_nothing_written_is_an_error(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"a\.txt was not written"),
        atomic_output(tmp_path / "a.txt"),
    ):
        pass
    assert names(tmp_path) == []


def test_directory_replaces_the_old_one(tmp_path):
    for content in ("first", "second"):
        with atomic_output(tmp_path / "ogip") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
    assert names(tmp_path) == ["ogip"]
    assert names(tmp_path / "ogip") == ["second"]


def test_directory_error_leaves_nothing(tmp_path):
    def fail_halfway_in_folder():
        with atomic_output(tmp_path / "ogip") as temporary:
            temporary.mkdir()
            (temporary / "a").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway_in_folder()
    assert names(tmp_path) == []


def test_publish_renames_all_or_none(tmp_path):
    (tmp_path / "t1").write_text("1")
    with pytest.raises(FileNotFoundError, match="two"):
        publish([(tmp_path / "t1", tmp_path / "one"), (tmp_path / "t2", tmp_path / "two")])
    assert names(tmp_path) == ["t1"]
    (tmp_path / "t2").write_text("2")
    publish([(tmp_path / "t1", tmp_path / "one"), (tmp_path / "t2", tmp_path / "two")])
    assert names(tmp_path) == ["one", "two"]


def test_temporary_names_differ(tmp_path):
    assert len({temporary_name(tmp_path / "a") for _ in range(50)}) == 50


def test_remove_takes_files_folders_and_absence(tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to(tmp_path / "d")
    for name in ("l", "f", "absent"):
        remove(tmp_path / name)
    assert names(tmp_path) == ["d"]
    remove(tmp_path / "d")
    assert names(tmp_path) == []
