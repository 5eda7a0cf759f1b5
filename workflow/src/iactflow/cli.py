"""Command line: what a user does around a campaign."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from iactflow import __version__
from iactflow.campaign.freeze_command import add_freeze_command
from iactflow.campaign.plan_command import add_plan_commands
from iactflow.errors import InputError
from iactflow.instrument.command import add_instrument_command
from iactflow.report.compare_command import add_compare_command as add_compare_ctapipe
from iactflow.shower.compare_command import add_compare_command

__all__ = ["main"]

#: Exit code when the output's reader has gone, as of a process that SIGPIPE ends.
CUT_OFF = 141


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Command line; that of the process if left out.

    Returns
    -------
    int
        Exit code: 0; 2 with one line on standard error for bad input; 141 when nobody reads on.
    """
    options = _parser().parse_args(arguments)
    try:
        code = options.run(options)
        sys.stdout.flush()
        return code
    except InputError as error:
        print(f"iactflow: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output, such as head, has seen enough; nothing is left to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_OFF


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="iactflow", description=main.__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"iactflow {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("validate", help="check a campaign file and all that it names")
    command.add_argument("campaign", help="campaign file")
    command.set_defaults(run=_validate)

    command = commands.add_parser("index-runs", help="write the run table of a GADF data store")
    command.add_argument("root", help="folder that holds the GADF indices")
    command.add_argument("table", help="run table to write (TSV); checksums go beside it")
    command.set_defaults(run=_index_runs)

    command = commands.add_parser("catalogue", help="write size and adler32 of a folder's files")
    command.add_argument("folder", help="folder, before it is copied to a storage element")
    command.add_argument("table", help="catalogue to write (TSV)")
    command.set_defaults(run=_catalogue)

    command = commands.add_parser("schema", help="compare or write the files made from the schema")
    command.add_argument("--write", action="store_true", help="write them")
    command.set_defaults(run=_schema)

    add_plan_commands(commands)
    add_freeze_command(commands)
    add_instrument_command(commands)
    add_compare_command(commands)
    add_compare_ctapipe(commands)
    return parser


def _validate(options) -> int:
    from iactflow.campaign.config import read_campaign_file
    from iactflow.campaign.load import load_campaign

    campaign = load_campaign(read_campaign_file(options.campaign), [options.campaign])
    for name, table in campaign.runs.items():
        hours = table["livetime_s"].sum() / 3600
        print(f"{name}: {len(table)} runs, {hours:.2f} h live")
    for name, block in campaign.simulations.productions.items():
        runs = campaign.simulations.chunks[name]
        jobs = sum(len(chunks) for chunks in runs.values())
        if block.iact_files is not None:
            print(f"{name}: {jobs} CORSIKA IACT files of {len(runs)} runs")
            continue
        showers = len(runs) * block.n_showers
        events = showers * block.shower_reuse
        print(f"{name}: {events} events of {showers} showers in {jobs} jobs")
    return 0


def _index_runs(options) -> int:
    from iactflow.campaign.atomic import atomic_output
    from iactflow.campaign.load import INDICES
    from iactflow.dl3.index import checksum_table, index_runs

    table = index_runs(options.root)
    checksums = checksum_table(options.root, [*INDICES, *table["file"]])
    path = Path(options.table)
    for content, file in ((table, path), (checksums, path.with_suffix(".sha256.tsv"))):
        with atomic_output(file) as temporary:
            content.to_csv(temporary, sep="\t", index=False)
    return 0


def _catalogue(options) -> int:
    from iactflow.campaign.catalogue import write_catalogue

    print(f"{write_catalogue(options.folder, options.table)} files in {options.table}")
    return 0


def _schema(options) -> int:
    from iactflow.campaign.document import documents, write_documents

    if options.write:
        print("\n".join(write_documents()))
        return 0
    drifted = [n for n, text in documents().items() if Path(n).read_text("utf-8") != text]
    for name in drifted:
        print(f"{name} differs from the schema: run iactflow schema --write", file=sys.stderr)
    return 1 if drifted else 0
