"""Showers with the photons at the telescopes: simulated, and kept as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from iactflow.campaign.progress import Progress
from iactflow.io.root import RootWriter
from iactflow.shower.cascade import step_buffer
from iactflow.shower.photons import COLUMNS, WEIGHT
from iactflow.shower.primaries import Thrown, draw_primary
from iactflow.telescope.stages.record import Recorder, thrown_columns
from iactflow.telescope.stages.setup import Setup, make_setup
from iactflow.telescope.stages.shower_light import MOST_PHOTONS, ShowerLight

__all__ = [
    "LitShower",
    "add_core",
    "add_shower",
    "describe_photons",
    "finish_run",
    "run_columns",
    "simulate",
    "simulate_showers",
]

TABLES = (
    *("simulation_runs", "thrown_events", "showers", "shower_cores", "longitudinal_profiles"),
    *("telescope_light", "photon_bunches"),
)


class LitShower(NamedTuple):
    """A shower and its photons.

    Attributes
    ----------
    thrown : Thrown
        Primary and cores.
    first_interaction_m : float
        Height of the first interaction above sea level.
    x_max_g_cm2 : float
        Slant depth of the maximum.
    n_photons : float
        Cherenkov photons emitted.
    depth_g_cm2, n_charged : ndarray of float32, shape (n,)
        Longitudinal profile.
    photons : iterable of dict of int to ndarray of float32, shape (n, 8)
        Per re-use, photons of each telescope. To go through them again may simulate a bright shower
        again.
    """

    thrown: Thrown
    first_interaction_m: float
    x_max_g_cm2: float
    n_photons: float
    depth_g_cm2: np.ndarray
    n_charged: np.ndarray
    photons: Iterable[dict[int, np.ndarray]]

    def truth(self) -> tuple:
        """Columns of the shower's truth, as the tables have them.

        Returns
        -------
        tuple
            Particle, energy, altitude, azimuth, first interaction, depth of the maximum.
        """
        t = self.thrown
        place = (self.first_interaction_m, self.x_max_g_cm2)
        return (t.particle_id, t.energy_tev, t.alt_deg, t.az_deg, *place)


def run_columns(setup: Setup, first: int, last: int) -> dict:
    """Row of the table ``simulation_runs`` for a range of showers.

    Parameters
    ----------
    setup : Setup
        Array and air of the run.
    first, last : int
        Showers.

    Returns
    -------
    dict of str to number
        Columns.
    """
    s = setup.settings
    diffuse = s["viewcone_deg"] > 0.0
    return {
        "obs_id": setup.run,
        "particle_id": setup.particle_id,
        "shower_id_min": first,
        "shower_id_max": last,
        "n_showers": last - first + 1,
        "shower_reuse": s["shower_reuse"],
        "energy_range_min_tev": s["energy_min_tev"],
        "energy_range_max_tev": s["energy_max_tev"],
        "spectral_index": -s["spectral_index"],
        "pointing_alt_deg": setup.alt_deg,
        "pointing_az_deg": setup.az_deg,
        "min_viewcone_radius_deg": 0.0 if diffuse else s["offset_deg"],
        "max_viewcone_radius_deg": s["viewcone_deg"] if diffuse else s["offset_deg"],
        "min_scatter_range_m": 0.0,
        "max_scatter_range_m": s["core_radius_max_m"],
        "observation_level_m": setup.instrument.site.altitude_m,
        "wavelength_min_nm": setup.band_nm[0],
        "wavelength_max_nm": setup.band_nm[1],
        "seed": setup.seed,
    }


def describe_photons(setup: Setup) -> dict:
    """What a file of kept photons says of its origin.

    Parameters
    ----------
    setup : Setup
        Array and air of the run.

    Returns
    -------
    dict
        Production, instrument, atmosphere, cuts of the cascade, models of hadrons.
    """
    shower = setup.settings["shower"]
    models = {key: shower[key] for key in ("cascade", "hadrons") if key in shower}
    return {**setup.describe(), **models}


def add_shower(recorder: Recorder, setup: Setup, shower: LitShower) -> None:
    """Add the rows of a shower: truth and profile.

    Parameters
    ----------
    recorder : Recorder
        Takes the rows.
    setup : Setup
        Array and air of the run.
    shower : LitShower
        The shower.
    """
    place = (setup.run, shower.thrown.shower_id)
    recorder.add("showers", *place, *shower.truth(), shower.n_photons)
    recorder.add("longitudinal_profiles", *place, shower.depth_g_cm2, shower.n_charged)


def add_core(
    recorder: Recorder, setup: Setup, thrown: Thrown, reuse: int, photons: dict[int, np.ndarray]
) -> None:
    """Add the rows of one re-use of a shower: core, light at the telescopes.

    Parameters
    ----------
    recorder : Recorder
        Takes the rows.
    setup : Setup
        Array and air of the run.
    thrown : Thrown
        Primary and cores.
    reuse : int
        Which re-use.
    photons : dict of int to ndarray of float32, shape (n, 8)
        Its photons at each telescope.
    """
    place, core = (setup.run, thrown.shower_id, reuse), thrown.cores_m[reuse]
    recorder.add("shower_cores", *place, *core, 1.0)
    from_core = setup.centres_m - [*core, 0.0]
    impact = np.linalg.norm(np.cross(from_core, np.array(thrown.flight)), axis=1)
    for tel_id, distance in zip(setup.tel_ids, impact, strict=True):
        light = photons[tel_id][:, WEIGHT].sum(dtype=np.float64)
        recorder.add("telescope_light", *place, tel_id, distance, light)


def simulate(setup: Setup, most_photons: int = MOST_PHOTONS) -> Iterator[LitShower]:
    """Simulate showers and collect their light at the telescopes.

    Parameters
    ----------
    setup : Setup
        Array and air of the run; which showers.
    most_photons : int, optional
        Photons of a shower to keep at a time; without influence on the result.

    Yields
    ------
    LitShower
        By ascending number. The photons of one are kept at a time, never its steps.
    """
    room = step_buffer()
    for shower_id in range(setup.showers[0], setup.showers[1] + 1):
        thrown = draw_primary(
            setup.settings, (setup.alt_deg, setup.az_deg), setup.seed, setup.run, shower_id
        )
        light = ShowerLight(setup, thrown, room, most_photons)
        yield LitShower(
            thrown,
            light.summary.h_first_m,
            light.summary.x_max_g_cm2,
            light.n_photons,
            light.summary.depth_g_cm2.astype(np.float32),
            light.summary.n_charged.astype(np.float32),
            light,
        )


def simulate_showers(inputs, outputs, params, wildcards) -> None:
    """Simulate a chunk of showers and keep the photons that reach a telescope's sphere.

    Parameters
    ----------
    inputs : namespace
        ``instrument``: files of instrument and atmospheres; ``conditions``: table of run
        conditions, or nothing.
    outputs : namespace
        ``photons``: ROOT file.
    params : namespace
        ``settings``: block of the production; ``seed``; ``showers``: first and last shower.
    wildcards : namespace
        ``run``.

    Raises
    ------
    InputError
        If a description is bad, or settings name what the array does not have.
    """
    setup = make_setup(inputs, params, wildcards)
    first, last = setup.showers
    progress = Progress("showers", last - first + 1)
    with RootWriter(outputs.photons, TABLES, describe_photons(setup)) as writer:
        recorder = Recorder(writer, TABLES)
        thrown = []
        for shower in simulate(setup):
            thrown.append(shower.thrown)
            add_shower(recorder, setup, shower)
            for reuse, by_telescope in enumerate(shower.photons):
                add_core(recorder, setup, shower.thrown, reuse, by_telescope)
                for tel_id, photons in by_telescope.items():
                    _add_photons(recorder, setup, (shower.thrown.shower_id, reuse, tel_id), photons)
            progress.step()
        progress.finish()
        finish_run(recorder, setup, thrown)
        recorder.flush()


def finish_run(recorder: Recorder, setup: Setup, thrown: Sequence[Thrown]) -> None:
    """Write what was thrown.

    Parameters
    ----------
    recorder : Recorder
        Takes the rows.
    setup : Setup
        Array and air of the run.
    thrown : sequence of Thrown
        Primaries of all showers, by ascending number; a gap makes another row of the run.
    """
    ids = np.array([primary.shower_id for primary in thrown], dtype=np.int64)
    for part in np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1):
        if len(part):
            recorder.extend("simulation_runs", run_columns(setup, int(part[0]), int(part[-1])))
    energies = np.array([primary.energy_tev for primary in thrown])
    offsets = np.array([primary.offset_deg for primary in thrown])
    columns = thrown_columns(setup.settings, setup.run, setup.particle_id, energies, offsets)
    recorder.extend("thrown_events", columns)


def _add_photons(recorder: Recorder, setup: Setup, place: tuple, photons: np.ndarray) -> None:
    n = len(photons)
    if not n:
        return
    shower_id, reuse, tel_id = place
    named = dict(zip(COLUMNS, photons.T, strict=True))
    where = {"obs_id": setup.run, "shower_id": shower_id, "reuse_id": reuse, "tel_id": tel_id}
    recorder.extend("photon_bunches", {**where, "bunch_id": np.arange(n), **named})
