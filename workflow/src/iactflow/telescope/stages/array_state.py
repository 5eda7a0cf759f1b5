"""State of the array in a run: telescopes that take part, alignment, reduction of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from iactflow.campaign.run_conditions import Conditions, TelescopeConditions, read_conditions
from iactflow.errors import InputError
from iactflow.instrument.conditions import override_alignment
from iactflow.instrument.description import Instrument

__all__ = ["apply_alignment", "apply_reduction", "listed", "run_conditions"]


def apply_alignment(instrument: Instrument, entries: Sequence[Mapping], file: str) -> Instrument:
    """Give telescopes another alignment of their mirrors than the description's.

    Parameters
    ----------
    instrument : Instrument
        Array.
    entries : sequence of mapping
        Block ``alignment`` of a production; later entries win.
    file : str
        Named in errors.

    Returns
    -------
    Instrument
        The same array, other tilts.

    Raises
    ------
    InputError
        If an entry names a telescope or type that the array does not have.
    """
    types = sorted({t.type.name for t in instrument.telescopes})
    known = [t.tel_id for t in instrument.telescopes]
    overrides: dict[int, dict] = {}
    for i, entry in enumerate(entries):
        kinds, tel_ids = entry["telescope_types"] or types, entry["tel_ids"] or known
        _check_known(kinds, types, file, f"alignment[{i}].telescope_types")
        _check_known(tel_ids, known, file, f"alignment[{i}].tel_ids")
        for telescope in instrument.telescopes:
            if telescope.type.name in kinds and telescope.tel_id in tel_ids:
                tilts = overrides.setdefault(telescope.tel_id, {"horizontal": {}, "vertical": {}})
                for direction, tilt in tilts.items():
                    given = {k: v for k, v in entry[direction].items() if v is not None}
                    tilt.update(given)
    return override_alignment(instrument, overrides, file)


def apply_reduction(instrument: Instrument, reduction: Mapping | None) -> Instrument:
    """Give all cameras a reduction of their data volume.

    Parameters
    ----------
    instrument : Instrument
        Array.
    reduction : mapping or None
        Block ``reduction`` of a production; None: as described.

    Returns
    -------
    Instrument
        The same array.
    """
    if reduction is None:
        return instrument
    method = {"method": "two_level", **reduction}
    telescopes = []
    for telescope in instrument.telescopes:
        camera = telescope.type.camera
        camera = replace(camera, readout=replace(camera.readout, reduction=method))
        telescopes.append(replace(telescope, type=replace(telescope.type, camera=camera)))
    return replace(instrument, telescopes=tuple(telescopes))


def _check_known(wanted: Sequence, known: Sequence, file: str, key: str) -> None:
    unknown = [value for value in wanted if value not in known]
    if unknown:
        raise InputError(file, key, unknown[0], ", ".join(map(str, known)))


def run_conditions(inputs, settings: Mapping, run: int, instrument: Instrument) -> Conditions:
    """Conditions of a run: those of an observation, or the nominal ones of a production.

    Parameters
    ----------
    inputs : namespace
        ``conditions``: table of run conditions, or nothing.
    settings : mapping
        Block of the production.
    run : int
        Run.
    instrument : Instrument
        Array.

    Returns
    -------
    Conditions
        Pointing, and the telescopes that the production takes of those that took part.

    Raises
    ------
    InputError
        If the table is bad or lacks the run, or the production names an unknown telescope.
    """
    known = [t.tel_id for t in instrument.telescopes]
    wanted = settings["tel_ids"] or known
    _check_known(wanted, known, f"simulations.{settings['name']}", "tel_ids")
    tables = listed(inputs.conditions)
    if not tables:
        nominal = {tel_id: TelescopeConditions(tel_id) for tel_id in wanted}
        return Conditions(
            obs_id=run,
            altitude_deg=90.0 - settings["zenith_deg"],
            azimuth_deg=settings["azimuth_deg"],
            start_utc=None,
            telescopes=nominal,
        )
    runs = read_conditions(tables[0])
    if run not in runs:
        raise InputError(tables[0], "obs_id", run, f"{len(runs)} runs of this table")
    _check_known(sorted(runs[run].telescopes), known, tables[0], f"run {run}, tel_id")
    taken = {tel_id: state for tel_id, state in runs[run].telescopes.items() if tel_id in wanted}
    return replace(runs[run], telescopes=taken)


def listed(paths) -> list[str]:
    """Paths of a named input, which is one path or several.

    Parameters
    ----------
    paths : str or sequence of str
        The input.

    Returns
    -------
    list of str
        Paths.
    """
    return [paths] if isinstance(paths, str) else list(paths)
