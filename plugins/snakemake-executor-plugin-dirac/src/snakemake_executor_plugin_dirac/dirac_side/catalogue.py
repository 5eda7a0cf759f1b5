"""Files in DIRAC's catalogue and storage: put once, checked when read.

Runs under DIRAC's own Python, beside ``bridge.py`` here and ``worker.py`` in a job.
"""

import os
import time
import uuid
import zlib


class CatalogueError(Exception):
    """What DIRAC said, with the name of the file."""


def adler32(path):
    """Compute the checksum that DIRAC's catalogue holds.

    Parameters
    ----------
    path : str
        File.

    Returns
    -------
    str
        Eight hexadecimal digits.
    """
    value = 1
    with open(path, "rb") as stream:
        while block := stream.read(1 << 22):
            value = zlib.adler32(block, value)
    return f"{value & 0xFFFFFFFF:08x}"


def value_of(result, what):
    """Return the value of a DIRAC result, also of one for a single file.

    Parameters
    ----------
    result : dict
        ``S_OK`` or ``S_ERROR``.
    what : str
        What was done, for the message.

    Returns
    -------
    object
        The value.

    Raises
    ------
    CatalogueError
        If it is an error, or holds failed files.
    """
    if not result["OK"]:
        raise CatalogueError(f"{what}: {result['Message']}")
    value = result["Value"]
    if isinstance(value, dict) and value.get("Failed"):
        raise CatalogueError(f"{what}: {value['Failed']}")
    return value


def attempted(function, what, attempts=4, pause_s=5.0):
    """Call a function again when DIRAC says no: services restart, networks break.

    Parameters
    ----------
    function : callable
        Raises `CatalogueError`.
    what : str
        What it does.
    attempts : int
        Calls at most.
    pause_s : float
        Seconds after the first failure; doubled after each.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    CatalogueError
        The last one.
    """
    for attempt in range(attempts):
        try:
            return function()
        except CatalogueError as error:
            if attempt == attempts - 1:
                raise
            print(f"{what}: {error}; again in {pause_s * 2**attempt:.0f} s", flush=True)
            time.sleep(pause_s * 2**attempt)
    raise AssertionError("unreachable")


def get_file(lfn, path, checksum=None):
    """Fetch a file under a temporary name, compare its checksum, and put it in its place.

    Parameters
    ----------
    lfn : str
        Logical file name.
    path : str
        Where it goes.
    checksum : str, optional
        Its adler32.

    Raises
    ------
    CatalogueError
        If it cannot be read, or is another file.
    """
    from DIRAC.DataManagementSystem.Client.DataManager import DataManager

    folder = os.path.dirname(path) or "."
    os.makedirs(folder, exist_ok=True)
    arrivals = os.path.join(folder, f".dirac-{os.getpid()}")
    os.makedirs(arrivals, exist_ok=True)
    arrived = os.path.join(arrivals, os.path.basename(lfn))
    try:
        attempted(
            lambda: value_of(DataManager().getFile(lfn, destinationDir=arrivals), f"get {lfn}"),
            f"get {lfn}",
        )
        found = adler32(arrived)
        if checksum and found != checksum:
            raise CatalogueError(f"get {lfn}: checksum {found}, expected {checksum}")
        os.replace(arrived, path)
    finally:
        if os.path.exists(arrived):
            os.remove(arrived)
        if os.path.isdir(arrivals) and not os.listdir(arrivals):
            os.rmdir(arrivals)


def known_files(lfns):
    """Look up which files are catalogued with a replica.

    Parameters
    ----------
    lfns : list of str
        Logical file names.

    Returns
    -------
    dict
        By LFN: ``size``, ``adler32`` and ``replicas``, a list of storage elements.

    Raises
    ------
    CatalogueError
        If the catalogue does not answer.
    """
    from DIRAC.Resources.Catalog.FileCatalog import FileCatalog

    catalogue = FileCatalog()
    sizes = catalogue.getFileMetadata(lfns)
    replicas = catalogue.getReplicas(lfns, allStatus=True)
    for result in (sizes, replicas):
        if not result["OK"]:
            raise CatalogueError(f"file catalogue: {result['Message']}")
    return {
        lfn: {
            "size": entry["Size"],
            "adler32": str(entry["Checksum"]).lower().zfill(8),
            "replicas": sorted(replicas["Value"]["Successful"].get(lfn, {})),
        }
        for lfn, entry in sizes["Value"]["Successful"].items()
    }


def put_file(lfn, path, storage_elements, fingerprint):
    """Upload and register a file, once: what the same job made before is kept.

    A job may run twice without anybody's wish, when its pilot was believed dead. The first to
    register a product wins; a product of other inputs or of other code is replaced.

    Parameters
    ----------
    lfn : str
        Logical file name.
    path : str
        Local file, not empty.
    storage_elements : list of str
        In the order of preference.
    fingerprint : str
        Of the job that makes it.

    Returns
    -------
    dict
        ``lfn``, ``size``, ``adler32``, ``replicas``, ``kept``.

    Raises
    ------
    CatalogueError
        If no storage element takes it.
    """
    from DIRAC.DataManagementSystem.Client.DataManager import DataManager
    from DIRAC.Resources.Catalog.FileCatalogClient import FileCatalogClient

    def put():
        known = known_files([lfn]).get(lfn)
        if known and known["replicas"]:
            metadata = FileCatalogClient().getFileUserMetadata(lfn)
            if metadata["OK"] and metadata["Value"].get("job_fingerprint") == fingerprint:
                return {
                    "lfn": lfn,
                    "size": known["size"],
                    "adler32": known["adler32"],
                    "replicas": known["replicas"],
                    "kept": True,
                }
        if known:
            value_of(DataManager().removeFile(lfn, force=True), f"remove {lfn}")
        errors = []
        for storage_element in storage_elements:
            # DIRAC derives identifiers from the content: of two files with the same bytes it would
            # register the first alone, and say that all went well.
            guid = str(uuid.uuid4()).upper()
            result = DataManager().putAndRegister(
                lfn, path, storage_element, guid=guid, overwrite=True
            )
            if result["OK"] and lfn in result["Value"]["Successful"]:
                found = known_files([lfn]).get(lfn)
                if found and found["replicas"] and found["adler32"] == adler32(path):
                    entry = {name: found[name] for name in ("size", "adler32", "replicas")}
                    return {"lfn": lfn, **entry, "kept": False}
                result = {"Message": f"registered as {found}"}
            words = result.get("Message") or result["Value"]["Failed"]
            errors.append(f"{storage_element}: {words}")
        raise CatalogueError(f"put {lfn}: {'; '.join(errors)}")

    return attempted(put, f"put {lfn}")


def set_metadata(entries):
    """Attach metadata to files.

    Parameters
    ----------
    entries : dict
        By LFN: name to value.

    Raises
    ------
    CatalogueError
        If the catalogue refuses.
    """
    from DIRAC.Resources.Catalog.FileCatalogClient import FileCatalogClient

    # The bulk call of this catalogue answers without saying whether it went well.
    client = FileCatalogClient()
    for lfn, metadata in entries.items():
        what = f"metadata of {lfn}"
        attempted(lambda e=(lfn, metadata, what): value_of(client.setMetadata(*e[:2]), e[2]), what)
