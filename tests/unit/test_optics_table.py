"""Tables for kernels: descriptions that cannot be traced."""

from __future__ import annotations

from dataclasses import replace

import pytest
from optics_samples import PERFECT, WORDS

from iactflow.errors import InputError
from iactflow.instrument.description import Cylinder
from iactflow.telescope.optics import make_optics_table, pointing


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"transmission": (0.0,)}, "transmission"),
        ({"transmission": (0.9, 1.0, 0.1, 0.0, 2.0)}, "transmission"),
        ({"masts": (Cylinder((0.0, 0.0, 1.0), (0.0, 0.0, 1.0), 0.1),)}, "masts"),
        ({"masts": (Cylinder((0.0, 0.0, 1.0), (0.0, 0.0, 2.0), 0.0),)}, "masts"),
        ({"camera_body_shape": 4}, "shape of facets and camera body"),
        ({"reflection_sigma_deg": -0.1}, "reflection_sigma_deg"),
        ({"reflection_fraction_2": 1.1}, "reflection_fraction_2"),
    ],
)
def test_bad_descriptions(changes, key):
    with pytest.raises(InputError) as error:
        make_optics_table(replace(PERFECT, **changes), 0.0, WORDS)
    assert error.value.key == key


def test_pointing_below_the_horizon():
    with pytest.raises(InputError):
        pointing(PERFECT, -1.0, 0.0)
