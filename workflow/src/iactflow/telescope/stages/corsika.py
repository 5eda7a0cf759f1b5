"""CORSIKA in place of our showers: its input card, and its photons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from iactflow.atmosphere.profile import write_atmprof
from iactflow.errors import InputError
from iactflow.io.corsika import CorsikaRun, read_corsika
from iactflow.shower.corsika_card import CardFiles, render_card
from iactflow.shower.primaries import direction_of_flight
from iactflow.telescope.stages.iact_files import angle_deg, lit_shower
from iactflow.telescope.stages.setup import Setup, make_setup
from iactflow.telescope.stages.showers import LitShower

__all__ = ["PHOTON_FILE", "PROFILE_FILE", "read_corsika_showers", "render_corsika_card"]

# Names in the folder in which CORSIKA runs.
PHOTON_FILE, PROFILE_FILE = "photons.corsika", "atmosphere.dat"
# Positions in the files are in single precision, in cm.
TOLERANCE_M = 0.05


def render_corsika_card(inputs, outputs, params, wildcards) -> None:
    """Write the input card of CORSIKA for a chunk of showers, and the atmosphere that it names.

    Parameters
    ----------
    inputs : namespace
        ``instrument``: files of instrument and atmospheres; ``conditions``: table of run
        conditions, or nothing.
    outputs : namespace
        ``card``; ``profile``: atmosphere in CORSIKA's format.
    params : namespace
        ``settings``: block of the production; ``seed``; ``showers``: first and last shower.
    wildcards : namespace
        ``run``.

    Raises
    ------
    InputError
        If a description is bad, or CORSIKA cannot do what is asked.
    """
    setup = make_setup(inputs, params, wildcards)
    card = render_card(
        {**setup.settings, "zenith_deg": 90.0 - setup.alt_deg, "azimuth_deg": setup.az_deg},
        setup.instrument.site,
        np.column_stack([setup.centres_m, setup.radii_m]),
        setup.band_nm,
        setup.seed,
        setup.run,
        setup.showers,
        CardFiles(PHOTON_FILE, PROFILE_FILE),
    )
    Path(outputs.card).write_text(card, encoding="ascii")
    write_atmprof(setup.profile, outputs.profile)


def read_corsika_showers(path: str, setup: Setup) -> Iterator[LitShower]:
    """Read the showers of a CORSIKA IACT file.

    Parameters
    ----------
    path : str
        File that CORSIKA wrote for a card of `render_corsika_card`.
    setup : Setup
        Array and air of the run.

    Yields
    ------
    LitShower
        Showers in the order of the file; what it does not tell is not a number.

    Raises
    ------
    InputError
        If the file is broken, or its telescopes, particles or numbers of showers are not those of
        the production.
    """
    run, showers = read_corsika(path)
    _check_telescopes(path, run, setup)
    expected = iter(range(setup.showers[0], setup.showers[1] + 1))
    pointing, places = direction_of_flight(setup.alt_deg, setup.az_deg), range(len(setup.tel_ids))
    for shower in showers:
        wanted = next(expected, None)
        if shower.event_number != wanted:
            raise InputError(path, "event number", shower.event_number, str(wanted))
        if shower.particle_id != setup.particle_id:
            raise InputError(path, "particle", shower.particle_id, str(setup.particle_id))
        if len(shower.cores_m) != setup.settings["shower_reuse"]:
            allowed = str(setup.settings["shower_reuse"])
            raise InputError(path, "re-uses", len(shower.cores_m), allowed)
        yield lit_shower(shower, setup, places, angle_deg(pointing, shower.direction))
    left = next(expected, None)
    if left is not None:
        raise InputError(path, "showers", f"ends before shower {left}", str(setup.showers))


def _check_telescopes(path: str, run: CorsikaRun, setup: Setup) -> None:
    """Photons must have been made for the telescopes and the height of this array."""
    level = setup.instrument.site.altitude_m
    if abs(run.observation_level_m - level) > TOLERANCE_M:
        raise InputError(path, "observation level", run.observation_level_m, f"{level} m")
    ours = np.column_stack([setup.centres_m, setup.radii_m])
    theirs = np.asarray(run.telescopes_m)
    if theirs.shape != ours.shape:
        raise InputError(path, "telescopes", len(theirs), str(len(ours)))
    worst = np.abs(theirs - ours).max(axis=1)
    if worst.max() > TOLERANCE_M:
        i = int(worst.argmax())
        raise InputError(path, f"telescope {i}", theirs[i].tolist(), str(ours[i].tolist()))
