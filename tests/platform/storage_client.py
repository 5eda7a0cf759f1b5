"""One request to a storage element, in a process of its own: keys are read once per process.

usage: storage_client.py ACTION ADDRESS LOCAL_FOLDER [SETTING=VALUE]...

The action is a method of the storage object (`exists`, `retrieve_object`, `store_object`,
`remove`). `managed_exists` with below=N counts the files 0 ... N-1 of a folder that exist. Prints
the result, or the error in one line with status 1.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_storage_plugin_iactxrootd import StorageProvider, StorageProviderSettings


async def count(provider: StorageProvider, address: str, below: int) -> int:
    """Count files as Snakemake does, all at the same time."""
    objects = [provider.object(f"{address}/{number}") for number in range(below)]
    return sum(await asyncio.gather(*(found.managed_exists() for found in objects)))


def main(action: str, address: str, folder: str, *settings: str) -> int:
    """Do it."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    known, below = StorageProviderSettings(), 0
    for name, _, value in (setting.partition("=") for setting in settings):
        if name == "below":
            below = int(value)
            continue
        if not hasattr(known, name):
            raise SystemExit(f"no such setting: {name}")
        setattr(known, name, float(value) if name.endswith("_s") else value)
    try:
        provider = StorageProvider(Path(folder), logging.getLogger("storage"), settings=known)
        if below:
            print(asyncio.run(count(provider, address, below)))
        else:
            print(getattr(provider.object(address), action)())
    except WorkflowError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
