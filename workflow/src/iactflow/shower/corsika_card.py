"""Input card of CORSIKA for a chunk of a production.

Keywords: D. Heck and J. Knapp, *Extensive Air Shower Simulation with CORSIKA: A User's Guide*,
section 4, and the manual of K. Bernloehr's IACT/ATMO package. The program must be compiled with
the options CERENKOV, IACT, ATMEXT and, for diffuse particles, VIEWCONE. What it writes is read by
`iactflow.io.corsika`.

CORSIKA's x axis points to magnetic north, ours to geographic north: ``ARRANG`` is the declination,
and the azimuth of flight ``PHIP``, counted from magnetic north towards the west, is ``180 deg -
azimuth + declination`` with our azimuth, from which the particle comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.instrument.description import Site
from iactflow.shower.primaries import PARTICLE_ID

__all__ = ["CardFiles", "render_card", "source_direction"]

MAX_SEED = 900_000_000
N_SEQUENCES = 4  # hadrons, electrons and photons, Cherenkov light, IACT
# CORSIKA prints run numbers with six digits, and keeps event numbers in single precision.
MAX_RUN, MAX_EVENT = 1_000_000, 2**24
MAX_REUSE = 20
# Kinetic energies in GeV of hadrons, muons, electrons, photons: below, none radiates in air.
CUTS_GEV = (0.3, 0.1, 0.02, 0.02)
BUNCH_SIZE = 5.0


@dataclass(frozen=True)
class CardFiles:
    """Files that a card names, relative to the folder in which CORSIKA runs, or absolute.

    Attributes
    ----------
    photons : str
        Output, in the eventio format.
    profile : str
        Atmosphere in CORSIKA's ``atmprof`` format
        (`iactflow.atmosphere.profile.write_atmprof`).
    """

    photons: str
    profile: str


def source_direction(settings: dict) -> tuple[float, float]:
    """Zenith angle and azimuth of a production's particles, or of the centre of their cone.

    Parameters
    ----------
    settings : dict
        Block of a production: ``zenith_deg``, ``azimuth_deg``, ``offset_deg``,
        ``offset_angle_deg``.

    Returns
    -------
    tuple of two float
        Zenith angle; azimuth from north through east, inside [0, 360); in degrees.
    """
    zenith, offset, angle = (
        math.radians(settings[key]) for key in ("zenith_deg", "offset_deg", "offset_angle_deg")
    )
    # Components up, along the pointing's horizontal direction, and to larger azimuth.
    up = math.cos(zenith) * math.cos(offset)
    up += math.sin(zenith) * math.sin(offset) * math.cos(angle)
    out = math.sin(zenith) * math.cos(offset)
    out -= math.cos(zenith) * math.sin(offset) * math.cos(angle)
    side = math.sin(offset) * math.sin(angle)
    azimuth = settings["azimuth_deg"] + math.degrees(math.atan2(side, out))
    return math.degrees(math.atan2(math.hypot(out, side), up)), azimuth % 360.0


def render_card(
    settings: dict,
    site: Site,
    spheres_m,
    band_nm: tuple[float, float],
    seed: int,
    run: int,
    showers: tuple[int, int],
    files: CardFiles,
) -> str:
    """Input card of CORSIKA.

    Parameters
    ----------
    settings : dict
        Block of a production, with the pointing filled in.
    site : Site
        Altitude and magnetic field.
    spheres_m : array_like, shape (n_tel, 4)
        Centres of the telescopes' spheres (north, west, up from the observation level) and radii.
    band_nm : tuple of two float
        Band of the Cherenkov light.
    seed : int
        Seed of the campaign.
    run : int
        Run.
    showers : tuple of two int
        First and last shower of the chunk.
    files : CardFiles
        Files.

    Returns
    -------
    str
        The card. The seeds belong to its first shower: unlike our own showers, those of CORSIKA
        depend on the chunks into which a run is cut.

    Raises
    ------
    InputError
        If CORSIKA cannot do what the production asks for.
    """
    first, last = showers
    name = f"simulations.{settings['name']}"
    for key, value, most in (
        ("n_showers", last, MAX_EVENT),
        ("shower_reuse", settings["shower_reuse"], MAX_REUSE),
    ):
        if value > most:
            raise InputError(name, key, value, f"at most {most} with CORSIKA")
    lines = [
        *_run_lines(settings, seed, run, first, last),
        *_direction_lines(settings, site),
        *_site_lines(site, files),
        *_telescope_lines(settings, spheres_m),
        *_physics_lines(),
        *_light_lines(band_nm),
        *_output_lines(files),
    ]
    return "\n".join([*(" ".join(map(str, line)) for line in lines), "EXIT", ""])


def _run_lines(settings, seed, run, first, last):
    key = StreamKey(seed, "corsika", settings["particle"], run, first)
    seeds = key.generator().integers(1, MAX_SEED, size=N_SEQUENCES, endpoint=True)
    low, high = (1000.0 * settings[f"energy_{end}_tev"] for end in ("min", "max"))
    return [
        ("RUNNR", run % MAX_RUN),
        ("EVTNR", first),
        ("NSHOW", last - first + 1),
        *(("SEED", int(value), 0, 0) for value in seeds),
        ("PRMPAR", PARTICLE_ID[settings["particle"]]),
        ("ERANGE", _number(low), _number(high)),
        ("ESLOPE", _number(-settings["spectral_index"])),
    ]


def _direction_lines(settings, site):
    zenith, azimuth = source_direction(settings)
    phi = (180.0 - azimuth + _declination(site)) % 360.0
    lines = [
        ("THETAP", _number(zenith), _number(zenith)),
        ("PHIP", _number(phi), _number(phi)),
    ]
    if settings["viewcone_deg"] > 0.0:
        lines.append(("VIEWCONE", "0.", _number(settings["viewcone_deg"])))
    return lines


def _declination(site):
    """Direction of magnetic north, eastward of geographic north, in deg."""
    return math.degrees(math.atan2(-site.magnetic_west_ut, site.magnetic_north_ut))


def _site_lines(site, files):
    horizontal = math.hypot(site.magnetic_north_ut, site.magnetic_west_ut)
    return [
        ("OBSLEV", _number(100.0 * site.altitude_m)),
        ("MAGNET", _number(horizontal), _number(-site.magnetic_up_ut)),
        ("ARRANG", _number(_declination(site))),
        ("ATMOSPHERE", 99, "Y"),  # Y: light is refracted
        ("IACT", "ATMOFILE", files.profile),
    ]


def _telescope_lines(settings, spheres_m):
    spheres = np.asarray(spheres_m, dtype=np.float64)
    if spheres.ndim != 2 or spheres.shape[1:] != (4,) or not len(spheres):
        raise InputError("CORSIKA card", "spheres", spheres.shape, "shape (n_tel, 4)")
    radius_cm = 100.0 * settings["core_radius_max_m"]
    return [
        *(("TELESCOPE", *(_number(100.0 * value) for value in row)) for row in spheres),
        ("CSCAT", settings["shower_reuse"], _number(radius_cm), "0."),
    ]


def _physics_lines():
    return [
        ("FIXHEI", "0.", 0),
        ("FIXCHI", "0."),
        ("TSTART", "T"),  # times count from the top of the atmosphere; the primary emits too
        ("ECUTS", *CUTS_GEV),
        ("ELMFLG", "F", "T"),
        ("MUMULT", "T"),
        ("MUADDI", "F"),
        ("ECTMAP", "1.E6"),
    ]


def _light_lines(band_nm):
    return [
        ("CERSIZ", BUNCH_SIZE),
        ("CWAVLG", *(_number(value) for value in band_nm)),
        ("CERFIL", 0),
    ]


def _output_lines(files):
    return [
        ("LONGI", "T", "20.", "F", "F"),
        ("MAXPRT", 0),
        ("PAROUT", "F", "F"),
        ("DATBAS", "F"),
        ("DEBUG", "F", 6, "F", 1000000),
        ("DIRECT", "./"),
        # Photons of large showers in a block per telescope, so that no buffer holds all of them.
        ("IACT", "SPLIT_AUTO", "15M"),
        ("IACT", "IO_BUFFER", "800MB"),
        ("TELFIL", files.photons),
    ]


def _number(value):
    """A number with a point, as CORSIKA's free format reads reals."""
    text = f"{value:.6f}".rstrip("0")
    return "0." if text in ("-0.", "0.") else text
