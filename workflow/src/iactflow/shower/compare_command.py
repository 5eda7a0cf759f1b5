"""The command ``iactflow compare-corsika``."""

from __future__ import annotations

from iactflow import __version__
from iactflow.shower.compare_settings import LEAST_SHOWERS

__all__ = ["add_compare_command"]


def add_compare_command(commands) -> None:
    """Add the command to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        Of `iactflow.cli`.
    """
    command = commands.add_parser(
        "compare-corsika",
        help="simulate the primaries of CORSIKA IACT files and compare the light on the ground",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="CORSIKA IACT file (eventio)")
    command.add_argument("--json", metavar="OUT", help="write all numbers to this file")
    command.add_argument(
        "--showers",
        type=int,
        default=LEAST_SHOWERS,
        metavar="N",
        help=f"ours per one of theirs, at least {LEAST_SHOWERS} (default)",
    )
    command.add_argument("--seed", type=int, help="seed of our showers")
    command.set_defaults(run=_compare)


def _compare(options) -> int:
    from iactflow.campaign.json_product import write_json
    from iactflow.shower.compare_corsika import compare_files, table_lines

    result = compare_files(options.files, options.showers, options.seed)
    if options.json:
        write_json(
            options.json, {"tool": "iactflow compare-corsika", "version": __version__, **result}
        )
    print("\n".join(table_lines(result)))
    return 0
