"""Spectra of cosmic rays and of the Crab Nebula against pyirf, gammapy and published integrals."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from gammapy.modeling.models import create_cosmic_ray_spectral_model, create_crab_spectral_model
from pyirf import spectral
from scipy.integrate import quad

from iactflow.errors import InputError
from iactflow.response.spectra import NUCLEONS, PARTICLES, SPECTRA, find_spectrum

ENERGY_TEV = np.geomspace(0.01, 300.0, 60)
DIFFUSE, POINT = "cm-2 s-1 sr-1 TeV-1", "cm-2 s-1 TeV-1"


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("proton_irfdoc", spectral.IRFDOC_PROTON_SPECTRUM),
        ("electron_irfdoc", spectral.IRFDOC_ELECTRON_SPECTRUM),
        ("crab_hegra", spectral.CRAB_HEGRA),
        ("crab_magic", spectral.CRAB_MAGIC_JHEAP2015),
    ],
)
def test_spectra_are_those_of_pyirf(name, reference):
    spectrum = SPECTRA[name]
    expected = reference(ENERGY_TEV * u.TeV).to_value(DIFFUSE if spectrum.is_diffuse else POINT)
    np.testing.assert_allclose(spectrum(ENERGY_TEV), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "of_gammapy"),
    # What gammapy calls N has the values of helium.
    [("proton", "proton"), ("helium", "N"), ("silicon", "Si"), ("iron", "Fe"),
     ("electron", "electron")],
)  # fmt: skip
def test_bernloehr_2013_is_that_of_gammapy(name, of_gammapy):
    model = create_cosmic_ray_spectral_model(of_gammapy)
    expected = (model(ENERGY_TEV * u.TeV) / (4.0 * np.pi * u.sr)).to_value(DIFFUSE)
    np.testing.assert_allclose(SPECTRA[name](ENERGY_TEV), expected, rtol=1e-12)


def test_crab_of_hess_is_that_of_gammapy():
    expected = create_crab_spectral_model("hess_ecpl")(ENERGY_TEV * u.TeV).to_value(POINT)
    np.testing.assert_allclose(SPECTRA["crab_hess"](ENERGY_TEV), expected, rtol=1e-12)


def test_crab_of_hess_has_its_published_integral():
    """2.26e-11 cm-2 s-1 above 1 TeV (Aharonian et al. 2006)."""
    integral = quad(lambda e: float(SPECTRA["crab_hess"](e)), 1.0, 300.0)[0]
    assert integral == pytest.approx(2.26e-11, rel=0.01)


def test_nuclei_break_up_into_the_nucleons_of_all_kinds():
    """A nucleus of A nucleons at A E is A nucleons at E: in all those of the Review, to 10 %."""
    energy = np.geomspace(0.1, 10.0, 9)
    nuclei = {"proton": 1, "helium": 4, "nitrogen": 14, "silicon": 28, "iron": 56}
    total = sum(a * a * SPECTRA[name](a * energy) for name, a in nuclei.items())
    np.testing.assert_allclose(total, NUCLEONS(energy), rtol=0.1)
    of_pyirf = spectral.PDG_ALL_PARTICLE(energy * u.TeV).to_value(DIFFUSE)
    np.testing.assert_allclose(NUCLEONS(energy), of_pyirf, rtol=1e-12)


def test_spectra_scale_and_are_found_by_name():
    spectrum = find_spectrum("crab_hess").times(0.1).times(0.5)
    np.testing.assert_allclose(spectrum(2.0), 0.05 * SPECTRA["crab_hess"](2.0), rtol=1e-14)
    assert not spectrum.is_diffuse
    with pytest.raises(InputError, match="crab_hegra"):
        find_spectrum("crab")
    assert set(PARTICLES.values()) <= set(SPECTRA)
