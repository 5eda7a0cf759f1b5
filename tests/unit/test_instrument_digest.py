"""Digest, freezing, differences, and the command line around them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from instrument_samples import SOURCE, change, write, write_small

from iactflow.cli import main
from iactflow.errors import InputError
from iactflow.instrument.compare import diff_instruments
from iactflow.instrument.description import Facets, Pixels
from iactflow.instrument.digest import flatten, freeze, instrument_digest
from iactflow.instrument.load import load_instrument
from iactflow.instrument.tables import write_table


@pytest.fixture
def version(tmp_path):
    return write_small(tmp_path)


def second_version(version, **content):
    """A version ``2`` beside it that changes the type's document."""
    array = {"name": "small", "version": "2", "extends": "1", "source": "refined"}
    write(version.parent / "2", "instrument.yaml", array)
    write(version.parent / "2", "Small.yaml", {"source": "refined"} | content)
    return version.parent / "2"


def test_digest_is_that_of_the_numbers_alone(version):
    digest = load_instrument(version).digest
    assert len(digest) == 64
    change(version, "Small.yaml", "source", "another word")
    change(version, "instrument.yaml", "name", "tiny")
    change(version, "Small.yaml", "optics.focal_length_m", 10)
    change(version, "Small.yaml", "optics.focus_offset_m", -0.0)
    assert load_instrument(version).digest == digest


@pytest.mark.parametrize(
    ("document", "key", "value"),
    [
        ("Small.yaml", "optics.focal_length_m", 10.000001),
        ("Small.yaml", "optics.shape", "parabolic"),
        ("Small.yaml", "optics.reflectivity", {"points": [[300, 0.8], [600, 0.9000001]]}),
        ("Small.yaml", "camera.window", {"points": [[300, 1.0], [600, 1.0]]}),
        ("Small.yaml", "camera.readout.reduction", {"method": "none"}),
        ("instrument.yaml", "telescopes.2.x_m", 200.001),
        ("instrument.yaml", "telescopes.2.name", "Two"),
        ("instrument.yaml", "triggers.all.hard_stereo", False),
        ("instrument.yaml", "triggers.all.tel_ids", [1, 2]),
        ("instrument.yaml", "site.atmosphere", "paranal"),
    ],
)
def test_digest_knows_every_number(version, document, key, value):
    digest = load_instrument(version).digest
    change(version, document, key, value)
    assert load_instrument(version).digest != digest


def test_flatten_reaches_every_field(version):
    """A field that a description gains enters the digest by itself."""
    instrument = load_instrument(version)
    keys = set(flatten(instrument))
    for field in dataclasses.fields(Pixels):
        assert f"types.Small.camera.pixels.{field.name}" in keys
    for field in dataclasses.fields(Facets):
        assert f"types.Small.optics.facets.{field.name}" in keys
    facets = instrument.telescopes[0].type.optics.facets
    facets.x_m[0] += 1e-9
    assert instrument_digest(instrument) != instrument.digest


def test_digest_does_not_move_unnoticed(version):
    """The encoding stays: digests are recorded in products."""
    pinned = "7a99e7016d596d05146428cea766b092bff797682b2dd4c6c56d18620e78cf9b"
    assert load_instrument(version).digest == pinned


def test_a_frozen_version_does_not_change(version):
    digest = load_instrument(version).digest
    freeze(version, digest)
    assert load_instrument(version).digest == digest
    change(version, "Small.yaml", "optics.focal_length_m", 10.1)
    with pytest.raises(InputError, match=r"new version beside it.*extends: 1") as raised:
        load_instrument(version)
    assert raised.value.file == str(version / "digest.txt")
    changed = load_instrument(version, check=False).digest
    with pytest.raises(InputError, match="frozen version"):
        freeze(version, changed)


def test_a_frozen_version_notices_a_change_of_what_it_extends(version):
    second = second_version(version)
    freeze(second, load_instrument(second).digest)
    change(version, "instrument.yaml", "dead_time_s", 0.5)
    with pytest.raises(InputError, match="frozen version"):
        load_instrument(second)


def test_differences_say_what_changed(version):
    second = second_version(
        version,
        optics={
            "align_vertical": {"sigma_deg": 0.02},
            "reflectivity": {"points": [[300, 0.8], [600, 0.72]]},
            "facets": {"table": "tables/facets.ecsv"},
            "shape": "parabolic",
        },
        camera={"window": {"points": [[300, 1.0], [600, 1.0]]}},
    )
    (second / "tables").mkdir()
    table = {name: np.zeros(2) + 0.6 for name in ("x_m", "y_m", "z_m", "focal_length_m")}
    table |= {"diameter_m": np.array([0.6, 0.6]), "shape": np.array([0, 1])}
    write_table(second / "tables/facets.ecsv", table, "two facets")
    lines = diff_instruments(load_instrument(version), load_instrument(second))
    assert "types.Small.optics.align_vertical.sigma_deg: 0.01 -> 0.02" in lines
    assert "types.Small.optics.shape: davies_cotton -> parabolic" in lines
    assert "types.Small.optics.facets.x_m: 3 -> 2 points" in lines
    changed = "1 of 2 points changed, at most by 0.2 of the maximum"
    assert f"types.Small.optics.reflectivity.y: {changed}" in lines
    assert "types.Small.camera.window.x: only in small 2" in lines
    assert not [line for line in lines if "cosine_deg" in line or "telescopes" in line]


def test_a_renamed_type_is_compared_with_what_it_was(version):
    second = second_version(version)
    write(second, "Other.yaml", {
        "source": "new", "extends": "Small", "optics": {"focal_length_m": 12.0},
    })  # fmt: skip
    change(second, "instrument.yaml", "telescopes", {i: {"type": "Other"} for i in (1, 2, 3)})
    lines = diff_instruments(load_instrument(version), load_instrument(second))
    assert lines == [
        *(f"telescopes.{i}.type: Small -> Other" for i in (1, 2, 3)),
        "types.Small.optics.focal_length_m: 10 -> 12",
    ]
    change(second, "instrument.yaml", "telescopes", {3: {"type": "Other"}})
    lines = diff_instruments(load_instrument(version), load_instrument(second))
    assert lines == ["telescopes.3.type: Small -> Other", "types.Other: only in small 2"]


def test_no_differences_of_equal_numbers(version):
    """Not a number equals itself: it stands for the ideal dish."""
    assert diff_instruments(load_instrument(version), load_instrument(version)) == []


def test_command_line(version, capsys):
    second = second_version(version, optics={"focal_length_m": 10.5})
    assert main(["instrument", "show", str(version)]) == 0
    shown = capsys.readouterr().out
    assert "3 facets" in shown
    assert "4 pixels of 0.286 deg" in shown
    assert "trigger   majority, 2 groups, 2 above 4.00 p.e." in shown
    assert main(["instrument", "diff", str(version), str(version)]) == 0
    assert "0 differences" in capsys.readouterr().out
    assert main(["instrument", "diff", str(version), str(second)]) == 1
    assert "types.Small.optics.focal_length_m: 10 -> 10.5" in capsys.readouterr().out
    assert main(["instrument", "freeze", str(second)]) == 0
    assert (second / "digest.txt").read_text().strip() in capsys.readouterr().out
    change(second, "Small.yaml", "optics.focal_length_m", 10.6)
    assert main(["instrument", "show", str(second)]) == 2
    assert "new version" in capsys.readouterr().err
    assert SOURCE not in shown
