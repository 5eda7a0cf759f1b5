"""Spectra of cosmic rays and of the Crab Nebula that simulated events are weighted to.

All are differential in the energy of the whole particle, not of its nucleons, in TeV. Energies of
simulated nuclei mean the same. None of the power laws has the knee: they hold up to some hundred
TeV per charge.

========================  =======================================================================
name                      source
========================  =======================================================================
proton, helium, silicon,  Bernlöhr et al. 2013, Astropart. Phys. 43, 171, table 3 (arXiv:1210.3503);
iron, electron            helium as in Wiebel-Sooth et al. 1998, A&A 330, 389; electrons are the sum
                          of both charges
nitrogen                  Hörandel 2003, Astropart. Phys. 19, 193 (astro-ph/0210453): all nuclei
                          from carbon to oxygen together
proton_irfdoc,            "Description of CTA Instrument Response Functions (Production 3b)",
electron_irfdoc           section 4.3.1, as pyirf codes it
crab_hegra                Aharonian et al. 2004, ApJ 614, 897
crab_hess                 Aharonian et al. 2006, A&A 457, 899: power law with cut-off
crab_magic                Aleksić et al. 2015, JHEAp 5, 30
========================  =======================================================================

`NUCLEONS` alone is differential in the energy of a nucleon: nothing is weighted to it. (pyirf has
the same numbers as PDG_ALL_PARTICLE.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from iactflow.errors import InputError

__all__ = ["NUCLEONS", "PARTICLES", "SPECTRA", "Spectrum", "find_spectrum"]

_PER_CM2 = 1e-4


@dataclass(frozen=True)
class Spectrum:
    """A spectrum by energy.

    Parameters
    ----------
    name : str
        Name in `SPECTRA`.
    is_diffuse : bool
        True: isotropic, cm-2 s-1 sr-1 TeV-1; False: a point source, cm-2 s-1 TeV-1.
    source : str
        Publication.
    function : callable
        Energy in TeV to the flux.
    scale : float, optional
        Factor on the flux.
    """

    name: str
    is_diffuse: bool
    source: str
    function: Callable[[np.ndarray], np.ndarray]
    scale: float = 1.0

    def __call__(self, energy_tev) -> np.ndarray:
        """Flux at energies.

        Parameters
        ----------
        energy_tev : array_like, any shape
            Energy of the particle, TeV, above 0.

        Returns
        -------
        ndarray of float64, same shape
            Flux, cm-2 s-1 TeV-1, and per sr where diffuse.
        """
        return self.scale * self.function(np.asarray(energy_tev, dtype=np.float64))

    def times(self, factor: float) -> Spectrum:
        """Multiply the spectrum.

        Parameters
        ----------
        factor : float
            Factor.

        Returns
        -------
        Spectrum
            Of the same name, with another scale.
        """
        return Spectrum(
            self.name, self.is_diffuse, self.source, self.function, self.scale * float(factor)
        )


def _power_law(amplitude: float, index: float, cutoff_tev: float = np.inf):
    def flux(energy_tev):
        return amplitude * energy_tev**-index * np.exp(-energy_tev / cutoff_tev)

    return flux


def _log_parabola(amplitude: float, index: float, curvature: float):
    def flux(energy_tev):
        return amplitude * energy_tev ** (-index - curvature * np.log10(energy_tev))

    return flux


def _electron(energy_tev):
    """Power law, and a log-normal shoulder at 0.1 TeV (the Fermi-LAT excess)."""
    width, centre_tev = 0.776, 0.107
    power_law = 6.85e-5 * energy_tev**-3.21
    shoulder = np.exp(-0.5 * (np.log(energy_tev / centre_tev) / width) ** 2)
    shoulder *= 3.19e-3 / (energy_tev * width * np.sqrt(2.0 * np.pi))
    return _PER_CM2 * (power_law + shoulder)


def _electron_irfdoc(energy_tev):
    """Power law with an exponential of an unnormalised Gaussian in log10 E."""
    gauss = np.exp(-0.5 * ((np.log10(energy_tev) + 0.101) / 0.741) ** 2)
    return 2.385e-9 * energy_tev**-3.43 * (1.0 + 1.950 * (np.exp(gauss) - 1.0))


_BERNLOEHR = "Bernlöhr et al. 2013, Astropart. Phys. 43, 171"
_HOERANDEL = "Hörandel 2003, Astropart. Phys. 19, 193"
_IRFDOC = "CTA response functions, production 3b, section 4.3.1"

#: Spectra by name.
SPECTRA: dict[str, Spectrum] = {
    spectrum.name: spectrum
    for spectrum in (
        Spectrum("proton", True, _BERNLOEHR, _power_law(0.096 * _PER_CM2, 2.70)),
        Spectrum("helium", True, _BERNLOEHR, _power_law(0.0719 * _PER_CM2, 2.64)),
        Spectrum("nitrogen", True, _HOERANDEL, _power_law(0.0324 * _PER_CM2, 2.68)),
        Spectrum("silicon", True, _BERNLOEHR, _power_law(0.0284 * _PER_CM2, 2.66)),
        Spectrum("iron", True, _BERNLOEHR, _power_law(0.0134 * _PER_CM2, 2.63)),
        Spectrum("electron", True, _BERNLOEHR, _electron),
        Spectrum("proton_irfdoc", True, _IRFDOC, _power_law(9.8e-6, 2.62)),
        Spectrum("electron_irfdoc", True, _IRFDOC, _electron_irfdoc),
        Spectrum(
            "crab_hegra", False, "Aharonian et al. 2004, ApJ 614, 897", _power_law(2.83e-11, 2.62)
        ),
        Spectrum(
            "crab_hess",
            False,
            "Aharonian et al. 2006, A&A 457, 899",
            _power_law(3.76e-11, 2.39, 14.3),
        ),
        Spectrum(
            "crab_magic",
            False,
            "Aleksić et al. 2015, JHEAp 5, 30",
            _log_parabola(3.23e-11, 2.47, 0.24),
        ),
    )
}
#: Free and bound nucleons of all nuclei, by the energy of a nucleon, not of the particle:
#: 1.8e4 (E / GeV)^-2.7 GeV-1 m-2 s-1 sr-1.
NUCLEONS = Spectrum(
    "nucleons",
    True,
    "Review of Particle Physics 2020, eq. 30.2",
    _power_law(1.8e4 * 1e3**-2.7 * 1e3 * _PER_CM2, 2.7),
)
#: Spectrum of a particle where none is named, by CORSIKA's number.
PARTICLES: dict[int, str] = {
    1: "crab_hess",
    2: "electron",
    3: "electron",
    14: "proton",
    402: "helium",
    1407: "nitrogen",
    2814: "silicon",
    5626: "iron",
}


def find_spectrum(name: str, where: str = "spectrum") -> Spectrum:
    """Find a spectrum by its name.

    Parameters
    ----------
    name : str
        Name.
    where : str, optional
        Key that asks for it, named in the error.

    Returns
    -------
    Spectrum
        Spectrum.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in SPECTRA:
        raise InputError(where, "spectrum", name, ", ".join(SPECTRA))
    return SPECTRA[name]
