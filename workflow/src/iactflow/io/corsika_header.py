"""What the headers and the input card of a CORSIKA IACT file say, in our units and frame.

Words are numbered as in the tables of the CORSIKA User's Guide (section 10, "run header", "event
header"), from 1; angles in radians, lengths in cm, energies in GeV there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iactflow.errors import InputError
from iactflow.io.corsika_thrown import CorsikaThrown, make_thrown

__all__ = ["CorsikaRun", "CorsikaShower", "card_lines", "make_run", "make_shower"]

CM = 0.01
# Words of the run header.
RUN_NUMBER, VERSION, RUN_LEVELS = 2, 4, 5
AATM, BATM, CATM = 255, 260, 265
# Words of the event header.
EVENT_NUMBER, PARTICLE, ENERGY, STARTING_DEPTH, FIRST_INTERACTION = 2, 3, 4, 5, 7
MOMENTUM = 8  # px, py, -pz
ZENITH, AZIMUTH = 11, 12
LEVELS, FIRST_LEVEL = 47, 48
CUTS = 61  # hadrons, muons, electrons, photons
FIELD_X, FIELD_Z = 71, 72
CERENKOV_FLAG, BUNCH_SIZE, ROTATION = 77, 85, 93
WAVE_MIN, WAVE_MAX = 96, 97
THINNING, STARTING_HEIGHT = 148, 158
# Bits of the Cherenkov flag.
FLAG_TABLE, FLAG_REFRACTION, FLAG_CURVED = 8, 16, 64


@dataclass(frozen=True)
class CorsikaRun:
    """What holds for all showers of a file.

    Attributes
    ----------
    path : str
        File.
    run_number : int
        Run.
    version : float
        CORSIKA's version.
    card : str
        Input card; empty where the file has none.
    observation_level_m : float
        Height above sea level; z = 0 of all coordinates.
    telescopes_m : ndarray of float64, shape (n, 4)
        Spheres: x, y, z of the centre, radius.
    wavelength_min_nm, wavelength_max_nm : float
        Band of the photons.
    bunch_size : float
        Largest number of photons in a bunch.
    magnetic_ut : tuple of three float
        Field in the frame of the telescopes: along x, along y, up.
    rotation_deg : float
        ``ARRANG``: angle of the telescopes' x axis from magnetic north, to the west.
    cuts_gev : tuple of four float
        Kinetic energies below which hadrons, muons, electrons, photons are dropped.
    atmosphere : int
        Number of the external table; 0: CORSIKA's own layers.
    profile : ndarray of float64, shape (n, 4), or None
        Embedded table: height in m, density in g/cm3, thickness in g/cm2, n - 1.
    layers : ndarray of float64, shape (3, 5)
        Five layers: a and b in g/cm2, c in cm.
    boundaries_m : tuple of five float, or None
        Their lower boundaries, where the file says.
    refraction : bool
        Whether light was refracted.
    efficiencies : tuple of str
        Efficiencies that CORSIKA applied to the photons: ``CERQEF`` keywords quantum efficiency,
        extinction, mirrors. Empty: none.
    thinned : bool
        Whether particles were thinned.
    fixed_height_m : float
        Height above sea level at which the first interaction was forced (``FIXHEI``); 0: free.
    thrown : CorsikaThrown
        Primaries and cores, as the headers announce them.
    """

    path: str
    run_number: int
    version: float
    card: str
    observation_level_m: float
    telescopes_m: np.ndarray
    wavelength_min_nm: float
    wavelength_max_nm: float
    bunch_size: float
    magnetic_ut: tuple[float, float, float]
    rotation_deg: float
    cuts_gev: tuple[float, float, float, float]
    atmosphere: int
    profile: np.ndarray | None
    layers: np.ndarray
    boundaries_m: tuple[float, ...] | None
    refraction: bool
    efficiencies: tuple[str, ...]
    thinned: bool
    fixed_height_m: float
    thrown: CorsikaThrown


@dataclass(frozen=True)
class CorsikaShower:
    """A shower and its photons at the telescopes.

    Attributes
    ----------
    event_number, particle_id : int
        Number in the run; primary in CORSIKA's numbering (1 gamma, 2 positron, 3 electron ...).
    energy_tev : float
        Total energy of the primary.
    direction : ndarray of float64, shape (3,)
        Direction of flight in the frame of the telescopes, a unit vector.
    altitude_deg, azimuth_deg : float
        Where the primary comes from, azimuth from the x axis (north) through east, from 0 to 360.
    first_interaction_m : float
        Height of the first interaction above sea level.
    starting_height_m, starting_depth_g_cm2 : float
        Where the primary started: height above sea level, 0 where the file does not say; vertical
        thickness (``FIXCHI``), 0 for the top of the atmosphere.
    from_start : bool
        Whether the primary itself was followed, and emitted light, before its first interaction.
    cores_m : ndarray of float64, shape (n_reuse, 2)
        Cores in the frame of the telescopes.
    weights : ndarray of float64, shape (n_reuse,)
        Weights of cores; 1 unless they were importance-sampled.
    photons : list of dict
        Per re-use: index of the telescope -> float32 (n, 8), columns as in the table
        ``photon_bunches``.
    """

    event_number: int
    particle_id: int
    energy_tev: float
    direction: np.ndarray
    altitude_deg: float
    azimuth_deg: float
    first_interaction_m: float
    starting_height_m: float
    starting_depth_g_cm2: float
    from_start: bool
    cores_m: np.ndarray
    weights: np.ndarray
    photons: list


def card_lines(card: str, key: str) -> list[list[str]]:
    """Arguments of a keyword in an input card.

    Parameters
    ----------
    card : str
        Card.
    key : str
        Keyword, upper case.

    Returns
    -------
    list of list of str
        One list of words for each line with the keyword.
    """
    lines = [line.split("#", 1)[0].split() for line in card.splitlines()]
    return [words[1:] for words in lines if words and words[0].upper() == key]


def _numbers(card, key, n):
    """The first n arguments of a keyword's last line, or None where they are no numbers."""
    lines = card_lines(card, key)
    if not lines or len(lines[-1]) < n:
        return None
    try:
        return tuple(float(word) for word in lines[-1][:n])
    except ValueError:
        return None


def _word(words, number):
    return float(words[number - 1])


def make_run(path, start: dict, event: np.ndarray) -> CorsikaRun:
    """What holds for the run, from the blocks before the first event and its header.

    Parameters
    ----------
    path : str or Path
        File.
    start : dict
        ``header`` (273 words), ``card``, ``telescopes``, ``atmosphere`` (parsed block or None).
    event : ndarray of float64, shape (273,)
        Words of the first event header.

    Returns
    -------
    CorsikaRun
        The run.

    Raises
    ------
    InputError
        If the file has no telescopes or no band of wavelengths.
    """
    header, card = start["header"], start["card"]
    if not len(start["telescopes"]):
        raise InputError(path, "telescopes", 0, "at least one")
    band = _word(event, WAVE_MIN), _word(event, WAVE_MAX)
    if not 0.0 < band[0] < band[1]:
        raise InputError(path, "wavelengths", band, "a band in nm")
    rotation = _word(event, ROTATION)
    flag = int(_word(event, CERENKOV_FLAG))
    number, profile, boundaries = _atmosphere(start["atmosphere"], card, flag)
    fixed = _numbers(card, "FIXHEI", 1)
    return CorsikaRun(
        path=str(path),
        run_number=int(_word(header, RUN_NUMBER)),
        version=round(_word(header, VERSION), 4),
        card=card,
        observation_level_m=_level(header, event) * CM,
        telescopes_m=start["telescopes"],
        wavelength_min_nm=band[0],
        wavelength_max_nm=band[1],
        bunch_size=_word(event, BUNCH_SIZE),
        magnetic_ut=_field(_word(event, FIELD_X), _word(event, FIELD_Z), rotation),
        rotation_deg=math.degrees(rotation),
        cuts_gev=tuple(event[CUTS - 1 : CUTS + 3].tolist()),
        atmosphere=number,
        profile=profile,
        layers=np.array([header[word - 1 : word + 4] for word in (AATM, BATM, CATM)]),
        boundaries_m=boundaries,
        refraction=bool(flag & FLAG_REFRACTION),
        efficiencies=_efficiencies(card),
        thinned=bool(np.any(event[THINNING - 1 : THINNING + 1] > 0.0)),
        fixed_height_m=fixed[0] * CM if fixed else 0.0,
        thrown=make_thrown(header, event),
    )


def _level(header, event):
    """Lowest observation level in cm: where the Cherenkov light is recorded."""
    for words, count, first in ((event, LEVELS, FIRST_LEVEL), (header, RUN_LEVELS, RUN_LEVELS + 1)):
        n = int(_word(words, count))
        if 1 <= n <= 10:
            return float(words[first - 1 + n - 1])
    return 0.0


def _field(horizontal, down, rotation):
    """Field along the telescopes' axes: x, y, up."""
    return (horizontal * math.cos(rotation), -horizontal * math.sin(rotation), -down)


def _atmosphere(block, card, flag):
    """Number of the external table, the table, and the boundaries of the layers."""
    number = flag // 1024 if flag & FLAG_TABLE else 0
    layers = _numbers(card, "ATMLAY", 4)
    boundaries = None if layers is None else (0.0, *(height * CM for height in layers))
    if block is None:
        return number, None, boundaries
    names = ("altitude_km", "rho", "thickness", "refractive_index_minus_1")
    profile = np.column_stack([np.asarray(block[name], dtype=np.float64) for name in names])
    profile[:, 0] *= 1000.0
    if block["five_layer_atmosphere"] is not None:
        boundaries = tuple(float(v) * CM for v in block["five_layer_atmosphere"][:, 0])
    return int(block["id"]), profile if len(profile) else None, boundaries


def _efficiencies(card):
    """Efficiencies switched on by CERQEF: quantum efficiency, extinction, mirrors."""
    lines = card_lines(card, "CERQEF")
    if not lines:
        return ()
    names = ("quantum efficiency", "atmospheric extinction", "mirror reflectivity")
    words = lines[-1][:3]
    return tuple(
        name
        for name, word in zip(names, words, strict=False)
        if word.upper().strip(".").startswith(("T", "1"))
    )


def make_shower(path, words, run: CorsikaRun, offsets, photons) -> CorsikaShower:
    """A shower from its event header, its array offsets and its photons.

    Parameters
    ----------
    path : str or Path
        File.
    words : ndarray of float64, shape (273,)
        Event header.
    run : CorsikaRun
        Run.
    offsets : structured array or None
        Offsets of the array, x and y in cm, and weights where cores were importance-sampled.
    photons : list of dict
        Bunches per re-use.

    Returns
    -------
    CorsikaShower
        The shower.

    Raises
    ------
    InputError
        If the number of re-uses disagrees between blocks, or the direction is not downward.
    """
    event = int(_word(words, EVENT_NUMBER))
    n = len(photons)
    if offsets is None or len(offsets) != n:
        found = f"{0 if offsets is None else len(offsets)} offsets, {n} re-uses"
        raise InputError(path, f"event {event}", found, "one offset for each re-use")
    direction = _direction(words, math.radians(run.rotation_deg))
    if not direction[2] < 0.0:
        raise InputError(path, f"event {event} direction", direction.tolist(), "downward")
    weighted = offsets.dtype.names is not None and "weight" in offsets.dtype.names
    first = _word(words, FIRST_INTERACTION) * CM
    return CorsikaShower(
        event_number=event,
        particle_id=int(_word(words, PARTICLE)),
        energy_tev=_word(words, ENERGY) / 1000.0,
        direction=direction,
        altitude_deg=math.degrees(math.asin(-direction[2])),
        azimuth_deg=math.degrees(math.atan2(direction[1], -direction[0])) % 360.0,
        first_interaction_m=abs(first),
        starting_height_m=_word(words, STARTING_HEIGHT) * CM,
        starting_depth_g_cm2=_word(words, STARTING_DEPTH),
        from_start=first < 0.0,
        cores_m=-CM * np.column_stack([offsets["x"], offsets["y"]]).astype(np.float64),
        weights=np.asarray(offsets["weight"] if weighted else np.ones(n), dtype=np.float64),
        photons=photons,
    )


def _direction(words, rotation):
    """Unit vector of flight in the frame of the telescopes."""
    zenith, azimuth = _word(words, ZENITH), _word(words, AZIMUTH) - rotation
    sine = math.sin(zenith)
    return np.array([sine * math.cos(azimuth), sine * math.sin(azimuth), -math.cos(zenith)])
