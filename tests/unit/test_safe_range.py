"""Safe range of a run, and areas that begin above where it would begin."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from iactflow.errors import InputError
from iactflow.response import interpolate, parametrised
from iactflow.science.safe_range import begins_above, safe_mask

EDGES = np.geomspace(0.05, 100.0, 45)
WANTED = {"file_threshold": False, "effective_area_min_fraction": 0.1}


def mask_of(first_bin, last_bin, **changes):
    """Of the published parametrisation at 20 deg, its areas beyond some bins taken away."""
    aeff = parametrised.responses(20.0).aeff
    area = aeff.area_m2.copy()
    area[:, :first_bin], area[:, last_bin:] = 0.0, 0.0
    aeff = replace(aeff, area_m2=area)
    energy_tev = interpolate.geometric_centres(EDGES)
    area_m2 = interpolate.effective_area_m2(aeff, energy_tev, 0.5)
    run = SimpleNamespace(obs_id=7, aeff=aeff)
    return energy_tev, area_m2, safe_mask(run, energy_tev, area_m2, EDGES, {**WANTED, **changes})


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ([0, 1, 5, 10, 10], False),
        ([0, 5, 10, 10, 0], True),
        ([5, 10, 10, 10, 0.5], True),
        ([5, 10, 10, 10, 10], False),
        ([0, 0, 0, 0, 0], False),
    ],
)
def test_begins_above(area, expected):
    assert begins_above(np.array(area, dtype=float), 0.1) is expected


def test_a_threshold_inside_the_responses():
    energy_tev, area_m2, mask = mask_of(0, 1000)
    threshold = interpolate.threshold_energy_tev(energy_tev, area_m2, 0.1)
    np.testing.assert_array_equal(mask, EDGES[:-1] >= threshold)
    assert 0 < mask.sum() < len(mask)


def test_responses_without_their_threshold_are_refused():
    """Simulations from about 1 to 15 TeV: gammapy would begin where they end."""
    edges = parametrised.responses(20.0).aeff.energy_edges_tev
    first, last = np.searchsorted(edges, [1.0, 15.0])
    with pytest.raises(InputError, match=r"run 7: safe_range\.effective_area_min_fraction") as info:
        mask_of(first, last)
    assert "responses from energies with less than 0.1" in str(info.value)
    assert mask_of(first, last, effective_area_min_fraction=0.0)[2].all()
