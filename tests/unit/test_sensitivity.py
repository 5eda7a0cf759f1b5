"""Sensitivity: equal to pyirf's on equal tables, its limits, and its errors."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from pyirf.sensitivity import calculate_sensitivity

from iactflow.errors import InputError
from iactflow.response.sensitivity import (
    BinnedRates,
    Conditions,
    detectable_excess,
    differential_sensitivity,
    energy_edges,
    rates_by_energy,
)
from iactflow.response.significance import li_ma_significance
from iactflow.response.spectra import SPECTRA

EDGES_TEV = energy_edges(0.05, 50.0)
CRAB = SPECTRA["crab_hess"]
TIME_S = 50.0 * 3600.0


def rates(counts, relative_error=0.0):
    counts = np.asarray(counts, dtype=float)
    ones = np.ones(len(counts), dtype=int)
    return BinnedRates(counts / TIME_S, relative_error * counts / TIME_S, ones, ones, 1.0 * ones)


def table(counts):
    counts = np.asarray(counts, dtype=float)
    n = len(counts)
    edges = EDGES_TEV[: n + 1] * u.TeV
    return QTable(
        {
            "reco_energy_low": edges[:-1],
            "reco_energy_high": edges[1:],
            "reco_energy_center": 0.5 * (edges[:-1] + edges[1:]),
            "n": counts,
            "n_weighted": counts,
        }
    )


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_sensitivity_is_that_of_pyirf(alpha):
    """On the same tables; pyirf counts the background of the off region."""
    rng = np.random.default_rng(8)
    n = len(EDGES_TEV) - 1
    signal = 10.0 ** rng.uniform(1.0, 5.0, n)
    background = 10.0 ** rng.uniform(0.5, 6.0, n)
    reference = calculate_sensitivity(table(signal), table(background / alpha), alpha)
    found = differential_sensitivity(
        EDGES_TEV, rates(signal), rates(background), CRAB, Conditions(alpha=alpha)
    )
    np.testing.assert_allclose(found.relative_flux, reference["relative_sensitivity"], rtol=1e-3)
    np.testing.assert_allclose(found.n_signal, reference["n_signal_weighted"], rtol=1e-3)
    assert {"significance", "background"} <= set(found.limited_by)
    np.testing.assert_allclose(found.flux, found.relative_flux * CRAB(found.energy_ref_tev))


def test_excess_has_the_significance_asked_for():
    background = np.array([0.0, 0.3, 10.0, 1e4, 1e7])
    free = Conditions(excess_min=0.0, background_fraction_min=0.0)
    excess = detectable_excess(background, free)
    found = li_ma_significance(excess + background, background / 0.2, 0.2)
    np.testing.assert_allclose(found, 5.0, rtol=1e-9)
    # Without background: 5 = sqrt(2 n ln((1 + alpha) / alpha)).
    assert excess[0] == pytest.approx(12.5 / np.log(6.0))


def test_conditions_take_over_where_they_ask_for_more():
    background = np.array([0.1, 200.0, 1e7])
    excess = detectable_excess(background)
    assert excess[0] == 10.0
    assert excess[2] == 5e5
    found = differential_sensitivity(
        EDGES_TEV[:6],
        rates([100.0, 100.0, 100.0, 100.0, 0.0]),
        rates([*background, 0.0, 5.0]),
        CRAB,
    )
    expected = ("excess", "significance", "background", "no background", "no signal")
    assert found.limited_by == expected
    assert found.relative_flux[4] == np.inf
    assert np.isnan(found.flux_error[4])


def test_more_time_helps_as_it_should():
    """With much background the flux falls as one over the root of the time."""
    signal, background = rates([1e5]), rates([1e5])
    few, many = (
        differential_sensitivity(
            EDGES_TEV[:2], signal, background, CRAB,
            Conditions(time_h=time, background_fraction_min=0.0),
        ).relative_flux[0]
        for time in (50.0, 5000.0)
    )  # fmt: skip
    assert few / many == pytest.approx(10.0, rel=0.05)


def test_errors_are_the_scatter_of_repeated_rates():
    rng = np.random.default_rng(5)
    signal, background, relative = 3000.0, 400.0, 0.1
    n = 4000
    many_signal = signal * (1.0 + relative * rng.normal(size=n))
    many_background = background * (1.0 + relative * rng.normal(size=n))
    scatter = np.std(detectable_excess(many_background) / many_signal)
    found = differential_sensitivity(
        EDGES_TEV[:2], rates([signal], relative), rates([background], relative), CRAB
    )
    expected = scatter * CRAB(found.energy_ref_tev)
    np.testing.assert_allclose(found.flux_error, expected, rtol=0.1)


def test_bins_are_aligned_at_one_tev():
    np.testing.assert_allclose(np.log10(EDGES_TEV) * 5, np.round(np.log10(EDGES_TEV) * 5))
    assert EDGES_TEV[0] <= 0.05 < EDGES_TEV[1]
    assert EDGES_TEV[-2] < 50.0 <= EDGES_TEV[-1]
    np.testing.assert_allclose(energy_edges(0.1, 10.0), 10.0 ** np.arange(-1.0, 1.1, 0.2))
    with pytest.raises(InputError, match="ascending"):
        energy_edges(1.0, 1.0)


def test_rates_by_energy_are_sums_with_errors_by_shower():
    energy = np.array([0.5, 0.6, 2.0, 20.0, np.nan])
    found = rates_by_energy(energy, [1.0, 2.0, 4.0, 8.0, 9.0], [1, 1, 1, 2, 3], [0.1, 1.0, 10.0])
    np.testing.assert_allclose(found.value, [3.0, 4.0])
    np.testing.assert_allclose(found.error, [3.0, 4.0])
    assert found.n_events.tolist() == [2, 1]
    assert found.n_showers.tolist() == [1, 1]


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="not negative"):
        detectable_excess([-1.0])
    with pytest.raises(InputError, match="not negative"):
        detectable_excess([np.nan])
    with pytest.raises(InputError, match="point source"):
        differential_sensitivity(EDGES_TEV[:2], rates([1.0]), rates([1.0]), SPECTRA["proton"])
