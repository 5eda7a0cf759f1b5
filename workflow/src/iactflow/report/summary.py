"""``summary.json``: every headline number of a campaign in one file.

Its keys are a contract with the programs that read it: they are never renamed, and a product that
lacks one is refused here. Producers may add keys of their own inside a block.
"""

from __future__ import annotations

from collections.abc import Iterable

from iactflow.campaign.json_product import read_json, write_json
from iactflow.campaign.provenance import read_sidecar
from iactflow.crosscheck.verdicts import read_verdicts
from iactflow.errors import InputError
from iactflow.report.rule_edges import rule_edges

__all__ = ["REQUIRED", "cost_per_rule", "summarise"]

REQUIRED = {
    "sky_map": (
        "peak_significance",
        "peak_ra_deg",
        "peak_dec_deg",
        "off_mean",
        "off_std",
        "n_on_events",
    ),
    "spectrum": (
        "obs_ids",
        "on_radius_deg",
        "n_on",
        "n_off",
        "alpha",
        "excess",
        "significance",
        "livetime_s",
        "n_on_per_run",
        "models",
        "flux_points",
    ),
    "model": (
        "parameters",
        "reference_tev",
        "stat",
        "n_bins",
        "energy_min_tev",
        "energy_max_tev",
    ),
    "parameter": ("value", "error", "unit"),
    "flux_point": (
        "e_ref_tev",
        "e_min_tev",
        "e_max_tev",
        "dnde",
        "dnde_errn",
        "dnde_errp",
        "dnde_ul",
        "sqrt_ts",
    ),
    "light_curve": (
        "energy_min_tev",
        "energy_max_tev",
        "points",
        "fractional_variability",
        "chi2",
        "ndf",
    ),
    "simulation": (
        "name",
        "particle",
        "n_showers",
        "n_thrown",
        "n_triggered",
    ),
    "reconstruction": (
        "name",
        "n_events",
        "n_reconstructed",
        "n_images",
        "levels",
    ),
    "responses": (
        "node",
        "conditions",
        "energy_edges_tev",
        "offset_deg",
        "effective_area_m2",
        "effective_area_error_m2",
        "lowest_area_fraction",
        "angular_resolution_deg",
        "energy_resolution",
        "energy_bias",
        "n_signal_events",
    ),
    "light_curve_point": ("mjd_min", "mjd_max", "flux", "flux_err", "flux_ul"),
}

# Rules whose cost is that of a production's events, and of their reconstruction.
RECONSTRUCTING = ("reconstruct_geometry", "reconstruct_events")
SIMULATING = ("simulate_events", "simulate_showers", "simulate_telescopes")


def summarise(inputs, outputs, params, wildcards) -> None:
    """Collect the results, verdicts, versions and costs of a campaign.

    Parameters
    ----------
    inputs : namespace
        ``verdicts``: table of the comparison, where there is one; ``simulations``: JSON summaries
        of productions; ``reconstruction``: those of samples; ``responses``: those of nodes of the
        responses; ``provenance``: sidecars of all jobs.
    outputs : namespace
        ``summary``: the JSON file.
    params : namespace
        ``settings``: facts of the campaign; ``index``: JSON results of the main chain by product
        and target.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        When a result lacks a key of the contract.
    """
    facts = params.settings
    sidecars = [read_sidecar(path) for path in _listed(inputs.provenance)]
    summary = {
        "campaign": facts["campaign"],
        "software": _versions(sidecars),
        "image": facts["image"],
        "config_sha256": facts["config_sha256"],
        "targets": _targets(params.index, facts["targets"]),
        "simulations": _simulations(_listed(vars(inputs).get("simulations", [])), sidecars),
        "reconstruction": _samples(_listed(vars(inputs).get("reconstruction", [])), sidecars),
        "responses": _nodes(_listed(vars(inputs).get("responses", []))),
        "cross_checks": [row for path in _listed(inputs.verdicts) for row in read_verdicts(path)],
        "cost": cost_per_rule(sidecars),
        "rule_edges": sorted(rule_edges(sidecars)),
        "about": {
            "description": facts["description"],
            "seed": facts["seed"],
            "data_source": facts["data_source"],
            "config_file": facts["config_file"],
            "containers": _of_jobs(sidecars, "iactflow:container"),
            "image_digests": _of_jobs(sidecars, "iactflow:image_digest"),
            "labels": {name: target["label"] for name, target in facts["targets"].items()},
            "frozen": facts.get("frozen", {}),
        },
    }
    write_json(outputs.summary, summary)


def _of_jobs(sidecars: list[dict], key: str) -> list[str]:
    """What jobs say of the image that they really ran in; empty when all ran outside."""
    jobs = (job for sidecar in sidecars for job in sidecar["activity"].values())
    return sorted({job[key] for job in jobs if job.get(key)})


def cost_per_rule(
    sidecars: list[dict], production: str | None = None, sample: str | None = None
) -> dict[str, dict]:
    """Add up what the jobs of each rule cost.

    Parameters
    ----------
    sidecars : list of dict
        Provenance sidecars.
    production, sample : str, optional
        Jobs of this production, or of this reconstructed sample, only.

    Returns
    -------
    dict
        Per rule: jobs, cpu_s, wall_s, output_bytes (sums) and max_rss_mb (largest).
    """
    costs: dict[str, dict] = {}
    for sidecar in sidecars:
        for job in sidecar["activity"].values():
            of = job["iactflow:wildcards"]
            if production and of.get("production") != production:
                continue
            if sample and of.get("sample") != sample:
                continue
            cost = job["iactflow:cost"]
            empty = {"jobs": 0, "cpu_s": 0.0, "wall_s": 0.0, "max_rss_mb": 0.0, "output_bytes": 0}
            total = costs.setdefault(job["iactflow:rule"], empty)
            total["jobs"] += 1
            for key in ("cpu_s", "wall_s", "output_bytes"):
                total[key] += cost[key]
            total["max_rss_mb"] = max(total["max_rss_mb"], cost["max_rss_mb"])
    return dict(sorted(costs.items()))


def _simulations(paths: list[str], sidecars: list[dict]) -> dict[str, dict]:
    """Numbers of each production, with what an event of it cost."""
    blocks = {}
    for path in paths:
        block = read_json(path)
        _require(path, "production", block, "simulation")
        jobs = cost_per_rule(sidecars, production=block["name"])
        cpu_s = sum(cost["cpu_s"] for rule, cost in jobs.items() if rule in SIMULATING)
        block["cpu_s"] = cpu_s
        block["cpu_ms_per_thrown"] = 1e3 * cpu_s / block["n_thrown"]
        blocks[block.pop("name")] = block
    return blocks


def _samples(paths: list[str], sidecars: list[dict]) -> dict[str, dict]:
    """Numbers of each reconstructed sample, with what an event of it cost."""
    blocks = {}
    for path in paths:
        block = read_json(path)
        _require(path, "sample", block, "reconstruction")
        jobs = cost_per_rule(sidecars, sample=block["name"])
        cpu_s = sum(cost["cpu_s"] for rule, cost in jobs.items() if rule in RECONSTRUCTING)
        block["cpu_s"] = cpu_s
        block["cpu_ms_per_event"] = 1e3 * cpu_s / block["n_events"] if block["n_events"] else None
        blocks[block.pop("name")] = block
    return blocks


def _nodes(paths: list[str]) -> dict[str, dict]:
    """Numbers of the responses of each node."""
    blocks = {}
    for path in paths:
        block = read_json(path)
        _require(path, "node", block, "responses")
        blocks[block.pop("node")] = block
    return blocks


def _targets(index: dict, targets: Iterable[str]) -> dict[str, dict]:
    return {
        name: {
            "sky_map": _merged(index["sky_map"].get(name, []), "sky_map"),
            "spectrum": _spectrum(index["spectrum"].get(name, [])),
            "light_curve": _merged(index["light_curve"].get(name, []), "light_curve"),
        }
        for name in targets
    }


def _merged(paths: list[str], product: str) -> dict:
    """Blocks of several files that each hold ``{key: block}``."""
    merged: dict[str, dict] = {}
    for path in _listed(paths):
        for key, block in read_json(path).items():
            _require(path, key, block, product)
            for i, point in enumerate(block.get("points", [])):
                _require(path, f"{key}.points[{i}]", point, "light_curve_point")
            merged[key] = block
    return merged


def _spectrum(paths: list[str]) -> dict | None:
    if not paths:
        return None
    (path,) = _listed(paths)
    block = read_json(path)
    _require(path, "spectrum", block, "spectrum")
    for name, model in block["models"].items():
        _require(path, f"models.{name}", model, "model")
        for key, parameter in model["parameters"].items():
            _require(path, f"models.{name}.parameters.{key}", parameter, "parameter")
    for i, point in enumerate(block["flux_points"]):
        _require(path, f"flux_points[{i}]", point, "flux_point")
    return block


def _require(path, where: str, block: dict, kind: str) -> None:
    missing = [key for key in REQUIRED[kind] if key not in block]
    if missing:
        raise InputError(path, where, sorted(block), "with the key " + missing[0])


def _listed(paths) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)


def _versions(sidecars: list[dict]) -> dict[str, str]:
    """Versions that the jobs ran with; all of them where jobs differ."""
    found: dict[str, set[str]] = {}
    for sidecar in sidecars:
        for agent in sidecar["agent"].values():
            for name, version in agent["iactflow:versions"].items():
                found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in sorted(found.items())}
