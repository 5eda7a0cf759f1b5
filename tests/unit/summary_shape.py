"""The contract of ``summary.json``: its keys and the types of their values."""

from __future__ import annotations

NUMBER = (int, float)
# The contract of summary.json: a dict is an object with these keys, {str: x} one with free keys.
SHAPE = {
    "campaign": str,
    "software": {str: str},
    "image": str,
    "config_sha256": str,
    "targets": {
        str: {
            "sky_map": {
                str: {
                    "peak_significance": NUMBER,
                    "peak_ra_deg": NUMBER,
                    "peak_dec_deg": NUMBER,
                    "off_mean": NUMBER,
                    "off_std": NUMBER,
                    "n_on_events": int,
                }
            },
            "spectrum": {
                "obs_ids": [int],
                "on_radius_deg": NUMBER,
                "n_on": int,
                "n_off": int,
                "alpha": NUMBER,
                "excess": NUMBER,
                "significance": NUMBER,
                "livetime_s": NUMBER,
                "n_on_per_run": {str: int},
                "models": {
                    str: {
                        "parameters": {str: {"value": NUMBER, "error": NUMBER, "unit": str}},
                        "reference_tev": NUMBER,
                        "stat": NUMBER,
                        "n_bins": int,
                        "energy_min_tev": NUMBER,
                        "energy_max_tev": NUMBER,
                    }
                },
                "flux_points": [
                    {
                        "e_ref_tev": NUMBER,
                        "e_min_tev": NUMBER,
                        "e_max_tev": NUMBER,
                        "dnde": NUMBER,
                        "dnde_errn": NUMBER,
                        "dnde_errp": NUMBER,
                        "dnde_ul": NUMBER,
                        "sqrt_ts": NUMBER,
                    }
                ],
            },
            "light_curve": {
                str: {
                    "energy_min_tev": NUMBER,
                    "energy_max_tev": NUMBER,
                    "points": [
                        {
                            "mjd_min": NUMBER,
                            "mjd_max": NUMBER,
                            "flux": NUMBER,
                            "flux_err": NUMBER,
                            "flux_ul": NUMBER,
                        }
                    ],
                    "fractional_variability": NUMBER,
                    "chi2": NUMBER,
                    "ndf": int,
                }
            },
        }
    },
    "cross_checks": [
        {
            "target": str,
            "product": str,
            "quantity": str,
            "main": NUMBER,
            "check": NUMBER,
            "tolerance": NUMBER,
            "passed": bool,
        }
    ],
    "cost": {
        str: {
            "jobs": int,
            "cpu_s": NUMBER,
            "wall_s": NUMBER,
            "max_rss_mb": NUMBER,
            "output_bytes": int,
        }
    },
}


def check_shape(value, shape, where="summary"):
    """Fail where a value is not of the shape; further keys are allowed."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        if list(shape) == [str]:
            assert value, f"{where} is empty"
            for key, item in value.items():
                check_shape(item, shape[str], f"{where}.{key}")
        else:
            for key, item in shape.items():
                assert key in value, f"{where}.{key} is missing"
                check_shape(value[key], item, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        assert value, f"{where} is empty"
        for i, item in enumerate(value):
            check_shape(item, shape[0], f"{where}[{i}]")
    else:
        assert isinstance(value, shape), f"{where}: {value!r}"
        assert isinstance(value, bool) == (shape is bool), f"{where}: {value!r}"
