"""The array in the state of a run: who took part, how clean, how bright, how aligned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from iactflow.campaign.run_conditions import Conditions, TelescopeConditions
from iactflow.errors import InputError
from iactflow.instrument.description import (
    Alignment,
    ArrayTrigger,
    Instrument,
    Optics,
    Telescope,
)

__all__ = ["apply_conditions", "override_alignment"]

ALIGNMENTS = {"horizontal": "align_horizontal", "vertical": "align_vertical"}
ALIGNMENT_RANGES = {
    "sigma_deg": (0.0, 1.0),
    "zenith_deg": (0.0, 90.0),
    "cosine_deg": (-1.0, 1.0),
    "sine_deg": (-1.0, 1.0),
}


def apply_conditions(
    instrument: Instrument, conditions: Conditions, file: str | Path = "conditions"
) -> Instrument:
    """Put an instrument into the state of a run.

    Telescopes that did not take part are left out, with array triggers that they leave with too few
    members. Throughputs are multiplied; a night-sky rate or factor goes into the camera. The rate
    was measured at this pointing and throughput: ``nsb_airmass`` is flat with it and the throughput
    that the detector applies to it is taken out. Broken pixels stay in `Conditions`: the detector
    takes them per telescope. The digest stays that of the description.

    Parameters
    ----------
    instrument : Instrument
        Array.
    conditions : Conditions
        Of the run.
    file : str or Path, optional
        Named in errors.

    Returns
    -------
    Instrument
        Array of the run.

    Raises
    ------
    InputError
        Telescope or pixel that the instrument does not have; no array trigger left.
    """
    known = {t.tel_id: t for t in instrument.telescopes}
    telescopes = []
    for tel_id, state in sorted(conditions.telescopes.items()):
        key = f"run {conditions.obs_id}, tel_id"
        if tel_id not in known:
            raise InputError(file, key, tel_id, f"telescopes {sorted(known)} of {instrument.name}")
        n_pixels = len(known[tel_id].type.camera.pixels.x_m)
        if state.broken_pixels and state.broken_pixels[-1] >= n_pixels:
            raise InputError(
                file, f"{key} {tel_id}, broken_pixels", state.broken_pixels[-1], f"below {n_pixels}"
            )
        if state.participating:
            telescopes.append(_in_state(known[tel_id], state))
    triggers = _triggers(instrument, {t.tel_id for t in telescopes})
    if not triggers:
        allowed = "telescopes that satisfy an array trigger of the instrument"
        found = [t.tel_id for t in telescopes]
        raise InputError(file, f"run {conditions.obs_id}, participating", found, allowed)
    return replace(instrument, telescopes=tuple(telescopes), triggers=triggers)


def _triggers(instrument: Instrument, taking_part: set[int]) -> tuple[ArrayTrigger, ...]:
    """Array triggers among the telescopes that took part."""
    triggers = []
    for trigger in instrument.triggers:
        members = tuple(i for i in trigger.tel_ids if i in taking_part)
        if len(members) >= trigger.multiplicity:
            triggers.append(replace(trigger, tel_ids=members))
    return tuple(triggers)


def _in_state(telescope: Telescope, state: TelescopeConditions) -> Telescope:
    camera, throughput = telescope.type.camera, telescope.throughput * state.throughput
    if state.nsb_rate_ghz is not None:
        # The description's rate is multiplied by the throughput; a measured one holds it already.
        rate = state.nsb_rate_ghz / throughput
        camera = replace(camera, nsb_rate_ghz=rate, nsb_airmass=(0.0, 0.0))
    elif state.nsb_factor != 1.0:
        camera = replace(camera, nsb_rate_ghz=camera.nsb_rate_ghz * state.nsb_factor)
    return replace(telescope, type=replace(telescope.type, camera=camera), throughput=throughput)


def override_alignment(
    instrument: Instrument, overrides: Mapping, file: str | Path = "alignment"
) -> Instrument:
    """Give telescopes another random tilt of their facets, to switch the zenith dependence.

    Parameters
    ----------
    instrument : Instrument
        Array.
    overrides : mapping
        By telescope number or name of a telescope type (numbers win): ``horizontal`` and
        ``vertical``, or keys for both, out of ``sigma_deg``, ``zenith_deg``, ``cosine_deg`` and
        ``sine_deg``; what is left out stays.
    file : str or Path, optional
        Named in errors.

    Returns
    -------
    Instrument
        The array with other alignments; its digest stays that of the description.

    Raises
    ------
    InputError
        Telescope, type or key that does not exist, or a value out of range.
    """
    types = sorted({t.type.name for t in instrument.telescopes})
    known = [t.tel_id for t in instrument.telescopes] + types
    for name in overrides:
        if name not in known:
            raise InputError(file, "alignment", name, ", ".join(map(str, known)))
    telescopes = []
    for telescope in instrument.telescopes:
        optics = telescope.type.optics
        for name in (telescope.type.name, telescope.tel_id):
            if name in overrides:
                optics = _aligned(optics, overrides[name], file, f"alignment.{name}")
        telescopes.append(replace(telescope, type=replace(telescope.type, optics=optics)))
    return replace(instrument, telescopes=tuple(telescopes))


def _aligned(optics: Optics, override: Mapping, file, key: str) -> Optics:
    both = {k: v for k, v in override.items() if k not in ALIGNMENTS}
    changed = {}
    for direction, attribute in ALIGNMENTS.items():
        values = both | dict(override.get(direction, {}))
        for name, value in values.items():
            if name not in ALIGNMENT_RANGES:
                raise InputError(file, f"{key}.{name}", value, ", ".join(ALIGNMENT_RANGES))
            low, high = ALIGNMENT_RANGES[name]
            if not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(file, f"{key}.{name}", value, f"a number from {low} to {high}")
        alignment: Alignment = getattr(optics, attribute)
        changed[attribute] = replace(alignment, **values)
    return replace(optics, **changed)
