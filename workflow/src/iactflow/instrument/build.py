"""Instrument from its documents: every key known, every value in its range."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iactflow.errors import InputError
from iactflow.instrument import description as d
from iactflow.instrument.documents import Leaf
from iactflow.instrument.rules import (
    Rule,
    columns,
    convert,
    curve,
    number,
    switch,
    text,
    vector,
    whole,
)

__all__ = ["build_telescope_type", "build_telescopes", "build_triggers", "dead_time", "site"]

SITE = {
    "name": text(),
    "atmosphere": text(),
    "latitude_deg": number(-90, 90),
    "longitude_deg": number(-180, 180),
    "altitude_m": number(0, 6000),
    "magnetic_north_ut": number(-100, 100),
    "magnetic_west_ut": number(-100, 100),
    "magnetic_up_ut": number(-100, 100),
}
TELESCOPE = {
    "name": text(),
    "type": text(),
    "x_m": number(-1e4, 1e4),
    "y_m": number(-1e4, 1e4),
    "z_m": number(-1e3, 1e3),
}
TRIGGER = {
    "tel_ids": Rule("whole_vector"),
    "multiplicity": whole(1, 1000),
    "window_ns": number(0, 1e6),
    "min_separation_m": number(0, 1e4),
    "hard_stereo": switch(),
}
ALIGNMENT = {
    "sigma_deg": number(0, 1),
    "zenith_deg": number(0, 90),
    "cosine_deg": number(-1, 1),
    "sine_deg": number(-1, 1),
}
FACETS = ("x_m", "y_m", "z_m", "diameter_m", "shape", "focal_length_m")
OPTICS = {
    "shape": text("davies_cotton", "modified_davies_cotton", "parabolic"),
    "focal_length_m": number(0.1, 100),
    "dish_shape_length_m": number(0.1, 200),
    "effective_focal_length_m": number(0.1, 100),
    "mirror_focal_length_m": number(0, 200),
    "random_focal_length_m": number(0, 10),
    "mirror_offset_m": number(-20, 20),
    "focus_offset_m": number(-1, 1),
    "facets": columns(*FACETS),
    "align_distance_m": number(0, 1),
    "align_horizontal": ALIGNMENT,
    "align_vertical": ALIGNMENT,
    "reflection_sigma_deg": number(0, 1),
    "reflection_fraction_2": number(0, 1),
    "reflection_sigma_2_deg": number(0, 1),
    "reflectivity": curve(0, 1),
    "degraded_reflection": number(0, 2),
    "transmission": vector(0),
    "camera_body_diameter_m": number(0, 20),
    "camera_body_shape": whole(0, 3),
    "camera_depth_m": number(0, 20),
    "masts": Rule("cylinders"),
    "sphere_radius_m": number(0.1, 50),
    "sphere_height_m": number(-50, 50),
}
PIXELS = {
    "positions": columns("x_m", "y_m", "relative_efficiency"),
    "diameter_m": number(1e-4, 1),
    "shape": text("hexagon", "square"),
    "rotation_deg": number(-360, 360),
}
READOUT = {
    "mode": text("charge", "waveform"),
    "window_ns": number(0, 1e4),
    "sampling_ghz": number(0, 100),
    "n_samples": whole(1, 10000),
    "simulated_samples": whole(1, 10000),
    "sample_offset": whole(0, 10000),
    "pulse_high": curve(-2, 1.0001),
    "pulse_low": curve(-2, 1.0001),
    "amplitude_high": number(1e-6, 1e6),
    "amplitude_low": number(1e-6, 1e6),
    "pedestal_high": number(0, 1e6),
    "pedestal_low": number(0, 1e6),
    "noise_high": number(0, 1e6),
    "noise_low": number(0, 1e6),
    "pedestal_variation": number(0, 1e6),
    "max_signal_high": whole(1),
    "max_signal_low": whole(1),
    "n_gains": whole(1, 2),
    "photon_delay_ns": number(-1e4, 1e4),
    "reduction": Rule("mapping"),
}
TELESCOPE_TRIGGER = {
    "kind": text("majority", "next_neighbour", "analogue_sum"),
    "pulse": curve(-2, 1.0001),
    "amplitude": number(1e-6, 1e6),
    "threshold": number(0, 1e9),
    "threshold_variation": number(0, 1e6),
    "multiplicity": whole(1, 10000),
    "time_over_threshold_ns": number(0, 1e3),
    "gate_length_ns": number(-1e3, 1e3),
    "coincidence_ns": number(0, 1e3),
    "clipping": number(0, 1e9),
    "groups": Rule("groups"),
    "bandwidth_ns": number(1e-3, 1e2),
    "excess_over_threshold": number(0, 1e9),
}
CAMERA = {
    "pixels": PIXELS,
    "light_guide": curve(0, 2),
    "light_guide_wavelength": curve(0, 2, optional=True),
    "window": curve(0, 1, optional=True),
    "transmission": number(0, 2),
    "quantum_efficiency": curve(0, 1),
    "collection_efficiency": number(0, 1),
    # Variations are cut at three standard deviations: what is left must be above 0.
    "qe_variation": number(0, 0.33),
    "single_pe": curve(0),
    "single_pe_afterpulse": curve(0),
    "gain_variation": number(0, 0.33),
    "transit_time_jitter_ns": number(0, 100),
    "transit_time_error_ns": number(0, 100),
    "nsb_rate_ghz": number(0, 100),
    "nsb_airmass": vector(2),
    "readout": READOUT,
    "trigger": TELESCOPE_TRIGGER,
}


def _fields(blocks, rules: dict, file: Path, key: str = "") -> dict:
    """Values of a block by its rules; nothing missing, nothing unknown."""
    if not isinstance(blocks, dict):
        raise InputError(blocks.file, blocks.key, blocks.value, f"a block with {', '.join(rules)}")
    unknown = [name for name in blocks if name not in rules]
    if unknown:
        leaf = blocks[unknown[0]]
        at = leaf.file if isinstance(leaf, Leaf) else file
        where = f"{key}.{unknown[0]}" if key else str(unknown[0])
        raise InputError(at, where, "unknown key", ", ".join(rules))
    values = {}
    for name, rule in rules.items():
        where = f"{key}.{name}" if key else name
        if name not in blocks:
            if isinstance(rule, Rule) and rule.optional:
                values[name] = None
                continue
            raise InputError(file, where, "missing", _allowed(rule))
        if isinstance(rule, dict):
            values[name] = _fields(blocks[name], rule, file, where)
        elif isinstance(blocks[name], dict) and rule.kind == "mapping":
            values[name] = {k: v.value for k, v in blocks[name].items()}
        elif isinstance(blocks[name], dict):
            raise InputError(file, where, "a block", rule.allowed())
        else:
            values[name] = convert(blocks[name], rule)
    return values


def _allowed(rule) -> str:
    return rule.allowed() if isinstance(rule, Rule) else f"a block with {', '.join(rule)}"


def build_telescope_type(name: str, blocks: dict, file: Path) -> d.TelescopeType:
    """Telescope type from the blocks of its document.

    Parameters
    ----------
    name : str
        Name of the type.
    blocks : dict
        From `iactflow.instrument.documents.read_type`.
    file : Path
        Document to name in errors.

    Returns
    -------
    TelescopeType
        The type.

    Raises
    ------
    InputError
        Unknown or missing keys, values out of range, groups of pixels that do not exist.
    """
    values = _fields(blocks, {"optics": OPTICS, "camera": CAMERA}, file)
    optics, camera = values["optics"], values["camera"]
    for key in ("align_horizontal", "align_vertical"):
        optics[key] = d.Alignment(**optics[key])
    optics["facets"] = _facets(optics["facets"], blocks["optics"]["facets"])
    pixels = _pixels(camera["pixels"], blocks["camera"]["pixels"]["positions"])
    camera["pixels"] = d.Pixels(**pixels)
    camera["readout"] = d.Readout(**camera["readout"])
    camera["trigger"] = d.TelescopeTrigger(**camera["trigger"])
    n_pixels, largest = len(pixels["x_m"]), int(camera["trigger"].groups.max())
    if largest >= n_pixels:
        leaf = blocks["camera"]["trigger"]["groups"]
        raise InputError(leaf.file, leaf.key, largest, f"pixel numbers below {n_pixels}")
    return d.TelescopeType(name, d.Optics(**optics), d.Camera(**camera))


def _check_finite(table: dict, leaf: Leaf) -> None:
    for name, values in table.items():
        if not np.isfinite(values).all():
            raise InputError(leaf.file, f"{leaf.key}.{name}", leaf.value, "finite numbers")


def _facets(table: dict, leaf: Leaf) -> d.Facets:
    # A height that is not a number follows from the shape of the dish.
    _check_finite({k: v for k, v in table.items() if k != "z_m"}, leaf)
    if not np.isin(table["shape"], (0, 1, 2, 3)).all() or (table["diameter_m"] <= 0).any():
        raise InputError(leaf.file, leaf.key, leaf.value, "shapes 0 to 3, diameters above 0 m")
    return d.Facets(**(table | {"shape": table["shape"].astype(np.int64)}))


def _pixels(values: dict, leaf: Leaf) -> dict:
    """Pixels with the columns of their table as arguments of `Pixels`."""
    positions = values.pop("positions")
    _check_finite(positions, leaf)
    relative = positions["relative_efficiency"]
    if (relative < 0).any() or (relative > 1).any():
        raise InputError(leaf.file, leaf.key, leaf.value, "relative efficiencies from 0 to 1")
    return values | positions


def site(blocks: dict, file: Path) -> d.Site:
    """Site from its block; errors as `build_telescope_type`."""
    return d.Site(**_fields(blocks.get("site", {}), SITE, file, "site"))


def dead_time(blocks: dict, file: Path) -> float:
    """Dead time in s; errors as `build_telescope_type`."""
    rules = {"dead_time_s": number(0, 1)}
    return _fields({k: v for k, v in blocks.items() if k in rules}, rules, file)["dead_time_s"]


def build_telescopes(
    blocks: dict, types: dict[str, d.TelescopeType], file: Path
) -> tuple[d.Telescope, ...]:
    """Telescopes of an array, by ascending number; errors as `build_telescope_type`."""
    telescopes = []
    for tel_id, block in sorted(blocks.items()):
        values = _fields(block, TELESCOPE, file, f"telescopes.{tel_id}")
        telescopes.append(d.Telescope(int(tel_id), **(values | {"type": types[values["type"]]})))
    return tuple(telescopes)


def build_triggers(blocks: dict, tel_ids: set[int], file: Path) -> tuple[d.ArrayTrigger, ...]:
    """Array triggers, in the order of the document; errors as `build_telescope_type`."""
    triggers = []
    for name, block in blocks.items():
        trigger = d.ArrayTrigger(**_fields(block, TRIGGER, file, f"triggers.{name}"))
        if not set(trigger.tel_ids) <= tel_ids:
            raise InputError(
                file, f"triggers.{name}.tel_ids", list(trigger.tel_ids), f"{sorted(tel_ids)}"
            )
        triggers.append(trigger)
    return tuple(triggers)
