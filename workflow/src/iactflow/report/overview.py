"""The page that opens the report: one HTML file that needs nothing beside it."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from iactflow.crosscheck.verdicts import read_verdicts
from iactflow.report.html import fraction, measured, number, table, unit_html
from iactflow.report.overview_plan import plan_against_cost
from iactflow.report.overview_samples import responses, samples

__all__ = ["make_overview"]

ATTRIBUTION = (
    "This work made use of data from the H.E.S.S. DL3 public test data release 1 "
    "(HESS DL3 DR1, H.E.S.S. collaboration, 2018)."
)
PARAMETER_LABELS = {
    "amplitude": "N₀",
    "index": "Γ",
    "alpha": "α",
    "beta": "β",
    "lambda_": "λ",
    "index1": "Γ₁",
    "index2": "Γ₂",
    "ebreak": "E_b",
}


def make_overview(inputs, outputs, params, wildcards) -> None:
    """Write the overview of a campaign.

    Parameters
    ----------
    inputs : namespace
        ``summary``: the JSON summary; ``verdicts``: table of the comparison, where there is one.
    outputs : namespace
        ``overview``: the HTML file.
    params : namespace
        ``settings``: facts of the campaign; ``plan``: planned cost by rule.
    wildcards : namespace
        None are used.
    """
    summary = json.loads(Path(inputs.summary).read_text(encoding="utf-8"))
    facts = params.settings
    folder = files("iactflow.report")
    page = Template((folder / "overview.html").read_text(encoding="utf-8")).substitute(
        campaign=escape(summary["campaign"]),
        style=(folder / "overview.css").read_text(encoding="utf-8"),
        description=escape(facts["description"]),
        gate=_gate(inputs.verdicts),
        targets=_targets(summary),
        simulations=_simulations(summary["simulations"])
        + samples(summary["reconstruction"])
        + responses(summary["responses"]),
        attribution=_attribution(facts),
        provenance=_provenance(summary, facts),
        software=table(("package", "version"), [(escape(k), v) for k, v in _software(summary)]),
        cost=_cost(summary["cost"]) + plan_against_cost(params.plan, summary["cost"]),
        commands=escape(_commands(summary, facts)),
    )
    Path(outputs.overview).write_text(page, encoding="utf-8")


def _gate(paths: str | list[str]) -> str:
    if not paths:
        return ""
    verdicts = read_verdicts(paths if isinstance(paths, str) else paths[0])
    if not verdicts:
        text = "No number was compared with the check chain: nothing is verified."
        return f'<section class="gate closed"><strong>Gate closed</strong>{text}</section>'
    failed = [row for row in verdicts if not row["passed"]]
    if not failed:
        text = (
            f"All {len(verdicts)} numbers agree between the main chain and the check chain "
            "(ctapipe, pyirf, gammapy; of mock data also what was injected) within the tolerances "
            "of the campaign."
        )
        return f'<section class="gate open"><strong>Gate open</strong>{text}</section>'
    rows = [
        (
            escape(row["target"]),
            escape(row["product"]),
            escape(row["quantity"]),
            number(row["main"]),
            number(row["check"]),
            number(row["tolerance"]),
        )
        for row in failed
    ]
    head = ("target", "product", "quantity", "main", "check", "tolerance")
    return (
        '<section class="gate closed"><strong>Gate closed</strong>'
        f"<p>{len(failed)} of {len(verdicts)} numbers differ between the main chain and the check "
        "chain (ctapipe, pyirf, gammapy; of mock data also what was injected) by more than the "
        "campaign tolerates. Do not use the products of these targets before the reason is "
        "known.</p>"
        f"{table(head, rows, numeric=(3, 4, 5))}</section>"
    )


def _software(summary: dict) -> list[tuple[str, str]]:
    return [(name, escape(version)) for name, version in summary["software"].items()]


def _targets(summary: dict) -> str:
    if not summary["targets"]:
        return ""
    labels = summary["about"]["labels"]
    rows, parts = [], []
    for name, target in summary["targets"].items():
        label = escape(labels[name])
        spectrum = target["spectrum"]
        if spectrum is not None:
            rows.append(
                (
                    label,
                    str(len(spectrum["obs_ids"])),
                    number(spectrum["livetime_s"] / 3600, 2),
                    number(spectrum["n_on"]),
                    number(spectrum["n_off"]),
                    number(spectrum["alpha"], 4),
                    number(spectrum["excess"], 1),
                    f"{number(spectrum['significance'], 1)} σ",
                )
            )
        parts.append(f"<h3>{label}</h3>")
        parts += _spectrum(spectrum) + _sky_maps(target["sky_map"])
        parts += _light_curves(target["light_curve"])
    head = ("target", "runs", "livetime (h)", "on", "off", "α", "excess", "significance")
    note = (
        "<p>Counts in the on region and in the reflected off regions over the whole energy axis; "
        "significance by Li &amp; Ma (1983).</p>"
    )
    counts = note + table(head, rows, numeric=range(1, 8)) if rows else ""
    body = counts + "\n".join(parts)
    return f'<section id="targets"><h2>Targets</h2>{body}</section>'


def _spectrum(spectrum: dict | None) -> list[str]:
    if spectrum is None:
        return []
    models = []
    for name, model in spectrum["models"].items():
        values = "<br>".join(
            f"{PARAMETER_LABELS.get(key, escape(key))} = {measured(p['value'], p['error'])} "
            f"{unit_html(p['unit'])}"
            for key, p in model["parameters"].items()
        )
        models.append(
            (
                escape(name),
                values,
                f"{model['reference_tev']:g}",
                f"{number(model['energy_min_tev'])} – {number(model['energy_max_tev'])}",
                f"{number(model['stat'], 1)} / {model['n_bins']}",
            )
        )
    head = ("model", "parameters", "E₀ (TeV)", "fit range (TeV)", "W / bins")
    parts = [table(head, models)]
    if spectrum.get("dropped"):
        dropped = "; ".join(f"{d['obs_id']}: {d['reason']}" for d in spectrum["dropped"])
        parts.append(f"<p>Runs left out of the spectrum: {escape(dropped)}.</p>")
    points = [
        (
            f"{p['e_min_tev']:.3g} – {p['e_max_tev']:.3g}",
            _asymmetric(p["dnde"], p["dnde_errn"], p["dnde_errp"]),
            number(p["dnde_ul"]),
            number(p["sqrt_ts"], 1),
        )
        for p in spectrum["flux_points"]
    ]
    if points:
        head = ("energy (TeV)", "dN/dE", "upper limit", "√TS")
        body = table(head, points, numeric=(1, 2, 3))
        unit = unit_html("cm-2 s-1 TeV-1")
        parts.append(f"<details><summary>Flux points ({unit})</summary>{body}</details>")
    return parts


def _asymmetric(value, minus, plus) -> str:
    return f"{number(value)} −{number(minus)} +{number(plus)}"


def _sky_maps(bands: dict) -> list[str]:
    if not bands:
        return []
    rows = [
        (
            escape(band),
            number(b["n_on_events"]),
            f"{number(b['peak_significance'], 1)} σ",
            f"{number(b['peak_ra_deg'], 2)}, {number(b['peak_dec_deg'], 2)}",
            number(b["off_mean"], 3),
            number(b["off_std"], 3),
        )
        for band, b in bands.items()
    ]
    head = (
        "sky map (TeV)",
        "events",
        "peak",
        "at RA, Dec (deg)",
        "off-source mean",
        "off-source width",
    )
    return [table(head, rows, numeric=range(1, 6))]


def _light_curves(curves: dict) -> list[str]:
    if not curves:
        return []
    rows = [
        (
            escape(name.replace("_", " ")),
            f"{c['energy_min_tev']:.3g} – {c['energy_max_tev']:.3g}",
            str(len(c["points"])),
            fraction(c["chi2"], c["ndf"]),
            number(c["fractional_variability"], 2),
        )
        for name, c in curves.items()
    ]
    head = ("light curve", "energy (TeV)", "bins", "χ² / ndf of a constant", "F_var")
    return [table(head, rows, numeric=(2, 3, 4))]


def _simulations(productions: dict) -> str:
    """Section of the productions; empty where there are none."""
    if not productions:
        return ""
    rows = []
    for name, block in productions.items():
        for level, triggered in block["n_triggered"].items():
            rows.append(
                (
                    escape(name),
                    escape(block["particle"].replace("_", " ")),
                    f"{escape(block['instrument'])} {escape(block['instrument_version'])}",
                    _energy_range(block["energy_min_tev"], block["energy_max_tev"]),
                    f"× {level}",
                    number(block["n_showers"]),
                    number(block["n_thrown"]),
                    number(triggered),
                    number(block["mean_multiplicity"][level], 2),
                    number(block["cpu_ms_per_thrown"], 1),
                )
            )
    head = ("production", "particle", "instrument", "energy (TeV)", "night sky", "showers",
            "thrown", "triggered", "telescopes", "CPU (ms)")  # fmt: skip
    note = (
        "<p>Thrown events count every re-use of a shower. Telescopes: mean number in a triggered "
        "event. CPU: per thrown event, for its shower and all levels of the night sky.</p>"
    )
    body = note + table(head, rows, numeric=range(4, 10))
    return f'<section id="simulations"><h2>Simulations</h2>{body}</section>'


def _energy_range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} – {high:g}"


def _attribution(facts: dict) -> str:
    if not facts["targets"]:
        return "<p>Simulated data: no telescope observed them.</p>"
    if facts["data_source"] != "dl3":
        origin = "sampled from responses computed from published parametrisations"
        if facts["config"]["mock"]["simulations"] is not None:
            origin = "drawn one by one from simulated and reconstructed showers"
        return f"<p>Mock data: events {origin}. No telescope observed them.</p>"
    return f"<blockquote><p>{ATTRIBUTION}</p></blockquote>"


def _used(summary: dict) -> str:
    """Say whether the jobs ran in the campaign's image."""
    containers = summary["about"]["containers"]
    if not containers:
        return "not used: the jobs ran in the locked environment of the launching side"
    used = "used as " + ", ".join(f"<code>{escape(c)}</code>" for c in containers)
    digests = ", ".join(f"<code>{d}</code>" for d in summary["about"]["image_digests"])
    return f"{used}, digest {digests or 'unknown'}"


def _provenance(summary: dict, facts: dict) -> str:
    rows = [
        ("campaign file", f"<code>{escape(facts['config_file'])}</code>"),
        ("configuration (SHA-256)", f"<code>{escape(summary['config_sha256'])}</code>"),
        ("random seed", f"<code>{facts['seed']}</code>"),
        ("image", f"<code>{escape(summary['image'])}</code>, {_used(summary)}"),
        ("iactflow", escape(summary["software"].get("iactflow", "unknown"))),
        *((f"production {escape(n)}", _frozen(f)) for n, f in facts.get("frozen", {}).items()),
    ]
    return table((), rows)


def _frozen(facts: dict) -> str:
    """Say where a production comes from that this campaign did not simulate."""
    return (
        f"frozen, of campaign {escape(facts['campaign'])}, random seed "
        f"<code>{facts['seed']}</code>; manifest <code>{escape(facts['manifest'])}</code>, SHA-256 "
        f"<code>{facts['sha256']}</code>"
    )


def _cost(cost: dict) -> str:
    rows = [
        (
            escape(rule),
            str(c["jobs"]),
            number(c["cpu_s"], 1),
            number(c["wall_s"], 1),
            number(c["max_rss_mb"], 0),
            number(c["output_bytes"] / 1e6, 2),
        )
        for rule, c in cost.items()
    ]
    sums = [sum(c[key] for c in cost.values()) for key in ("jobs", "cpu_s", "wall_s")]
    memory = max((c["max_rss_mb"] for c in cost.values()), default=0.0)
    size = sum(c["output_bytes"] for c in cost.values()) / 1e6
    total = (
        "all",
        str(sums[0]),
        number(sums[1], 1),
        number(sums[2], 1),
        number(memory, 0),
        number(size, 2),
    )
    head = ("rule", "jobs", "CPU (s)", "wall (s)", "peak memory (MB)", "output (MB)")
    return table(head, rows, numeric=range(1, 6), foot=total)


def _commands(summary: dict, facts: dict) -> str:
    run = f"snakemake --profile profiles/local --configfile {facts['config_file']}"
    report = f"--report results/{summary['campaign']}/report.zip"
    style = "--report-stylesheet workflow/report/report.css"
    return f"{run}\n{run} \\\n    {report} {style}"
