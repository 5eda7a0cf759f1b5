"""``iactflow freeze``."""

from __future__ import annotations

from pathlib import Path

from iactflow.errors import InputError

__all__ = ["add_freeze_command"]


def add_freeze_command(commands) -> None:
    """Add the command to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        Commands.
    """
    command = commands.add_parser(
        "freeze", help="write the manifest of a finished production: campaigns may start from it"
    )
    command.add_argument("campaign", help="campaign file")
    command.add_argument("--production", help="its name, where the campaign has several")
    command.add_argument("--out", required=True, metavar="FILE", help="manifest to write")
    command.add_argument("--directory", default=".", help="folder that results/ lies in")
    command.add_argument(
        "--ledger", help="files and checksums as this ledger of the executor dirac has them "
        "(.dirac/ledger.json): jobs will read them from the storage elements"
    )  # fmt: skip
    command.set_defaults(run=_freeze)


def _freeze(options) -> int:
    from iactflow.campaign.config import read_campaign_file
    from iactflow.campaign.freeze import freeze
    from iactflow.campaign.load import load_campaign
    from iactflow.campaign.manifest import write_manifest

    campaign = load_campaign(read_campaign_file(options.campaign), [options.campaign])
    production = _chosen(campaign, options.production)
    source = _source(campaign, production, options)
    manifest = freeze(campaign, production, options.directory, source)
    digest = write_manifest(manifest, options.out)
    size = sum(int(value.partition(":")[0]) for value in manifest.files.values())
    counts = f"{len(manifest.chunks)} chunks, {len(manifest.files)} files, {size / 1e6:.1f} MB"
    print(f"{production}: {counts}")
    print(f"{options.out}: sha256 {digest}")
    print(f"a campaign starts from it by storage: {{frozen: {{{production}: {options.out}}}}}")
    return 0


def _chosen(campaign, name: str | None) -> str:
    """Production to freeze: one of those that the campaign simulates."""
    names = campaign.simulations.simulated
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        allowed = f"a production that the campaign simulates: {', '.join(names) or 'none'}"
        raise InputError("command line", "--production", name, allowed)
    return name


def _source(campaign, production: str, options):
    from iactflow.campaign.freeze_sources import in_ledger, in_local_folder, in_storage_element

    if options.ledger is not None:
        return in_ledger(campaign, production, options.ledger)
    if campaign.storage.is_stored(campaign.paths.simulated_chunk):
        return in_storage_element(campaign, production)
    return in_local_folder(campaign, production, Path(options.directory), Path(options.out))
