"""The command ``iactflow compare-ctapipe``."""

from __future__ import annotations

import argparse
from pathlib import Path

from iactflow import __version__

__all__ = ["add_compare_command", "table_lines"]

_UNITS = {
    "charge": "times 0.5 % or 0.05 p.e.",
    "mask, same charges": "of the images",
}
#: Exit code when a number is beyond its mark.
BEYOND = 1


def add_compare_command(commands) -> None:
    """Add the command to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        Of `iactflow.cli`.
    """
    command = commands.add_parser(
        "compare-ctapipe",
        help="reconstruct files of raw data with both chains and compare, event by event",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="sim_telarray file, or ours")
    command.add_argument("--json", metavar="OUT", help="write all numbers to this file")
    command.add_argument(
        "--max-events", type=_positive, metavar="N", help="only so many events of each file"
    )
    command.set_defaults(run=_compare)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"got {value}; allowed: at least 1")
    return value


def _compare(options) -> int:
    from iactflow.campaign.json_product import write_json
    from iactflow.report.compare_ctapipe import compare_files

    result = compare_files(options.files, max_events=options.max_events)
    if options.json:
        head = {"tool": "iactflow compare-ctapipe", "version": __version__}
        write_json(options.json, {**head, **result})
    print("\n".join(table_lines(result)))
    return 0 if result["passed"] else BEYOND


def table_lines(result: dict) -> list[str]:
    """The comparison as text.

    Parameters
    ----------
    result : dict
        Of `iactflow.report.compare_ctapipe.compare_files`.

    Returns
    -------
    list of str
        Lines.
    """
    lines = []
    for block in result["files"]:
        chains, same = block["chains"], block["same_images"]
        lines += [
            f"{Path(block['file']).name}",
            f"  {'':34}{'ours':>10}{'ctapipe':>10}{'alone':>8}",
        ]
        for key, name in (
            ("n_events", "events"),
            ("n_telescope_events", "images of telescopes"),
            ("n_reconstructed", "reconstructed events"),
        ):
            count = chains[key]
            lines.append(f"  {name:34}{count['main']:10}{count['check']:10}{count['alone']:8}")
        lines.append(f"  {'judged':46}{'largest':>12}{'allowed':>12}")
        lines += [_judged_line(row) for row in block["judged"]]
        lines += [f"  made plain to ctapipe: {line}" for line in block["ctapipe_alone"]]
        lines.append(
            f"  whole chains: charges off by at most {chains['charge_pe']:.3g} p.e., "
            f"{100 * chains['charge_within']:.4g} % within; masks differ in "
            f"{100 * chains['mask_fraction']:.3g} % of the images; "
            f"directions by {chains['direction_deg']:.2g} deg in {chains['n_equal_events']} events"
        )
        lines.append(
            f"  same images: core {same['core_m']:.2g} m, height of maximum "
            f"{same['h_max_m']:.2g} m; time gradients equal in "
            f"{100 * block['same_masks']['equal_time_gradients']:.3g} % of the images"
        )
        lines += [*_cpu_lines(block["cpu_ms"]), ""]
    words = "all within the marks" if result["passed"] else "NOT all within the marks"
    return [*lines, words]


def _judged_line(row) -> str:
    unit = _UNITS.get(row["quantity"], "")
    mark = "" if row["passed"] else "  BEYOND"
    return (
        f"  {row['quantity']:46}{row['value']:12.3g}{row['allowed']:12.3g}  {unit}{mark}".rstrip()
    )


def _cpu_lines(cpu) -> list[str]:
    """CPU time of both chains, without imports and compilation."""
    ours, theirs = cpu["ours"], cpu["ctapipe"]
    steps = sum(theirs[key] for key in ("calibrate", "process_images", "process_shower"))
    pairs = (
        ("read events", ours["read"], theirs["read"]),
        ("charges to geometry", ours["reconstruct"], steps),
        ("raw data to file, no images", ours["all"], theirs["all"]),
    )
    n_ours, n_theirs = (cpu["n_images"][key] for key in ("ours", "ctapipe"))
    lines = [
        "  CPU ms per telescope event, without imports and compilation, "
        f"over {n_ours} images (ours) and {n_theirs} (ctapipe)"
    ]
    return lines + [
        f"  {name:34}{a:10.3f}{b:10.3f}{b / a if a > 0 else float('nan'):8.1f} x"
        for name, a, b in pairs
    ]
