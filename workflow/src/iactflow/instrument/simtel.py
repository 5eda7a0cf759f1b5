"""Telescope type from a sim_telarray configuration and the tables that it names.

The configuration is a list of ``key = value`` lines in sim_telarray's units (cm, deg, ns, MHz); the
files that it names lie beside it. Written is what `iactflow.instrument.load` reads: a document with
SI units and thinned tables. Curves are thinned to what linear interpolation needs; nothing is
smoothed or renormalised but pulses, whose peak is set to 1.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from iactflow.errors import InputError
from iactflow.instrument.simtel_tables import (
    copy_camera,
    copy_curve,
    copy_mirrors,
    copy_pulses,
    copy_single_pe,
)

__all__ = ["convert_simtel", "read_simtel_config"]


def read_simtel_config(file: str | Path) -> dict[str, str]:
    """Parameters of a sim_telarray configuration file.

    Parameters
    ----------
    file : str or Path
        Configuration, without preprocessor conditions around its parameters.

    Returns
    -------
    dict of str to str
        Values as they stand, by lower-case name; the last of a name wins.

    Raises
    ------
    InputError
        No such file, or no parameter in it.
    """
    file = Path(file)
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(file, "file", "no such file", "a sim_telarray configuration") from None
    values = {}
    for line in lines:
        name, equals, value = line.partition("%")[0].partition("=")
        if equals and len(name.split()) == 1:
            values[name.strip().lower()] = value.strip()
    if not values:
        raise InputError(file, "parameters", 0, "lines 'name = value'")
    return values


class _Config:
    """Typed access to the parameters; what is missing names its file."""

    def __init__(self, file: Path, tables: Path, overrides: dict[str, str]):
        self.file, self.tables = file, tables
        self.values = read_simtel_config(file) | overrides

    def text(self, name: str) -> str:
        if name not in self.values:
            raise InputError(self.file, name, "missing", "a value")
        return self.values[name]

    def floats(self, name: str) -> list[float]:
        words = self.text(name).replace(",", " ").removeprefix("all:").split()
        try:
            return [float(word) for word in words]
        except ValueError:
            raise InputError(self.file, name, self.values[name], "numbers") from None

    def number(self, name: str, factor: float = 1.0) -> float:
        # Twelve digits drop the dust of the conversion and nothing of the parameter.
        return float(f"{self.floats(name)[0] * factor:.12g}")

    def low_gain(self, name: str) -> float:
        """Parameter of the low gain; negative there means: as in the high gain."""
        low = self.number(f"fadc_lg_{name}")
        return low if low >= 0 else self.number(f"fadc_{name}")

    def path(self, name: str) -> Path:
        return self.tables / self.text(name)


def convert_simtel(
    config: str | Path,
    directory: str | Path,
    name: str,
    source: str,
    sphere: tuple[float, str],
    tables: str | Path | None = None,
    overrides: dict[str, str] | None = None,
) -> Path:
    """Write a telescope type from a sim_telarray configuration.

    Parameters
    ----------
    config : str or Path
        Configuration of one telescope.
    directory : str or Path
        Version directory to write to.
    name : str
        Name of the type.
    source : str
        Where the configuration comes from.
    sphere : tuple of float and str
        Radius of the telescope's sphere in m and its source: not in the configuration.
    tables : str or Path, optional
        Folder of the tables that the configuration names; its own if left out.
    overrides : dict of str to str, optional
        Parameters in place of those of the configuration, as they would stand there.

    Returns
    -------
    Path
        The document; tables are beside it in ``tables/``.

    Raises
    ------
    InputError
        Missing files or parameters, or a trigger or camera that has no counterpart here.
    """
    config, directory, overrides = Path(config), Path(directory), overrides or {}
    parameters = _Config(config, Path(tables or config.parent), overrides)
    (directory / "tables").mkdir(parents=True, exist_ok=True)
    changes = [f"{key} = {value}" for key, value in overrides.items()]
    document = {
        "source": ", but ".join([f"{source}, {config.name}", *changes]),
        "optics": _optics(parameters, directory, name, source, sphere),
        "camera": _camera(parameters, directory, name, source),
    }
    file = directory / f"{name}.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False, width=100), "utf-8")
    return file


def _optics(p: _Config, directory: Path, name: str, source: str, sphere) -> dict:
    scatter = [*p.floats("mirror_reflection_random_angle"), 0.0, 0.0]
    parabolic = p.number("parabolic_dish") > 0
    dish, focal = p.number("dish_shape_length", 0.01), p.number("focal_length", 0.01)
    spherical = "davies_cotton" if dish == focal else "modified_davies_cotton"
    mirrors = copy_mirrors(p.path("mirror_list"), directory, name, source)
    return {
        "shape": "parabolic" if parabolic else spherical,
        "focal_length_m": focal,
        "dish_shape_length_m": dish,
        "effective_focal_length_m": p.number("effective_focal_length", 0.01),
        "mirror_focal_length_m": p.number("mirror_focal_length", 0.01),
        "random_focal_length_m": p.number("random_focal_length", 0.01),
        "mirror_offset_m": p.number("mirror_offset", 0.01),
        "focus_offset_m": p.number("focus_offset", 0.01),
        "facets": {"table": mirrors},
        "align_distance_m": p.number("mirror_align_random_distance", 0.01),
        "align_horizontal": _alignment(p, "horizontal"),
        "align_vertical": _alignment(p, "vertical"),
        "reflection_sigma_deg": scatter[0],
        "reflection_fraction_2": scatter[1],
        "reflection_sigma_2_deg": scatter[2],
        "reflectivity": {
            "table": copy_curve(
                p.path("mirror_reflectivity"), directory, source, "wavelength_nm", "reflectivity"
            )
        },
        "degraded_reflection": p.number("mirror_degraded_reflection"),
        "transmission": p.floats("telescope_transmission"),
        "camera_body_diameter_m": p.number("camera_body_diameter", 0.01),
        "camera_body_shape": int(p.number("camera_body_shape")),
        "camera_depth_m": p.number("camera_depth", 0.01),
        "masts": [],
        "sphere_radius_m": {"value": sphere[0], "source": sphere[1]},
        "sphere_height_m": {
            "value": 0.0,
            "source": "positions in CORSIKA are those of the centres of the spheres",
        },
    }


def _alignment(p: _Config, direction: str) -> dict:
    values = p.floats(f"mirror_align_random_{direction}")
    return dict(zip(("sigma_deg", "zenith_deg", "cosine_deg", "sine_deg"), values, strict=True))


def _camera(p: _Config, directory: Path, name: str, source: str) -> dict:
    camera = copy_camera(p.path("camera_config_file"), directory, name, source)
    funnel = p.tables / camera["funnel"]
    light = ("wavelength_nm", "transmission")
    single_pe = copy_single_pe(p.path("pm_photoelectron_spectrum"), directory, source)
    efficiency = p.number("camera_transmission") * p.number("camera_degraded_efficiency")
    curves = {
        "light_guide": {"table": copy_curve(funnel, directory, source, "angle_deg", "efficiency")},
        "light_guide_wavelength": None,
        "window": {"table": copy_curve(p.path("camera_filter"), directory, source, *light)},
        "transmission": efficiency,
        "quantum_efficiency": {
            "table": copy_curve(
                p.path("quantum_efficiency"), directory, source, "wavelength_nm", "efficiency"
            )
        },
        "collection_efficiency": p.number("pm_collection_efficiency"),
        "qe_variation": p.number("qe_variation"),
        "single_pe": {"table": single_pe, "columns": ["charge_pe", "prompt"]},
        "single_pe_afterpulse": {"table": single_pe, "columns": ["charge_pe", "afterpulse"]},
    }
    return {
        "pixels": {
            "positions": {"table": camera["pixels"]},
            "diameter_m": camera["diameter_m"],
            "shape": camera["shape"],
            "rotation_deg": camera["rotation_deg"],
        },
        **curves,
        "gain_variation": p.number("gain_variation"),
        "transit_time_jitter_ns": p.number("transit_time_jitter"),
        "transit_time_error_ns": p.number("transit_time_error"),
        # sim_telarray's rate is that of clean mirrors.
        "nsb_rate_ghz": p.number("nightsky_background", p.number("mirror_degraded_reflection")),
        "nsb_airmass": p.floats("nsb_autoscale_airmass"),
        "readout": _readout(p, directory, source),
        "trigger": _trigger(p, directory, source, camera),
    }


def _readout(p: _Config, directory: Path, source: str) -> dict:
    pulse = copy_pulses(p.path("fadc_pulse_shape"), directory, source)
    return {
        "mode": "waveform",
        "window_ns": 0.0,
        "sampling_ghz": p.number("fadc_mhz", 0.001),
        "n_samples": int(p.number("fadc_sum_bins")),
        "simulated_samples": int(p.number("fadc_bins")),
        "sample_offset": int(p.number("fadc_sum_offset")),
        "pulse_high": {"table": pulse, "columns": ["time_ns", "high"]},
        "pulse_low": {"table": pulse, "columns": ["time_ns", "low"]},
        "amplitude_high": p.number("fadc_amplitude"),
        "amplitude_low": p.low_gain("amplitude"),
        "pedestal_high": p.number("fadc_pedestal"),
        "pedestal_low": p.low_gain("pedestal"),
        "noise_high": p.number("fadc_noise"),
        "noise_low": p.low_gain("noise"),
        "pedestal_variation": p.number("fadc_var_pedestal"),
        "max_signal_high": int(p.number("fadc_max_signal")),
        "max_signal_low": int(p.low_gain("max_signal")),
        "n_gains": int(p.number("num_gains")),
        "photon_delay_ns": p.number("photon_delay"),
        "reduction": {},
    }


def _trigger(p: _Config, directory: Path, source: str, camera: dict) -> dict:
    analogue = p.text("default_trigger").lower() == "analogsum"
    pulse = copy_pulses(p.path("discriminator_pulse_shape"), directory, source)
    return {
        "kind": camera["trigger_kind"],
        "pulse": {"table": pulse, "columns": ["time_ns", "high"]},
        "amplitude": p.number("discriminator_amplitude"),
        "threshold": p.number("asum_threshold" if analogue else "discriminator_threshold"),
        # The spread of the thresholds is that of the comparators of single pixels.
        "threshold_variation": 0.0 if analogue else p.number("discriminator_var_threshold"),
        "multiplicity": 1 if analogue else int(p.number("trigger_pixels")),
        "time_over_threshold_ns": p.number("discriminator_time_over_threshold"),
        "gate_length_ns": p.number("discriminator_gate_length"),
        "coincidence_ns": p.number("teltrig_min_time"),
        "clipping": p.number("asum_clipping") if analogue else 0.0,
        "groups": {"table": camera["groups"]},
        "bandwidth_ns": p.number("pixeltrg_time_step") or round(1000 / p.number("fadc_mhz"), 9),
        "excess_over_threshold": p.number("teltrig_min_sigsum") if analogue else 0.0,
    }
