"""A small instrument on disk: one telescope type, three facets, four pixels."""

from __future__ import annotations

from pathlib import Path

import yaml

from iactflow.instrument.tables import write_groups, write_table

SOURCE = "made up for tests"


def points(*pairs):
    return {"points": [list(pair) for pair in pairs]}


def optics() -> dict:
    tilt = {"sigma_deg": 0.01, "zenith_deg": 30.0, "cosine_deg": 0.02, "sine_deg": 0.0}
    return {
        "shape": "davies_cotton",
        "focal_length_m": 10.0,
        "dish_shape_length_m": 10.0,
        "effective_focal_length_m": 10.2,
        "mirror_focal_length_m": 10.0,
        "random_focal_length_m": 0.0,
        "mirror_offset_m": 0.0,
        "focus_offset_m": 0.0,
        "facets": {"table": "tables/facets.ecsv"},
        "align_distance_m": 0.0,
        "align_horizontal": dict(tilt),
        "align_vertical": dict(tilt),
        "reflection_sigma_deg": 0.005,
        "reflection_fraction_2": 0.0,
        "reflection_sigma_2_deg": 0.0,
        "reflectivity": points((300, 0.8), (600, 0.9)),
        "degraded_reflection": 1.0,
        "transmission": [0.9, 0.0, 0.0, 0.0, 0.0],
        "camera_body_diameter_m": 1.0,
        "camera_body_shape": 0,
        "camera_depth_m": 1.0,
        "masts": [],
        "sphere_radius_m": 2.0,
        "sphere_height_m": 0.0,
    }


def camera() -> dict:
    pulse = points((0, 0), (2, 1), (6, 0))
    return {
        "pixels": {
            "positions": {"table": "tables/pixels.ecsv"},
            "diameter_m": 0.05,
            "shape": "square",
            "rotation_deg": 0.0,
        },
        "light_guide": points((0, 0.8), (30, 0.0)),
        "window": None,
        "transmission": 1.0,
        "quantum_efficiency": points((300, 0.2), (600, 0.1)),
        "collection_efficiency": 0.9,
        "qe_variation": 0.05,
        "single_pe": points((0, 0), (1, 1), (2, 0)),
        "single_pe_afterpulse": points((0, 0), (1, 1), (2, 1e-4), (20, 0)),
        "gain_variation": 0.02,
        "transit_time_jitter_ns": 0.5,
        "transit_time_error_ns": 0.5,
        "nsb_rate_ghz": 0.1,
        "nsb_airmass": [0.8, 0.2],
        "readout": {
            "mode": "charge",
            "window_ns": 16.0,
            "sampling_ghz": 1.0,
            "n_samples": 16,
            "simulated_samples": 40,
            "sample_offset": 5,
            "pulse_high": pulse,
            "pulse_low": pulse,
            "amplitude_high": 80.0,
            "amplitude_low": 6.0,
            "pedestal_high": 1000.0,
            "pedestal_low": 1000.0,
            "noise_high": 16.0,
            "noise_low": 6.0,
            "pedestal_variation": 0.0,
            "max_signal_high": 17000,
            "max_signal_low": 10600,
            "n_gains": 2,
            "photon_delay_ns": 10.0,
            "reduction": {},
        },
        "trigger": {
            "kind": "majority",
            "pulse": pulse,
            "amplitude": 1.0,
            "threshold": 4.0,
            "threshold_variation": 0.0,
            "multiplicity": 2,
            "time_over_threshold_ns": 0.0,
            "gate_length_ns": 1.0,
            "coincidence_ns": 1.0,
            "clipping": 0.0,
            "groups": {"table": "tables/groups.txt"},
            "bandwidth_ns": 0.25,
            "excess_over_threshold": 0.0,
        },
    }


def array() -> dict:
    return {
        "name": "small",
        "version": "1",
        "source": SOURCE,
        "site": {
            "name": "Somewhere",
            "atmosphere": "namibia",
            "latitude_deg": -23.0,
            "longitude_deg": 16.0,
            "altitude_m": 1800.0,
            "magnetic_north_ut": 12.0,
            "magnetic_west_ut": 0.0,
            "magnetic_up_ut": 25.0,
        },
        "dead_time_s": 1e-4,
        "telescopes": {
            number: {"name": f"T{number}", "type": "Small", "x_m": 100.0 * number, "y_m": 0.0,
                     "z_m": 0.0}
            for number in (1, 2, 3)
        },
        "triggers": {
            "all": {"tel_ids": [1, 2, 3], "multiplicity": 2, "window_ns": 80.0,
                    "min_separation_m": 0.0, "hard_stereo": True}
        },
    }  # fmt: skip


def write(directory: Path, name: str, content: dict) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")


def write_small(directory: Path) -> Path:
    """Write version ``1`` of the instrument ``small`` into ``directory/small/1``."""
    version = directory / "small" / "1"
    write(version, "instrument.yaml", array())
    write(version, "Small.yaml", {"source": SOURCE, "optics": optics(), "camera": camera()})
    (version / "tables").mkdir()
    write_table(
        version / "tables/facets.ecsv",
        {
            "x_m": [0.0, 0.5, 1.0],
            "y_m": [0.0, 0.5, 0.0],
            "z_m": [float("nan")] * 3,
            "diameter_m": [0.6] * 3,
            "shape": [0, 1, 2],
            "focal_length_m": [10.0] * 3,
        },
        SOURCE,
    )
    pixels = {"x_m": [-0.05, 0.0, 0.05, 0.1], "y_m": [0.0] * 4, "relative_efficiency": [1.0] * 4}
    write_table(version / "tables/pixels.ecsv", pixels, SOURCE)
    write_groups(version / "tables/groups.txt", [[0, 1, 2], [2, 3]], SOURCE)
    return version


def change(version: Path, name: str, path: str, value) -> None:
    """Set one key of a document by its path with dots; ``value`` of ... removes it."""
    content = yaml.safe_load((version / name).read_text("utf-8"))
    *blocks, key = path.split(".")
    block = content
    for part in blocks:
        block = block[int(part) if part.isdigit() else part]
    if value is ...:
        del block[key]
    else:
        block[key] = value
    write(version, name, content)
