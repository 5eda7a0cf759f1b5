"""Cross-sections of photons and electrons in air: differential per element, totals per g/cm2.

Pair production and bremsstrahlung: Bethe-Heitler with the screening functions of Butcher and
Messel, Nucl. Phys. 20 (1960) 15 (fits to the Thomas-Fermi atom), the Coulomb correction of Davies,
Bethe and Maximon, Phys. Rev. 93 (1954) 788 and the field of the atomic electrons by Tsai, Rev. Mod.
Phys. 46 (1974) 815, equations 3.9 and B.20. At low energies both are scaled to tables of NIST.
Compton: Klein-Nishina, Z. Phys. 52 (1929) 853. Moller and Bhabha: Rohrlich and Carlson, Phys. Rev.
93 (1954) 38. Annihilation: Heitler, The Quantum Theory of Radiation, section 27. Photonuclear:
Donnachie and Landshoff, Phys. Lett. B 296 (1992) 227 above 2 GeV, the curve common to nuclei of
Ahrens, Nucl. Phys. A 446 (1985) 229c below, to 15 %. Muon pairs: Burkhardt, Kelner and Kokoulin,
CERN-SL-2002-016.

Left out: the photoelectric effect and Rayleigh scattering (1e-5 and 1e-4 of the total at 20 MeV,
and nothing is followed below some 1 MeV); the Landau-Pomeranchuk-Migdal effect (in air at sea level
it sets in above 1e5 TeV); dielectric suppression (photons below gamma times 0.7 eV, under 20 MeV
for electrons below 14 TeV at sea level and ten times more at 20 km).
"""

from __future__ import annotations

import numpy as np

from iactflow.shower.air import (
    ATOMIC_NUMBER,
    ATOMS_PER_GRAM,
    ELECTRON_MASS_MEV,
    ELECTRON_RADIUS_CM,
    ELECTRONS_PER_GRAM,
    FINE_STRUCTURE,
    MASS_NUMBER,
    MUON_MASS_MEV,
)

__all__ = [
    "annihilation",
    "bremsstrahlung_spectrum",
    "compton",
    "muon_pair",
    "pair",
    "pair_spectrum",
    "photonuclear",
    "screening",
    "tsai_factor",
]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_CM2_PER_MB = 1e-27

# NIST XCOM (Berger and Hubbell 1987), pairs and triplets in nitrogen and oxygen, over the formula:
# the Born approximation and the recoil of atomic electrons at low energy, radiative corrections at
# high. Photon energy in MeV, factor.
_PAIR_SCALE = np.array(
    [
        [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 200.0, 500.0, 1e3, 1e4],
        [3.126, 1.090, 0.964, 0.933, 0.926, 0.926, 0.931, 0.940, 0.947, 0.956, 0.965, 0.973, 0.981,
         0.988, 0.991, 0.994],
    ]
)  # fmt: skip
# NIST ESTAR's radiative stopping power of dry air over the formula. Kinetic energy in MeV, factor.
_BREMSSTRAHLUNG_SCALE = np.array(
    [[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0], [0.913, 0.917, 0.947, 0.964, 0.973, 0.977, 0.980]]
)


def screening(delta):
    """Screening functions of Butcher and Messel.

    Parameters
    ----------
    delta : ndarray
        136 m / Z^(1/3) times the least momentum transfer in units of the energies.

    Returns
    -------
    tuple of two ndarray
        phi1, phi2.
    """
    far = 21.12 - 4.184 * np.log(np.maximum(delta, 0.0) + 0.952)
    near_1 = 20.867 - 3.242 * delta + 0.625 * delta**2
    near_2 = 20.209 - 1.930 * delta - 0.086 * delta**2
    return np.where(delta > 1.0, far, near_1), np.where(delta > 1.0, far, near_2)


def coulomb_correction(z):
    """Coulomb correction f(Z) (Davies, Bethe, Maximon 1954).

    Parameters
    ----------
    z : ndarray
        Atomic number.

    Returns
    -------
    ndarray
        f, small against ln(183 / Z^(1/3)) in air.
    """
    a = (FINE_STRUCTURE * z) ** 2
    return a * (1.0 / (1.0 + a) + 0.20206 - 0.0369 * a + 0.0083 * a**2 - 0.002 * a**3)


def tsai_factor(z):
    """Common factor of pair production and bremsstrahlung: alpha r_e^2 Z (Z + xi), cm2.

    Parameters
    ----------
    z : ndarray
        Atomic number; xi adds the field of the atomic electrons.

    Returns
    -------
    ndarray
        cm2.
    """
    nuclear = np.log(184.15 / z ** (1 / 3)) - coulomb_correction(z)
    xi = np.log(1194.0 / z ** (2 / 3)) / nuclear
    return FINE_STRUCTURE * ELECTRON_RADIUS_CM**2 * z * (z + xi)


def _reduced(delta, z):
    """Screening functions less 4/3 ln Z and the Coulomb correction, not below zero."""
    offset = 4.0 / 3.0 * np.log(z) + 4.0 * coulomb_correction(z)
    phi_1, phi_2 = screening(delta)
    return np.maximum(phi_1 - offset, 0.0), np.maximum(phi_2 - offset, 0.0)


def pair_spectrum(x, photon_mev, z):
    """Bethe-Heitler: d(sigma)/dx of pair production in the field of an atom.

    Parameters
    ----------
    x : ndarray
        Part of the photon's energy that one of the two takes (total energy).
    photon_mev : ndarray
        Energy of the photon.
    z : ndarray
        Atomic number.

    Returns
    -------
    ndarray
        cm2 per atom; zero outside the kinematic limits.
    """
    least = ELECTRON_MASS_MEV / photon_mev
    inside = (x > least) & (x < 1.0 - least)
    product = np.where(inside, x * (1.0 - x), 0.25)
    phi_1, phi_2 = _reduced(136.0 / z ** (1 / 3) * least / product, z)
    shape = (1.0 - 2.0 * product) * phi_1 + 2.0 / 3.0 * product * phi_2
    return np.where(inside, tsai_factor(z) * shape, 0.0)


def bremsstrahlung_spectrum(photon_mev, total_mev, z):
    """Bethe-Heitler: k d(sigma)/dk of bremsstrahlung in the field of an atom.

    Parameters
    ----------
    photon_mev : ndarray
        Energy of the photon.
    total_mev : ndarray
        Total energy of the electron.
    z : ndarray
        Atomic number.

    Returns
    -------
    ndarray
        cm2 per atom; zero beyond the electron's kinetic energy.
    """
    y = photon_mev / total_mev
    inside = photon_mev < total_mev - ELECTRON_MASS_MEV
    y = np.where(inside, y, 0.5)
    delta = 136.0 / z ** (1 / 3) * ELECTRON_MASS_MEV / total_mev * y / (1.0 - y)
    phi_1, phi_2 = _reduced(delta, z)
    shape = (1.0 + (1.0 - y) ** 2) * phi_1 - 2.0 / 3.0 * (1.0 - y) * phi_2
    return np.where(inside, tsai_factor(z) * shape, 0.0)


def _integral(function, low, high):
    """Integrals of a function between arrays of limits, by Gauss and Legendre."""
    half = 0.5 * (high - low)[:, None]
    x = half * _NODES + 0.5 * (high + low)[:, None]
    return (function(x) * _WEIGHTS).sum(axis=1) * half[:, 0]


def _over_elements(function, low, high):
    return sum(
        n * _integral(lambda x, z=z: function(x, z), low, high)
        for n, z in zip(ATOMS_PER_GRAM, ATOMIC_NUMBER, strict=True)
    )


def _scale(energy_mev, table):
    return np.interp(np.log(energy_mev), np.log(table[0]), table[1])


def pair(photon_mev, scaled=True):
    """Total cross-section of pair production.

    Parameters
    ----------
    photon_mev : ndarray of float64, shape (n,)
        Energy of the photon.
    scaled : bool
        Scaled to NIST's at low energy.

    Returns
    -------
    ndarray
        cm2/g.
    """
    k = np.maximum(np.asarray(photon_mev, dtype=float), 2.0 * ELECTRON_MASS_MEV)
    total = 2.0 * _over_elements(
        lambda x, z: pair_spectrum(x, k[:, None], z), ELECTRON_MASS_MEV / k, np.full(k.shape, 0.5)
    )
    return total * _scale(k, _PAIR_SCALE) if scaled else total


def bremsstrahlung(kinetic_mev, low_mev, high_mev, power=0, scaled=True):
    """Bremsstrahlung between two photon energies: number of photons, or their energy.

    Parameters
    ----------
    kinetic_mev, low_mev, high_mev : ndarray of float64, shape (n,)
        Kinetic energy of the electron; limits of the photon's energy, cut at the kinetic energy.
    power : int
        0: photons per g/cm2; 1: energy in MeV per g/cm2.
    scaled : bool
        Scaled to NIST's radiative stopping power at low energy.

    Returns
    -------
    ndarray
        Photons or MeV per g/cm2.
    """
    kinetic = np.asarray(kinetic_mev, dtype=float)
    total = (kinetic + ELECTRON_MASS_MEV)[:, None]
    high = np.minimum(high_mev, kinetic)
    low = np.minimum(low_mev, high)

    def of_log(u, z):
        k = np.exp(u)
        return bremsstrahlung_spectrum(k, total, z) * k**power

    result = _over_elements(of_log, np.log(low), np.log(high))
    return result * _scale(kinetic, _BREMSSTRAHLUNG_SCALE) if scaled else result


def compton(photon_mev):
    """Total cross-section of Compton scattering (Klein-Nishina, free electrons).

    Parameters
    ----------
    photon_mev : ndarray
        Energy of the photon.

    Returns
    -------
    ndarray
        cm2/g.
    """
    k = np.asarray(photon_mev, dtype=float) / ELECTRON_MASS_MEV
    log = np.log1p(2.0 * k)
    first = (1.0 + k) / k**2 * (2.0 * (1.0 + k) / (1.0 + 2.0 * k) - log / k)
    last = log / (2.0 * k) - (1.0 + 3.0 * k) / (1.0 + 2.0 * k) ** 2
    return 2.0 * np.pi * ELECTRON_RADIUS_CM**2 * ELECTRONS_PER_GRAM * (first + last)


def annihilation(kinetic_mev):
    """Total cross-section of annihilation in flight into two photons (Heitler).

    Parameters
    ----------
    kinetic_mev : ndarray
        Kinetic energy of the positron.

    Returns
    -------
    ndarray
        cm2/g.
    """
    gamma = 1.0 + np.asarray(kinetic_mev, dtype=float) / ELECTRON_MASS_MEV
    root = np.sqrt(gamma**2 - 1.0)
    shape = (gamma**2 + 4.0 * gamma + 1.0) / root**2 * np.log(gamma + root) - (gamma + 3.0) / root
    return np.pi * ELECTRON_RADIUS_CM**2 * ELECTRONS_PER_GRAM / (gamma + 1.0) * shape


# Photoabsorption by a nucleus of air below 2 GeV: giant dipole resonance, quasi-deuterons, Delta.
_NUCLEAR_MEV = (10.0, 15.0, 20.0, 23.0, 26.0, 30.0, 40.0, 60.0, 100.0, 140.0, 200.0, 260.0, 320.0)
_NUCLEAR_MB = (0.01, 3.0, 12.0, 18.0, 12.0, 8.0, 4.0, 2.4, 1.6, 1.6, 3.2, 5.6, 6.1)
_RESONANCE_MEV = (400.0, 500.0, 700.0, 1000.0, 1500.0, 2000.0)
_RESONANCE_MB = (5.0, 3.3, 3.0, 2.7, 2.2, 1.96)
_SHADOWED_NUCLEONS = 11.5  # 14.5^0.91
_PROTON_MASS_GEV = 0.93827


def photonuclear(photon_mev):
    """Cross-section of photonuclear reactions.

    Parameters
    ----------
    photon_mev : ndarray
        Energy of the photon.

    Returns
    -------
    ndarray
        cm2/g.
    """
    k = np.asarray(photon_mev, dtype=float)
    s = _PROTON_MASS_GEV**2 + 2.0 * _PROTON_MASS_GEV * np.maximum(k, 2000.0) * 1e-3
    high = _SHADOWED_NUCLEONS * (0.0677 * s**0.0808 + 0.129 * s**-0.4525)
    nodes = np.log(np.array(_NUCLEAR_MEV + _RESONANCE_MEV))
    low = np.exp(np.interp(np.log(k), nodes, np.log(np.array(_NUCLEAR_MB + _RESONANCE_MB))))
    millibarn = np.where(k > 2000.0, high, np.where(k < _NUCLEAR_MEV[0], 0.0, low))
    return millibarn * _CM2_PER_MB * ATOMS_PER_GRAM.sum()


def muon_pair_log(x, photon_mev, z, a):
    """Logarithm ln W of muon pair production (Burkhardt, Kelner and Kokoulin, equation 4).

    Parameters
    ----------
    x : ndarray
        Part of the energy that one muon takes.
    photon_mev : ndarray
        Energy of the photon.
    z, a : float
        Atomic number and mass number.

    Returns
    -------
    ndarray
        ln W, zero where W is below one.
    """
    root_e = 1.6487212707
    nuclear_size = 1.54 * a**0.27
    transfer = MUON_MASS_MEV**2 / (2.0 * photon_mev * x * (1.0 - x))
    infinite = 183.0 / z ** (1 / 3) / nuclear_size * MUON_MASS_MEV / ELECTRON_MASS_MEV
    above = 1.0 + (nuclear_size * root_e - 2.0) * transfer / MUON_MASS_MEV
    below = 1.0 + 183.0 / z ** (1 / 3) * root_e * transfer / ELECTRON_MASS_MEV
    return np.log(np.maximum(infinite * above / below, 1.0))


def muon_pair(photon_mev):
    """Total cross-section of the production of muon pairs.

    Parameters
    ----------
    photon_mev : ndarray of float64, shape (n,)
        Energy of the photon.

    Returns
    -------
    ndarray
        cm2/g.
    """
    k = np.asarray(photon_mev, dtype=float)
    low = 0.5 - np.sqrt(np.maximum(0.25 - MUON_MASS_MEV / k, 0.0))
    radius = ELECTRON_RADIUS_CM * ELECTRON_MASS_MEV / MUON_MASS_MEV
    total = np.zeros(k.shape)
    for n, z, a in zip(ATOMS_PER_GRAM, ATOMIC_NUMBER, MASS_NUMBER, strict=True):

        def shape(x, z=z, a=a):
            inside = (x > 0.0) & (x < 1.0)
            x = np.where(inside, x, 0.5)
            return (1.0 - 4.0 / 3.0 * x * (1.0 - x)) * muon_pair_log(x, k[:, None], z, a)

        total += n * 8.0 * FINE_STRUCTURE * z**2 * radius**2 * _integral(shape, low, 0.5)
    return np.where(k > 2.0 * MUON_MASS_MEV, total, 0.0)
