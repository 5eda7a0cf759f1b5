"""What differs between two instruments, and what an instrument is, for a human reader."""

from __future__ import annotations

import numpy as np

from iactflow.instrument.description import Curve, Facets, Instrument, TelescopeType
from iactflow.instrument.digest import flatten

__all__ = ["diff_instruments", "mirror_area_m2", "summarise"]

# Area of a facet for the square of its diameter, by shape: circle, hexagon, square, hexagon.
AREA_FACTORS = np.array([np.pi / 4, np.sqrt(3) / 2, 1.0, np.sqrt(3) / 2])


def mirror_area_m2(facets: Facets) -> float:
    """Sum of the areas of facets, along their own normals.

    Parameters
    ----------
    facets : Facets
        Facets.

    Returns
    -------
    float
        Area in m2.
    """
    return float((AREA_FACTORS[facets.shape] * facets.diameter_m**2).sum())


def diff_instruments(a: Instrument, b: Instrument) -> list[str]:
    """Differences between two instruments.

    Parameters
    ----------
    a, b : Instrument
        Descriptions, or versions of one.

    Returns
    -------
    list of str
        A line per telescope, trigger or parameter of a telescope type that differs: from what to
        what; for tables the number of points that changed and the largest change relative to the
        largest value. A type that took another name is compared with what it was. Empty if all
        numbers are equal.
    """
    old, new = flatten(a), flatten(b)
    for now, before in _renamed(a, b).items():
        prefix = f"types.{now}."
        new = {
            f"types.{before}.{k[len(prefix) :]}" if k.startswith(prefix) else k: v
            for k, v in new.items()
        }
        new[f"types.{before}.name"] = before
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if key not in new:
            lines.append(f"{key}: only in {a.name} {a.version}")
        elif key not in old:
            lines.append(f"{key}: only in {b.name} {b.version}")
        elif not _equal(old[key], new[key]):
            lines.append(f"{key}: {_change(old[key], new[key])}")
    return _whole_types(lines, a, b)


def _renamed(a: Instrument, b: Instrument) -> dict[str, str]:
    """Types of the one that stand where the other has a type of another name."""
    was = {t.tel_id: t.type.name for t in a.telescopes}
    here = {t.type.name for t in b.telescopes}
    names: dict[str, str] = {}
    for telescope in b.telescopes:
        now, before = telescope.type.name, was.get(telescope.tel_id)
        gone = before is not None and before not in here and before not in names.values()
        if gone and now not in was.values():
            names.setdefault(now, before)
    return names


def _whole_types(lines: list[str], a: Instrument, b: Instrument) -> list[str]:
    """One line for a telescope type that only one of the two has."""
    names = [{t.type.name for t in i.telescopes} for i in (a, b)]
    renamed = _renamed(a, b)
    for name in sorted((names[0] ^ names[1]) - renamed.keys() - set(renamed.values())):
        owner = a if name in names[0] else b
        lines = [line for line in lines if not line.startswith(f"types.{name}.")]
        lines.append(f"types.{name}: only in {owner.name} {owner.version}")
    return lines


def _equal(x, y) -> bool:
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return x.shape == y.shape and np.array_equal(x, y, equal_nan=True)
    return type(x) is type(y) and x == y


def _change(x, y) -> str:
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        return f"{_word(x)} -> {_word(y)}"
    if x.shape != y.shape:
        return f"{_shape(x)} -> {_shape(y)} points"
    changed = ~((x == y) | (np.isnan(x) & np.isnan(y)))
    scale = np.nanmax(np.abs(np.concatenate([x.ravel(), y.ravel()]).astype(float)))
    largest = np.nanmax(np.abs(x - y)[changed], initial=0.0) / scale if scale > 0 else 0.0
    return f"{changed.sum()} of {x.size} points changed, at most by {largest:.3g} of the maximum"


def _shape(x: np.ndarray) -> str:
    return " x ".join(map(str, x.shape))


def _word(value) -> str:
    if isinstance(value, np.ndarray):
        return f"table of {_shape(value)} points"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def summarise(instrument: Instrument) -> list[str]:
    """What an instrument is, in a few lines.

    Parameters
    ----------
    instrument : Instrument
        Description.

    Returns
    -------
    list of str
        Name and digest, site, telescope types, triggers.
    """
    site = instrument.site
    lines = [
        f"{instrument.name} {instrument.version}",
        f"digest      {instrument.digest}",
        f"site        {site.name}: {site.latitude_deg:.4f} deg, {site.longitude_deg:.4f} deg,"
        f" {site.altitude_m:.0f} m, atmosphere {site.atmosphere}",
    ]
    for name in sorted({t.type.name for t in instrument.telescopes}):
        members = [t for t in instrument.telescopes if t.type.name == name]
        lines.append(f"{name}: telescopes {', '.join(str(t.tel_id) for t in members)}")
        lines += [f"    {line}" for line in _type_lines(members[0].type)]
    for trigger in instrument.triggers:
        lines.append(
            f"trigger     {trigger.multiplicity} of {', '.join(map(str, trigger.tel_ids))}"
            f" within {trigger.window_ns:g} ns"
        )
    return lines


def _type_lines(kind: TelescopeType) -> list[str]:
    optics, camera = kind.optics, kind.camera
    pixels, readout, trigger = camera.pixels, camera.readout, camera.trigger
    width = np.degrees(pixels.diameter_m / optics.focal_length_m)
    edge = np.hypot(pixels.x_m, pixels.y_m).max() + pixels.diameter_m / 2
    field = 2 * np.degrees(np.arctan(edge / optics.effective_focal_length_m))
    gains = [readout.amplitude_high, readout.amplitude_low][: readout.n_gains]
    counts = " and ".join(f"{gain:g}" for gain in gains)
    return [
        f"optics    {optics.shape}, f = {optics.focal_length_m:g} m,"
        f" {len(optics.facets.x_m)} facets, {mirror_area_m2(optics.facets):.1f} m2,"
        f" reflectivity {_peak(optics.reflectivity) * optics.degraded_reflection:.3f} at most",
        f"camera    {len(pixels.x_m)} pixels of {width:.3f} deg, field {field:.2f} deg,"
        f" QE {_peak(camera.quantum_efficiency):.3f} at most,"
        f" night sky {camera.nsb_rate_ghz:g} p.e. per ns",
        f"read-out  {readout.mode}, {readout.n_samples} samples at {readout.sampling_ghz:g} GHz,"
        f" {counts} counts per p.e.",
        f"trigger   {trigger.kind}, {len(trigger.groups)} groups, {trigger.multiplicity} above"
        f" {trigger.threshold / trigger.amplitude:.2f} p.e.",
    ]


def _peak(curve: Curve) -> float:
    return float(curve.y.max())
