"""Cross-sections of hadrons and nuclei in air, as inverse mean free paths.

From 10 GeV in the centre of mass on they are Sibyll's: production on nitrogen and oxygen (Riehn et
al., Phys. Rev. D 102 (2020) 063002, section II). Below, down to `production_mev`, they follow the
inelastic cross-section s of hadron and nucleon through ln(1 + A s / (pi R^2)) (Grichine, Eur. Phys.
J. C 62 (2009) 399, eq. 22), in proportion to Sibyll's value at its lower end; s is total minus
elastic of the CERN-HERA fits (Particle Data Group, Phys. Rev. D 50 (1994) 1173, p. 1335), constant
below their ranges. The same ratio tells antinucleons from nucleons and negative from positive kaons
at all energies.

Below `production_mev` nearly elastic breakups of nuclei count, in cross-sections as in events of
UrQMD: nucleons have the inelastic cross-sections of Letaw, Silberberg and Tsao, Astrophys. J.
Suppl. 51 (1983) 271; those of other hadrons stay larger by the same ratio, without resonances.

Nuclei: Sibyll's Monte Carlo of Glauber's model on nitrogen (Engel et al., Phys. Rev. D 46 (1992)
5013) at four mass numbers, a parabola in the logarithm of the energy, constant below 10 GeV in the
centre of mass; other mass numbers by interpolation of its root in A^(1/3).
"""

from __future__ import annotations

import numpy as np

from iactflow.campaign.streams import StreamKey
from iactflow.shower.air import ATOMS_PER_GRAM
from iactflow.shower.hadrons.fortran import draw_from
from iactflow.shower.hadrons.kinds import (
    HADRONS,
    LARGEST_MASS_NUMBER,
    NUCLEON_MASS_MEV,
    rest_mass_mev,
)
from iactflow.shower.hadrons.sibyll import (
    ABSORPTION_POWER,
    CLASSES,
    CODES,
    GEV,
    LEAST_CM_ENERGY_GEV,
    NITROGEN,
    OXYGEN,
    load_sibyll,
)
from iactflow.shower.hadrons.urqmd import production_mev

__all__ = [
    "cross_section_grid",
    "hadron_cross_section",
    "inelastic_nucleon_mb",
    "letaw_mb",
    "nuclear_cross_sections",
]

LOWEST_MEV, HIGHEST_MEV = 100.0, 1e9
NODES_PER_E = 10
_CM2_PER_MB = 1e-27
# CERN-HERA fits a + b p^n + c ln^2(p) + d ln(p) in mb, p in GeV/c: total, total on the other
# nucleon, elastic; range in which they are used.
_FITS = {
    "nucleon": (
        (48.0, 0.0, 0.0, 0.522, -4.51),
        (47.3, 0.0, 0.0, 0.513, -4.27),
        (11.9, 26.9, -1.21, 0.169, -1.85),
        (3.0, 2100.0),
    ),
    "antinucleon": (
        (38.4, 77.6, -0.64, 0.26, -1.2),
        (38.4, 77.6, -0.64, 0.26, -1.2),
        (10.2, 52.7, -1.16, 0.125, -1.28),
        (2.0, 2100.0),
    ),
    "K+": (
        (18.1, 0.0, 0.0, 0.26, -1.0),
        (18.7, 0.0, 0.0, 0.21, -0.89),
        (5.0, 8.1, -1.8, 0.16, -1.3),
        (2.0, 175.0),
    ),
    "K-": (
        (32.1, 0.0, 0.0, 0.66, -5.6),
        (25.2, 0.0, 0.0, 0.38, -2.9),
        (7.3, 0.0, 0.0, 0.29, -2.4),
        (3.0, 175.0),
    ),
}
_PIONS = (
    (
        (16.4, 19.3, -0.42, 0.19, 0.0),
        (33.0, 14.0, -1.36, 0.456, -4.03),
    ),
    (
        (0.0, 11.4, -0.40, 0.079, 0.0),
        (1.76, 11.2, -0.64, 0.043, 0.0),
    ),
    (3.0, 200.0),
)
# Hadrons by fit; a K0L is half K0, half its antiparticle, which isospin makes K+ and K-.
_FIT_OF = {
    8: ("pion",), 9: ("pion",), 10: ("K+", "K-"), 11: ("K+",), 12: ("K-",),
    13: ("nucleon",), 14: ("nucleon",), 15: ("antinucleon",), 25: ("antinucleon",),
}  # fmt: skip
# What Sibyll's cross-section of a class stands for.
_CLASS_FITS = {1: ("nucleon",), 2: ("pion",), 3: ("K+", "K-")}
# Mean mass number of air, and pi R^2 with the radius of Grichine (2009) for light nuclei.
_AIR_A = 14.5
_RADIUS_FM = 1.16 * (1.0 - 1.16 * _AIR_A ** (-2.0 / 3.0)) * _AIR_A ** (1.0 / 3.0)
_DISC_MB = 10.0 * np.pi * _RADIUS_FM**2
# Carbon, nitrogen, oxygen, argon: which of Sibyll's targets they are like.
_MASS_NUMBERS = np.array([12.0, 14.0, 16.0, 40.0])
_LIKE = np.array([NITROGEN, NITROGEN, OXYGEN, OXYGEN])
_NUCLEI = (4, 14, 28, 56)
_TRIALS, _N_ENERGIES = 4000, 8


def cross_section_grid() -> np.ndarray:
    """Energies of the tables.

    Returns
    -------
    ndarray of float64, shape (m,)
        ln(kinetic energy / MeV), uniform from 0.1 GeV to 1000 TeV.
    """
    ends = np.log(LOWEST_MEV), np.log(HIGHEST_MEV)
    return np.linspace(*ends, int(np.ceil((ends[1] - ends[0]) * NODES_PER_E)) + 1)


def _fit(parameters, momentum):
    a, b, n, c, d = parameters
    log = np.log(momentum)
    return a + b * momentum**n + c * log**2 + d * log


def inelastic_nucleon_mb(name: str, momentum_gev) -> np.ndarray:
    """Inelastic cross-section on the mean nucleon of an isoscalar nucleus (CERN-HERA fits).

    Parameters
    ----------
    name : str
        ``nucleon``, ``antinucleon``, ``pion``, ``K+`` or ``K-``.
    momentum_gev : array_like
        Momentum in the laboratory, GeV/c; outside the range of the fits that at its ends counts.

    Returns
    -------
    ndarray
        Millibarn.
    """
    if name == "pion":
        totals, elastics, limits = _PIONS
    else:
        first, second, elastic, limits = _FITS[name]
        totals, elastics = (first, second), (elastic, elastic)
    momentum = np.clip(np.asarray(momentum_gev, dtype=np.float64), *limits)
    parts = [_fit(t, momentum) - _fit(e, momentum) for t, e in zip(totals, elastics, strict=True)]
    return 0.5 * (parts[0] + parts[1])


def _shape(names: tuple[str, ...], momentum_gev):
    """Dependence of a cross-section on nuclei of air on that on nucleons."""
    nucleon = np.mean([inelastic_nucleon_mb(name, momentum_gev) for name in names], axis=0)
    return np.log1p(_AIR_A * nucleon / _DISC_MB)


def letaw_mb(mass_number, kinetic_mev) -> np.ndarray:
    """Inelastic cross-section of protons on nuclei (Letaw, Silberberg and Tsao 1983).

    Parameters
    ----------
    mass_number : array_like
        Of the nucleus.
    kinetic_mev : array_like
        Kinetic energy of the proton, MeV, above 10.

    Returns
    -------
    ndarray
        Millibarn.
    """
    size = np.asarray(mass_number, dtype=np.float64)
    energy = np.asarray(kinetic_mev, dtype=np.float64)
    high = 45.0 * size**0.7 * (1.0 + 0.016 * np.sin(5.3 - 2.63 * np.log(size)))
    return high * (1.0 - 0.62 * np.exp(-energy / 200.0) * np.sin(10.9 * energy**-0.28))


def _sibyll_per_gram(sibyll, row: int, cm_energies_gev: list[float]) -> np.ndarray:
    """Production in air by a class of hadrons, cm2/g."""
    cross_section = sibyll.library.sib_sigma_hnuc
    scale = (_MASS_NUMBERS / _LIKE) ** ABSORPTION_POWER
    total = np.zeros(len(cm_energies_gev))
    for target in (NITROGEN, OXYGEN):
        sigma = np.array([cross_section(row, target, e)[0] for e in cm_energies_gev])
        total += sigma * (ATOMS_PER_GRAM * scale)[target == _LIKE].sum()
    return total * _CM2_PER_MB


def _kinetic_at_limit(sibyll, kind: int) -> float:
    """Kinetic energy at the lower end of Sibyll, MeV."""
    mass, nucleon = rest_mass_mev(kind), NUCLEON_MASS_MEV
    return ((GEV * LEAST_CM_ENERGY_GEV) ** 2 - (mass + nucleon) ** 2) / (2.0 * nucleon)


def hadron_cross_section(kind: int, kinetic_mev) -> np.ndarray:
    """Cross-section of a hadron in air.

    Parameters
    ----------
    kind : int
        CORSIKA's number, one of `iactflow.shower.hadrons.kinds.HADRONS`.
    kinetic_mev : array_like
        Kinetic energies, MeV.

    Returns
    -------
    ndarray of float64
        Inverse mean free paths, cm2/g: production, below `production_mev` inelastic.
    """
    sibyll = load_sibyll()
    kinetic = np.atleast_1d(np.asarray(kinetic_mev, dtype=np.float64))
    mass, row = rest_mass_mev(kind), CLASSES[abs(CODES[kind])]
    limit, least = _kinetic_at_limit(sibyll, kind), production_mev(kind)
    energies = [sibyll.cm_energy_gev(kind, max(t, limit)) for t in kinetic]
    base = _sibyll_per_gram(sibyll, row, energies)

    def momentum(t):
        return np.sqrt(t * (t + 2.0 * mass)) / GEV

    produced = np.maximum(kinetic, least)
    of_the_class = momentum(np.maximum(produced, limit))
    result = base * _shape(_FIT_OF[kind], momentum(produced))
    result /= _shape(_CLASS_FITS[row], of_the_class)
    low = kinetic < least
    if low.any():
        result[low] = _inelastic(kind, kinetic[low], result[low])
    return result


def _inelastic(kind: int, kinetic_mev: np.ndarray, produced: np.ndarray) -> np.ndarray:
    """Inelastic cross-sections from those of production at the least energy of production."""
    limit = production_mev(14)
    letaw = letaw_mb(_MASS_NUMBERS[:, None], np.append(kinetic_mev, limit))
    nucleons = (ATOMS_PER_GRAM[:, None] * letaw).sum(axis=0) * _CM2_PER_MB
    if kind in (13, 14):
        return nucleons[:-1]
    return produced * nucleons[-1] / hadron_cross_section(14, limit)[0]


def _nuclear_mb(seed: int, mass_number: int, cm_energies_gev: np.ndarray) -> np.ndarray:
    """Production on nitrogen, by trials; smoothed by a parabola in ln(energy)."""
    library = load_sibyll().library
    generator = StreamKey(seed, "nuclear cross-sections", shower=mass_number).generator()
    draw_from(library, generator)
    found = []
    for energy in cm_energies_gev:
        library.sigma_nuc_nuc(mass_number, 14, energy, _TRIALS)
        found.append(float(library.nucnucsig.sigprod))
    return np.polyfit(np.log(cm_energies_gev), found, 2)


def nuclear_cross_sections(seed: int, log_kinetic: np.ndarray) -> np.ndarray:
    """Cross-sections of all nuclei up to iron in air.

    Parameters
    ----------
    seed : int
        Seed of the trials.
    log_kinetic : ndarray of float64, shape (m,)
        ln(kinetic energy of the whole nucleus / MeV).

    Returns
    -------
    ndarray of float64, shape (55, m)
        Inverse mean free paths of mass numbers 2 to 56, cm2/g.
    """
    sibyll = load_sibyll()
    limit = _kinetic_at_limit(sibyll, 14)
    highest = sibyll.cm_energy_gev(14, HIGHEST_MEV)
    energies = np.geomspace(LEAST_CM_ENERGY_GEV, highest, _N_ENERGIES)
    parabolas = [_nuclear_mb(seed, a, energies) for a in _NUCLEI]
    shares = np.append(limit, np.exp(log_kinetic[log_kinetic > np.log(limit)]))
    log_cm = np.log([sibyll.cm_energy_gev(14, t) for t in shares])
    proton = [sibyll.library.sib_sigma_hnuc(1, NITROGEN, e)[0] for e in np.exp(log_cm)]
    # Radii, by mass number and energy per nucleon.
    radii = np.sqrt(np.array([proton, *(np.polyval(p, log_cm) for p in parabolas)]))
    roots = np.cbrt([1.0, *_NUCLEI])
    result = np.empty((LARGEST_MASS_NUMBER - 1, log_kinetic.size))
    for a in range(2, LARGEST_MASS_NUMBER + 1):
        root = np.cbrt(a)
        i = min(int(np.searchsorted(roots, root, side="right")) - 1, roots.size - 2)
        part = (root - roots[i]) / (roots[i + 1] - roots[i])
        sigma = (radii[i] + part * (radii[i + 1] - radii[i])) ** 2
        # A larger target is a larger disc.
        disc = ((root + np.cbrt(_MASS_NUMBERS)) / (root + np.cbrt(NITROGEN))) ** 2
        per_mb = float((ATOMS_PER_GRAM * disc).sum()) * _CM2_PER_MB
        result[a - 2] = per_mb * np.interp(log_kinetic - np.log(a), np.log(shares), sigma)
    return result


def all_hadrons(log_kinetic: np.ndarray) -> np.ndarray:
    """Cross-sections of all hadrons in air.

    Parameters
    ----------
    log_kinetic : ndarray of float64, shape (m,)
        ln(kinetic energy / MeV).

    Returns
    -------
    ndarray of float64, shape (9, m)
        Inverse mean free paths in the order of `HADRONS`, cm2/g.
    """
    return np.array([hadron_cross_section(kind, np.exp(log_kinetic)) for kind in HADRONS])
