"""Command line of the instrument descriptions: ``iactflow instrument ...``."""

from __future__ import annotations

import argparse

__all__ = ["add_instrument_command"]


def add_instrument_command(commands) -> None:
    """Add ``instrument`` with ``show``, ``diff``, ``freeze`` and ``convert`` to a command line.

    Parameters
    ----------
    commands : argparse subparsers action
        What ``add_subparsers`` returned.
    """
    parser = commands.add_parser("instrument", help="instrument descriptions")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    action = actions.add_parser("show", help="what an instrument is")
    action.add_argument("instrument", help="version directory, or name/version")
    action.set_defaults(run=_show)

    action = actions.add_parser(
        "diff", help="what changed between two versions", description="Exit code 1 if they differ."
    )
    action.add_argument("old", help="version directory, or name/version")
    action.add_argument("new", help="version directory, or name/version")
    action.set_defaults(run=_diff)

    action = actions.add_parser("freeze", help="write the digest of a version beside it")
    action.add_argument("directory", help="version directory")
    action.set_defaults(run=_freeze)

    action = actions.add_parser(
        "convert", help="write a telescope type from a sim_telarray configuration"
    )
    action.add_argument("config", help="sim_telarray configuration of one telescope")
    action.add_argument("directory", help="version directory to write to")
    action.add_argument("--name", required=True, help="name of the telescope type")
    action.add_argument("--source", required=True, help="where the configuration comes from")
    action.add_argument("--tables", help="folder of its tables; default: beside it")
    action.add_argument("--sphere-radius-m", type=float, required=True, help="radius of the sphere")
    action.add_argument("--sphere-source", required=True, help="where the radius comes from")
    action.set_defaults(run=_convert)


def _show(options: argparse.Namespace) -> int:
    from iactflow.instrument.compare import summarise
    from iactflow.instrument.load import find_instrument

    print("\n".join(summarise(find_instrument(options.instrument))))
    return 0


def _diff(options: argparse.Namespace) -> int:
    from iactflow.instrument.compare import diff_instruments
    from iactflow.instrument.load import find_instrument

    old, new = find_instrument(options.old), find_instrument(options.new)
    lines = diff_instruments(old, new)
    print(f"{old.name} {old.version} -> {new.name} {new.version}: {len(lines)} differences")
    for line in lines:
        print(f"  {line}")
    return 1 if lines else 0


def _freeze(options: argparse.Namespace) -> int:
    from iactflow.instrument.digest import freeze
    from iactflow.instrument.load import load_instrument

    instrument = load_instrument(options.directory)
    print(f"{instrument.digest}  {freeze(options.directory, instrument.digest)}")
    return 0


def _convert(options: argparse.Namespace) -> int:
    from iactflow.instrument.simtel import convert_simtel

    sphere = (options.sphere_radius_m, options.sphere_source)
    print(
        convert_simtel(
            options.config,
            options.directory,
            options.name,
            options.source,
            sphere,
            tables=options.tables,
        )
    )
    return 0
