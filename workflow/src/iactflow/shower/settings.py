"""What a cascade is asked for: the primary particle, cuts, steps, channels."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from iactflow.errors import InputError
from iactflow.shower.species import is_known, mass_mev

__all__ = ["CascadeSettings", "Primary"]

LARGEST_ZENITH_DEG = 60.0
LARGEST_ENERGY_TEV = 1e3


@dataclass(frozen=True)
class Primary:
    """A primary particle.

    Attributes
    ----------
    particle_id : int
        CORSIKA's number: 1 photon, 2 positron, 3 electron, 5 and 6 positive and negative muon, 8
        and 9 pions, 10 to 12 kaons, 13 neutron, 14 proton, 15 and 25 antibaryons, 100 A + Z nuclei.
    energy_tev : float
        Total energy, of nuclei that of the whole nucleus.
    altitude_deg, azimuth_deg : float
        Direction it comes from; azimuth from north through east.
    start_height_m : float, optional
        Height above sea level at which it starts; in place of `start_depth_g_cm2`.
    start_depth_g_cm2 : float
        Slant depth at which it starts; zero: at the top of the atmosphere.

    Raises
    ------
    InputError
        If the particle is not known, the energy not inside (0, 1000] TeV, the zenith angle above
        60 deg, or the start below zero.
    """

    particle_id: int
    energy_tev: float
    altitude_deg: float = 90.0
    azimuth_deg: float = 0.0
    start_height_m: float | None = None
    start_depth_g_cm2: float = 0.0

    def __post_init__(self):
        if not is_known(self.particle_id):
            known = "1 to 3, 5, 6, 8 to 15, 25, 100 A + Z up to A = 56"
            raise InputError("primary", "particle_id", self.particle_id, known)
        least = mass_mev(float(self.particle_id)) * 1e-6
        if not least < self.energy_tev <= LARGEST_ENERGY_TEV:
            allowed = f"above the rest mass, up to {LARGEST_ENERGY_TEV:g} TeV"
            raise InputError("primary", "energy_tev", self.energy_tev, allowed)
        if not 90.0 - LARGEST_ZENITH_DEG <= self.altitude_deg <= 90.0:
            allowed = f"zenith angles up to {LARGEST_ZENITH_DEG:g} deg: the Earth is flat here"
            raise InputError("primary", "altitude_deg", self.altitude_deg, allowed)
        if not math.isfinite(self.azimuth_deg):
            raise InputError("primary", "azimuth_deg", self.azimuth_deg, "a number")
        if not 0.0 <= self.start_depth_g_cm2 < math.inf:
            allowed = "zero or more"
            raise InputError("primary", "start_depth_g_cm2", self.start_depth_g_cm2, allowed)

    @property
    def direction(self) -> tuple[float, float, float]:
        """Direction of flight: x to the north, y to the west, z up."""
        altitude, azimuth = math.radians(self.altitude_deg), math.radians(self.azimuth_deg)
        flat = math.cos(altitude)
        return (-flat * math.cos(azimuth), flat * math.sin(azimuth), -math.sin(altitude))


@dataclass(frozen=True)
class CascadeSettings:
    """Cuts, steps and channels of the cascade.

    Attributes
    ----------
    electron_cut_mev, photon_cut_mev : float
        Kinetic energies below which nothing is followed; also the thresholds of production: what
        is emitted or knocked on below is a continuous loss.
    max_step_x0 : float
        Longest step in radiation lengths.
    max_loss_fraction : float
        Largest part of the kinetic energy lost continuously in a step.
    max_angle_rad : float
        Largest rms angle of multiple scattering in a step.
    max_bend_rad : float
        Largest deflection by the magnetic field in a step.
    magnetic_field_ut : tuple of three float
        Magnetic field in microtesla: to the north, to the west, up.
    drop_dark : bool
        Leave out particles that cannot radiate any more on their way to the ground.
    record_all : bool
        Hand on all steps, not only those above the threshold of Cherenkov light.
    photonuclear : bool
        Absorption of photons by nuclei: where hadrons are followed, a photon then interacts as a
        charged pion. Without models of hadrons its energy goes to the tally's ``hadronic`` and
        gives no light: off by default for that reason, since 1.5 to 2.5 % of the energy would be
        lost, and some showers (0.3 %) entirely.
    muon_pairs, muon_decay : bool
        Channels.
    fixed_emission_angle : bool
        Emit photons of bremsstrahlung and pairs all at the angle m / E, as EGS4 does (SLAC-265), in
        place of Schiff's distribution: to compare with what was made with it.
    profile_step_g_cm2 : float
        Slant depth between the levels at which charged particles are counted.

    Raises
    ------
    InputError
        If a number is outside its range.
    """

    electron_cut_mev: float = 10.0
    photon_cut_mev: float = 10.0
    max_step_x0: float = 0.1
    max_loss_fraction: float = 0.15
    max_angle_rad: float = 0.2
    max_bend_rad: float = 0.1
    magnetic_field_ut: tuple[float, float, float] = (0.0, 0.0, 0.0)
    drop_dark: bool = True
    record_all: bool = False
    photonuclear: bool = False
    muon_pairs: bool = True
    muon_decay: bool = True
    fixed_emission_angle: bool = False
    profile_step_g_cm2: float = 10.0

    def __post_init__(self):
        ranges = {
            "electron_cut_mev": (0.5, 1e4),
            "photon_cut_mev": (0.5, 1e4),
            "max_step_x0": (1e-4, 1.0),
            "max_loss_fraction": (1e-3, 0.3),
            "max_angle_rad": (1e-3, 0.5),
            "max_bend_rad": (1e-3, 0.5),
            "profile_step_g_cm2": (1.0, 100.0),
        }
        for key, (low, high) in ranges.items():
            value = getattr(self, key)
            if not low <= value <= high:
                raise InputError("cascade settings", key, value, f"from {low:g} to {high:g}")
        field = self.magnetic_field_ut
        if len(field) != 3 or not all(math.isfinite(b) and abs(b) <= 100.0 for b in field):
            allowed = "three numbers of at most 100"
            raise InputError("cascade settings", "magnetic_field_ut", field, allowed)
        for item in fields(self):
            if item.type == "bool" and not isinstance(getattr(self, item.name), bool):
                raise InputError(
                    "cascade settings", item.name, getattr(self, item.name), "true or false"
                )
