"""Runs, showers and their events as a file of sim_telarray tells them.

Objects 2000 (run), 2001 (simulation), 2020 (shower), 2021 (its re-use at a core) and 100
(histograms), laid out as in the hessio library of sim_telarray.
"""

from __future__ import annotations

import math

import numpy as np

from iactflow.io.simtel_fields import Fields

__all__ = [
    "EVENT_HISTOGRAMS",
    "clip_altitude",
    "corsika_particle",
    "read_core",
    "read_histograms",
    "read_run",
    "read_shower",
    "read_simulation",
]

MAX_TELESCOPES = 1000
HALF_PI = 0.5 * math.pi
# Single precision puts the zenith above pi / 2.
ZENITH_TOLERANCE = 1e-6
# sim_telarray's particles: 0 gamma, 1 electron, 2 muon, 100 A + Z nuclei and nucleons, negative for
# antiparticles.
PARTICLES = {0: 1, -1: 2, 1: 3, -2: 5, 2: 6, 100: 13, 101: 14, -101: 15, -100: 25}
# Histograms of all events over core distance and log10 of the energy, without weights: with the
# distance in the shower plane, and at the ground in files that have no other.
EVENT_HISTOGRAMS = (6, 1)


def corsika_particle(particle: int) -> int:
    """CORSIKA's number of a particle; 0 where there is none.

    Parameters
    ----------
    particle : int
        sim_telarray's number.

    Returns
    -------
    int
        1 gamma, 2 positron, 3 electron, 5 and 6 muons, 14 proton, 100 A + Z nuclei.
    """
    nucleus = particle if particle >= 200 else 0
    return PARTICLES.get(particle, nucleus)


def clip_altitude(altitude_rad: float) -> float:
    """Altitude that single precision rounded above the zenith, at the zenith.

    Parameters
    ----------
    altitude_rad : float
        Altitude.

    Returns
    -------
    float
        Altitude.
    """
    above = HALF_PI < altitude_rad < HALF_PI * (1.0 + ZENITH_TOLERANCE)
    return HALF_PI if above else altitude_rad


def read_run(fields: Fields) -> dict:
    """Header of a run (object 2000).

    Parameters
    ----------
    fields : Fields
        Object.

    Returns
    -------
    dict
        ``run``, ``tracks`` (whether ``direction`` is right ascension and declination),
        ``direction`` (azimuth and altitude, rad), ``tel_id``, ``tel_pos``.

    Raises
    ------
    InputError
        If it is damaged or of an unknown version.
    """
    version = fields.header.version
    fields.need_version(0, 1, 2)
    run = {"run": fields.int32()}
    fields.skip(8)
    run["tracks"] = fields.int32() != 0
    fields.skip(4 if version >= 2 else 0)
    run["direction"] = (fields.float32(), fields.float32())
    fields.skip(20 if version >= 1 else 12)
    n = fields.count(MAX_TELESCOPES)
    run["tel_id"] = fields.array("i2", n)
    run["tel_pos"] = fields.array("f4", 3 * n).reshape(n, 3)
    ids = run["tel_id"]
    if n == 0 or len(np.unique(ids)) != n or ids.min() < 0 or not np.isfinite(run["tel_pos"]).all():
        raise fields.fail(f"telescopes {ids.tolist()}", "different numbers at finite places")
    if not np.isfinite(run["direction"]).all():
        raise fields.fail(f"direction {run['direction']}", "finite")
    return run


def read_simulation(fields: Fields) -> dict:
    """Header of a simulation (object 2001).

    Parameters
    ----------
    fields : Fields
        Object.

    Returns
    -------
    dict
        What was thrown, in the file's units (m, rad, TeV, nm; viewcone in deg).

    Raises
    ------
    InputError
        If it is damaged or of an unknown version.
    """
    fields.need_version(4)
    fields.skip(24)
    simulation = {"height_m": fields.float32()}
    simulation["n_showers"], simulation["n_use"] = fields.count(1 << 31), fields.count(1 << 20)
    fields.int32()
    for name in ("core", "alt", "az"):
        simulation[name] = (fields.float32(), fields.float32())
    fields.int32()
    for name in ("viewcone", "energy"):
        simulation[name] = (fields.float32(), fields.float32())
    simulation["index"] = fields.float32()
    fields.skip(36)
    simulation["wavelength"] = (fields.float32(), fields.float32())
    return simulation


def read_shower(fields: Fields) -> dict:
    """Shower (object 2020).

    Parameters
    ----------
    fields : Fields
        Object.

    Returns
    -------
    dict
        Columns of ``simulated_events`` but those of the core.

    Raises
    ------
    InputError
        If it is damaged or of an unknown version.
    """
    version = fields.header.version
    fields.need_version(0, 1, 2)
    shower = {"shower_id": fields.header.id, "particle_id": corsika_particle(fields.int32())}
    shower["true_energy_tev"] = fields.float32()
    azimuth, altitude = fields.float32(), clip_altitude(fields.float32())
    shower["true_alt_deg"], shower["true_az_deg"] = math.degrees(altitude), math.degrees(azimuth)
    fields.skip(4 if version >= 1 else 0)
    shower["true_h_first_int_m"], shower["true_x_max_g_cm2"] = fields.float32(), fields.float32()
    energy = shower["true_energy_tev"]
    if not (math.isfinite(azimuth) and abs(altitude) <= HALF_PI and 0.0 <= energy < math.inf):
        raise fields.fail(f"{energy} TeV from {azimuth}, {altitude} rad", "an energy and direction")
    return shower


def read_core(fields: Fields) -> dict:
    """Re-use of a shower at a core (object 2021).

    Parameters
    ----------
    fields : Fields
        Object.

    Returns
    -------
    dict
        ``event`` (number), ``shower_id``, ``true_core_x_m``, ``true_core_y_m``.

    Raises
    ------
    InputError
        If it is damaged or of an unknown version.
    """
    fields.need_version(0, 1, 2)
    core = {"event": fields.header.id, "shower_id": fields.int32()}
    core["true_core_x_m"], core["true_core_y_m"] = fields.float32(), fields.float32()
    if not math.isfinite(core["true_core_x_m"] + core["true_core_y_m"]):
        raise fields.fail("a core without place", "finite numbers")
    return core


def read_histograms(fields: Fields) -> dict[int, tuple[int, np.ndarray, np.ndarray]]:
    """Histograms of all events (object 100).

    Parameters
    ----------
    fields : Fields
        Object.

    Returns
    -------
    dict of int to tuple
        Entries, edges of log10 of the energy in TeV, events between them, by number.

    Raises
    ------
    InputError
        If it is damaged or of an unknown version.
    """
    fields.need_version(1, 2)
    found = {}
    for _ in range(fields.short_count()):
        kind = fields.text(1)
        length = fields.short_count()
        fields.skip(length + (length % 2 == 0))
        number, n_x, n_y = fields.int32(), fields.short_count(), fields.short_count()
        entries, total = fields.int32(), fields.int32()
        axes = [(fields.skip(8), fields.float32(), fields.float32(), fields.skip(8))]
        if n_y > 0:
            axes.append((fields.skip(8), fields.float32(), fields.float32(), fields.skip(8)))
        fields.skip(40 if kind in "FD" else 0)
        n = n_x * max(n_y, 1) if total > 0 else 0
        if number in EVENT_HISTOGRAMS and kind in "FD" and n_y > 0 and n:
            counts = fields.array("f4", n).reshape(n_y, n_x).sum(axis=1, dtype=np.float64)
            found[number] = entries, np.linspace(axes[1][1], axes[1][2], n_y + 1), counts
        else:
            fields.skip(4 * n)
    return found
