"""Cross-sections of hadrons and nuclei in air against published ones."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.shower.air import ATOMS_PER_GRAM
from iactflow.shower.hadrons import cross_sections
from iactflow.shower.hadrons.cross_sections import (
    all_hadrons,
    cross_section_grid,
    hadron_cross_section,
    inelastic_nucleon_mb,
    letaw_mb,
    nuclear_cross_sections,
)
from iactflow.shower.hadrons.kinds import HADRONS
from iactflow.shower.hadrons.sibyll import load_sibyll

GRID = cross_section_grid()
TO_MB = 1e27 / ATOMS_PER_GRAM.sum()
ROW = {kind: i for i, kind in enumerate(HADRONS)}


@pytest.fixture(scope="module")
def hadrons():
    return all_hadrons(GRID)


@pytest.fixture(scope="module")
def nuclei():
    return nuclear_cross_sections(1, GRID)


def test_interaction_lengths_of_air():
    """90.1 g/cm2 of nucleons, 122.0 g/cm2 of pions (Particle Data Group, Atomic and nuclear
    properties of materials: dry air), at some 200 GeV."""
    assert 1.0 / hadron_cross_section(14, 2e5)[0] == pytest.approx(90.1, rel=0.05)
    assert 1.0 / hadron_cross_section(8, 2e5)[0] == pytest.approx(122.0, rel=0.07)


def test_protons_on_carbon_at_31_gev():
    """229.3 +- 9.2 mb production, 257.2 +- 9.1 mb inelastic (Abgrall et al., Phys. Rev. C 84
    (2011) 034604); air instead of carbon by mass number to the power 0.72."""
    air = hadron_cross_section(14, 30.1e3)[0] * TO_MB
    scale = (ATOMS_PER_GRAM * (np.array([12.0, 14.0, 16.0, 40.0]) / 12.0) ** 0.72).sum()
    assert air * ATOMS_PER_GRAM.sum() / scale == pytest.approx(229.3, abs=9.2)
    assert letaw_mb(12, 30e3) == pytest.approx(257.2, abs=9.1)


def test_sibyll_in_air(hadrons):
    """Production on its own air of nitrogen and oxygen: Riehn et al. 2020, figure 7."""
    sibyll = load_sibyll()
    for kind, row in ((14, 1), (8, 2)):
        for kinetic in (1e5, 1e6, 1e8):
            cm = sibyll.cm_energy_gev(kind, kinetic)
            own = sibyll.library.sib_sigma_hair(row, cm)[0]
            # Argon makes our air heavier by 0.5 %.
            found = np.interp(np.log(kinetic), GRID, hadrons[ROW[kind]]) * TO_MB
            assert found == pytest.approx(1.005 * own, rel=0.003)


def test_ratios_between_hadrons(hadrons):
    at = {k: np.interp(np.log(1e5), GRID, hadrons[ROW[k]]) for k in HADRONS}
    assert at[8] == at[9]
    assert at[13] == pytest.approx(at[14], rel=1e-3)
    assert at[15] > 1.03 * at[14]
    assert at[12] > 1.02 * at[11]
    assert at[10] == pytest.approx(0.5 * (at[11] + at[12]), rel=0.01)
    # Pions on air are three quarters of protons.
    assert at[8] / at[14] == pytest.approx(0.75, abs=0.02)


def test_tables_are_positive_and_smooth(hadrons, nuclei):
    assert np.ptp(np.diff(GRID)) < 1e-12
    for table in (hadrons, nuclei):
        assert (table > 1e-3).all()
        assert np.isfinite(table).all()
        # The largest step is that from production to inelastic.
        assert np.abs(np.diff(np.log(table), axis=1)).max() < 0.2
    high = np.exp(GRID) > 6e3
    assert np.abs(np.diff(np.log(hadrons[:, high]), axis=1)).max() < 0.02


def test_nuclei_grow_with_their_mass(hadrons, nuclei):
    energy = np.log(1e6)
    at = np.array(
        [np.interp(energy + np.log(a), GRID, nuclei[a - 2]) * TO_MB for a in range(2, 57)]
    )
    assert (np.diff(at) > 0.0).all()
    proton = np.interp(energy, GRID, hadrons[ROW[14]]) * TO_MB
    assert proton < at[0] < 2.0 * proton
    # Geometry (Bradt and Peters, Phys. Rev. 77 (1950) 54, with the overlap of Westfall et al.,
    # Phys. Rev. C 19 (1979) 1309): pi r0^2 (A^(1/3) + B^(1/3) - b)^2, r0 = 1.35 fm, b = 0.83. It
    # does not hold for helium, which is denser.
    sizes = np.array([14, 28, 56])
    geometry = 10.0 * np.pi * 1.35**2 * (np.cbrt(sizes) + np.cbrt(14.5) - 0.83) ** 2
    np.testing.assert_allclose(at[sizes - 2], geometry, rtol=0.08)


def test_trials_of_nuclei_are_keyed(monkeypatch):
    monkeypatch.setattr(cross_sections, "_TRIALS", 100)
    np.testing.assert_array_equal(
        nuclear_cross_sections(3, GRID[:3]), nuclear_cross_sections(3, GRID[:3])
    )
    assert not np.array_equal(
        nuclear_cross_sections(3, GRID[:3]), nuclear_cross_sections(4, GRID[:3])
    )


def test_fits_on_nucleons():
    """Total minus elastic at 100 GeV/c: 38.4 - 6.9 mb of p p (Carroll et al., Phys. Lett. B 61
    (1976) 303; Ayres et al., Phys. Rev. D 15 (1977) 3105)."""
    assert inelastic_nucleon_mb("nucleon", 100.0) == pytest.approx(31.5, abs=1.0)
    assert inelastic_nucleon_mb("antinucleon", 100.0) == pytest.approx(35.0, abs=1.0)
    # Outside their ranges the fits stay.
    assert inelastic_nucleon_mb("pion", 1e5) == inelastic_nucleon_mb("pion", 200.0)
