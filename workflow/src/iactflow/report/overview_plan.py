"""Table of the overview: what the campaign was planned to cost, and what it has cost."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from iactflow.report.html import number, table

__all__ = ["plan_against_cost"]

KEYS = ("cpu_s", "max_rss_mb", "output_bytes")
HEAD = ("rule", "jobs", "CPU (h): plan", "run", "peak memory (MB): plan", "run",
        "output (MB): plan", "run")  # fmt: skip
NOTE = (
    "<p>Planned before the run with the reference costs of <code>config/costs.yaml</code>, without "
    "the start of jobs. Rules that nobody has measured, or whose jobs are not all in this summary, "
    "are left out.</p>"
)


def plan_against_cost(plan: Mapping[str, Mapping], cost: Mapping[str, Mapping]) -> str:
    """Write planned beside measured CPU time, memory and bytes.

    Parameters
    ----------
    plan : mapping
        Per rule: jobs, cpu_s, max_rss_mb, output_bytes (`iactflow.campaign.plan.planned_costs`).
    cost : mapping
        The same as measured (`iactflow.report.summary.cost_per_rule`).

    Returns
    -------
    str
        HTML; empty where no rule can be compared.
    """
    rules = [name for name in cost if name in plan and plan[name]["jobs"] == cost[name]["jobs"]]
    if not rules:
        return ""
    rows = [_row(escape(name), plan[name], cost[name]) for name in rules]
    foot = _row("all", *(_total([side[name] for name in rules]) for side in (plan, cost)))
    body = NOTE + table(HEAD, rows, numeric=range(1, 8), foot=foot)
    return f"<details open><summary>Plan and measurement</summary>{body}</details>"


def _total(entries: list[Mapping]) -> dict:
    sums = {key: sum(entry[key] for entry in entries) for key in ("jobs", "cpu_s", "output_bytes")}
    return {**sums, "max_rss_mb": max(entry["max_rss_mb"] for entry in entries)}


def _row(name: str, planned: Mapping, measured: Mapping) -> tuple[str, ...]:
    cells = [
        text
        for key, scale, decimals in zip(KEYS, (3600.0, 1.0, 1e6), (4, 0, 2), strict=True)
        for text in (number(side[key] / scale, decimals) for side in (planned, measured))
    ]
    return (name, str(planned["jobs"]), *cells)
