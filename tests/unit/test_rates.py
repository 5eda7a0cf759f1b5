"""Trigger rates: analytic spectra and areas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from iactflow.errors import InputError
from iactflow.telescope import rates

EDGES = np.geomspace(0.01, 100.0, 17)


def power_law(energy):
    return 2e-11 * np.asarray(energy) ** -2.5


def test_efficiency_is_binomial():
    made = rates.trigger_efficiency([1000, 0, 50, 50], [300, 0, 0, 50])
    assert made.value[0] == 0.3
    assert made.error[0] == pytest.approx(np.sqrt(0.3 * 0.7 / 1000), rel=0.01)
    assert np.isnan(made.value[1])
    assert np.isnan(made.error[1])
    # Mean of the flat prior's posterior is 1 / 52, its standard deviation as large.
    np.testing.assert_allclose(made.error[2:], 1 / 52, rtol=0.03)
    assert rates.trigger_efficiency(1000, 300, 10.0).error == pytest.approx(
        made.error[0] * np.sqrt(10.0)
    )
    with pytest.raises(InputError, match="n_triggered"):
        rates.trigger_efficiency([3], [4])


def test_rate_of_a_power_law_and_constant_area():
    made = rates.trigger_rate(EDGES, np.full(16, 1e5), power_law, np.full(16, 1e4), 0.1)
    expected = 1e5 * 1e4 * 0.1 * 2e-11 / 1.5 * (0.01**-1.5 - 100.0**-1.5)
    assert made.hz == pytest.approx(expected, rel=1e-9)
    assert made.per_bin_hz.sum() == pytest.approx(made.hz)
    assert made.error_hz == pytest.approx(0.1 * np.sqrt(np.sum(made.per_bin_hz**2)))
    hole = np.where(np.arange(16) == 0, np.nan, 1e5)
    assert rates.trigger_rate(EDGES, hole, power_law).hz == pytest.approx(
        10.0 * (made.hz - made.per_bin_hz[0])
    )
    with pytest.raises(InputError, match="energy_edges_tev"):
        rates.trigger_rate(EDGES[::-1], hole, power_law)


def test_threshold_is_where_the_rate_per_energy_is_largest():
    # A parabola in logarithms: area E^2.5 exp(-ln^2(E / 0.2) / 2).
    centre = np.sqrt(EDGES[1:] * EDGES[:-1])
    area = 1e5 * centre**2.5 * np.exp(-0.5 * np.log(centre / 0.2) ** 2)
    assert rates.threshold_tev(EDGES, area, power_law) == pytest.approx(0.2)
    with pytest.raises(InputError, match="maximum"):
        rates.threshold_tev(EDGES, np.ones(16), power_law)


@pytest.mark.parametrize("spectrum", [rates.crab_nebula, rates.electrons])
def test_integral_of_published_spectra(spectrum):
    edges = np.array([0.1, 0.3, 1.0, 3.0])
    made = rates.trigger_rate(edges, np.full(3, 1e-4), spectrum)
    assert made.hz == pytest.approx(quad(spectrum, 0.1, 3.0, epsrel=1e-10)[0], rel=1e-7)


def test_crab_above_one_tev():
    # 2.26e-11 cm-2 s-1 above 1 TeV, with the error of 0.08 (A&A 457, 899).
    flux = rates.trigger_rate(np.geomspace(1.0, 300.0, 40), np.full(39, 1e-4), rates.crab_nebula)
    assert flux.hz == pytest.approx(2.26e-11, abs=0.08e-11)


def test_electrons_at_one_tev():
    # H.E.S.S. (PRL 101, 261104): E^3 dN/dE about 100 to 150 GeV2 m-2 s-1 sr-1 at 1 TeV.
    value = rates.electrons(1.0) * 1e4 * 1e-3 * 1e9
    assert 90.0 < value < 180.0
