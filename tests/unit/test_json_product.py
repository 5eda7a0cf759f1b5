"""JSON products: what is written, and what is read back."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from iactflow.campaign.json_product import JSON_KEY, plain, read_json, write_json
from iactflow.errors import InputError


def test_plain_has_no_nan():
    value = {"a": np.array([1.0, np.nan]), 2: (np.int64(3), math.inf), "c": np.bool_(True)}
    assert plain(value) == {"a": [1.0, None], "2": [3, None], "c": True}


def test_plain_keeps_types():
    value = plain([np.float32(0.5), np.int64(2), np.bool_(False), np.str_("x"), np.zeros((1, 2))])
    assert [type(item) for item in value] == [float, int, bool, str, list]
    assert value[4] == [[0.0, 0.0]]


def test_products_are_read_as_written(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"n_on": np.int64(3), "label": "η Car", "x": np.float64(0.1) + 0.2})
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert read_json(path) == {"n_on": 3, "label": "η Car", "x": 0.1 + 0.2}


def test_provenance_is_left_out(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({JSON_KEY: {"rule": "x"}, "n_on": 3}))
    assert read_json(path) == {"n_on": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "file: got 'missing'; allowed: a JSON file"), ("{", "content: .*; allowed: JSON")],
)
def test_unreadable_products_are_named(tmp_path, text, message):
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_json(path)
