"""Sections of the overview on reconstructed samples and on the responses made of them."""

from __future__ import annotations

from html import escape

from iactflow.campaign.schema_base import SafeRange
from iactflow.report.html import measured, number, table

__all__ = ["responses", "samples"]

# The bin that the table quotes holds this energy.
QUOTED_TEV = 1.0
HEAD = ("sample", "night sky", "events", "reconstructed", "images", "telescopes",
        "r68 (deg)", "σ(E) / E", "bias", "CPU (ms)")  # fmt: skip
NOTE = (
    "<p>Resolutions in the bin of true energy that begins at 1 TeV: radius of 68 % containment, "
    "rms and mean of E / E<sub>true</sub> − 1, each of the first way at hand (the figures show "
    "all). CPU: of the reconstruction, per event.</p>"
)
CONDITIONS = ("zenith_deg", "azimuth_deg", "nsb_factor", "throughput")
RESPONSES_HEAD = ("node", "zenith (deg)", "azimuth (deg)", "night sky", "throughput", "events",
                  "largest area (m²)", "lowest over largest area")  # fmt: skip
RESPONSES_NOTE = (
    "<p>Events: gamma rays after cuts. Lowest area: where simulated energies begin, the largest of "
    "all offsets.</p>"
)


def samples(blocks: dict) -> str:
    """Write the section.

    Parameters
    ----------
    blocks : dict
        ``reconstruction`` of the summary.

    Returns
    -------
    str
        HTML; empty where nothing was reconstructed.
    """
    if not blocks:
        return ""
    rows = [
        _row(name, label, level, block)
        for name, block in blocks.items()
        for label, level in block["levels"].items()
    ]
    body = NOTE + table(HEAD, rows, numeric=range(2, len(HEAD)))
    return f'<section id="reconstruction"><h2>Reconstruction</h2>{body}</section>'


def responses(nodes: dict) -> str:
    """Write the section on instrument responses.

    Parameters
    ----------
    nodes : dict
        ``responses`` of the summary.

    Returns
    -------
    str
        HTML; empty without responses.
    """
    if not nodes:
        return ""
    least = SafeRange().effective_area_min_fraction
    rows, above = [], []
    for name, block in nodes.items():
        lowest = max((f for f in block["lowest_area_fraction"] if f is not None), default=None)
        above += [name] if lowest is not None and lowest >= least else []
        rows.append(
            (
                escape(name),
                *(number(block["conditions"][key]) for key in CONDITIONS),
                number(sum(map(sum, block["n_signal_events"]))),
                number(max(map(max, block["effective_area_m2"]))),
                number(lowest),
            )
        )
    body = RESPONSES_NOTE + table(RESPONSES_HEAD, rows, numeric=range(1, len(RESPONSES_HEAD)))
    if above:
        body += (
            f'<p class="warning">Simulations of {escape(", ".join(above))} begin above the '
            f"threshold, at {least:g} of the largest area or more: by default spectra have no safe "
            "range. Simulate gamma rays of lower energies.</p>"
        )
    return f'<section id="responses"><h2>Instrument responses</h2>{body}</section>'


def _row(name: str, label: str, level: dict, block: dict) -> tuple[str, ...]:
    direction = _at(level.get("angular_resolution"))
    energy = _at(level.get("energy_resolution"))
    return (
        escape(name),
        "" if label == "all" else f"× {escape(label)}",
        number(level["n_events"]),
        number(level["n_reconstructed"]),
        number(level["n_images"]),
        number(level["mean_multiplicity"], 2),
        measured(direction.get("r68_deg"), direction.get("r68_error_deg")),
        measured(energy.get("resolution"), energy.get("resolution_error")),
        measured(energy.get("bias"), energy.get("bias_error")),
        number(block["cpu_ms_per_event"], 2),
    )


def _at(methods: dict | None) -> dict:
    """Bin that begins at the quoted energy, of the first method that has one."""
    for bins in (methods or {}).values():
        for block in bins:
            if abs(block["energy_min_tev"] / QUOTED_TEV - 1.0) < 1e-6:
                return block
    return {}
