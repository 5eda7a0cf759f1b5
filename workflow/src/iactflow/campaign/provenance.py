"""Provenance of products in W3C PROV terms: activity, entities used and generated, agent.

One JSON sidecar per job covers all its outputs, in PROV-JSON (W3C Member Submission, 24 April
2013). Times, host and cost live there alone. A short provenance also travels inside each product
and is no part of its content digest.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from iactflow import __version__
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.cost import CostRecord, size_bytes
from iactflow.campaign.digest import content_digest, files_of, json_sha256
from iactflow.campaign.image import image_path
from iactflow.errors import InputError

__all__ = [
    "Activity",
    "container_digest",
    "entity",
    "input_digest",
    "package_versions",
    "prov_document",
    "read_sidecar",
    "short_provenance",
    "write_sidecar",
]

SUFFIX = ".prov.json"
VERSION = 1
PREFIXES = {"prov": "http://www.w3.org/ns/prov#", "iactflow": "urn:iactflow:"}
PACKAGES = (
    *("astropy", "awkward", "ctapipe", "fitsio", "gammapy", "iminuit", "matplotlib", "numba"),
    *("numpy", "pandas", "pyirf", "regions", "scipy", "snakemake", "uproot"),
)
BLOCKS = (
    *("prefix", "entity", "activity", "agent"),
    *("used", "wasGeneratedBy", "wasAssociatedWith"),
)
ENTITY_KEYS = {
    "prov:location": str,
    "prov:type": str,
    "iactflow:content_digest": str,
    "iactflow:bytes": int,
}
ACTIVITY_KEYS = (
    *("prov:startTime", "prov:endTime", "iactflow:rule", "iactflow:wildcards"),
    *("iactflow:code", "iactflow:config_sha256", "iactflow:settings_sha256", "iactflow:seed"),
    *("iactflow:image", "iactflow:container", "iactflow:cost"),
)
CONTAINER_VARIABLE = "APPTAINER_CONTAINER"
# Set by the image itself: digest over the files that it was built with.
DIGEST_VARIABLE = "IACTFLOW_IMAGE_DIGEST"
# Where Apptainer unpacks an image file for one job, on machines that cannot mount it.
UNPACKED = re.compile(r"/rootfs-\d+/root$")
# An input without a sidecar of its own name is looked for in those beside it, if they are few.
MAX_SEARCHED = 64


@dataclass
class Activity:
    """What a job was: all that its sidecar says besides inputs and outputs.

    Attributes
    ----------
    rule : str
        Name of the rule.
    wildcards : mapping
        Its wildcards.
    code : str
        Digest of the import closure of the stage's code.
    config_sha256, image : str or None
        Digest of the campaign; image that the campaign pins.
    settings : object
        The block of the campaign that the rule reads.
    seed : int or None
        Random seed of the campaign.
    function : str
        The function called, as ``module.name``.
    start, end : str
        UTC, ISO 8601.
    cost : CostRecord
        What it cost.
    checkout_modules : list of str or None
        Modules loaded from the checkout; None where the job was not asked to run in its image.
    """

    rule: str
    code: str
    function: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    config_sha256: str | None = None
    image: str | None = None
    settings: object = None
    seed: int | None = None
    start: str = ""
    end: str = ""
    cost: CostRecord = field(default_factory=CostRecord)
    checkout_modules: list[str] | None = None


@cache
def package_versions() -> dict[str, str]:
    """Look up the versions of the packages that can change a result, where installed.

    Returns
    -------
    dict of str to str
        Version by name, ``python`` and ``iactflow`` among them.
    """
    versions = {"python": platform.python_version(), "iactflow": __version__}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def short_provenance(activity: Activity) -> dict[str, str]:
    """Provenance that travels inside a product: FITS keywords and their values.

    Parameters
    ----------
    activity : Activity
        The job.

    Returns
    -------
    dict of str to str
        ``IFVERS`` version, ``IFRULE`` rule, ``IFCODE`` code digest, ``IFCONF`` campaign digest,
        ``IFSETT`` settings digest, ``IFSEED`` seed, ``IFIMAG`` image; only what is known.
    """
    values = {
        "IFVERS": __version__,
        "IFRULE": activity.rule,
        "IFCODE": activity.code,
        "IFCONF": activity.config_sha256,
        "IFSETT": None if activity.settings is None else json_sha256(activity.settings),
        "IFSEED": activity.seed,
        "IFIMAG": activity.image,
    }
    return {key: str(value) for key, value in values.items() if value is not None}


def _generated(sidecar: Path) -> dict[str, dict]:
    """Entities that a job generated, by file name, from its sidecar."""
    document = read_sidecar(sidecar)
    entities = (document["entity"][g["prov:entity"]] for g in document["wasGeneratedBy"].values())
    return {Path(entity["prov:location"]).name: entity for entity in entities}


def _find_sidecar(path: Path) -> tuple[Path, dict] | None:
    """Sidecar of the job that made a product, and the product's entity in it."""
    own = path.with_name(path.name + SUFFIX)
    if own.is_file():
        candidates = [own]
    else:
        candidates = sorted(path.parent.glob(f"*{SUFFIX}"))
        if len(candidates) > MAX_SEARCHED:
            return None
    for sidecar in candidates:
        entity = _generated(sidecar).get(path.name)
        if entity is not None:
            return sidecar, entity
    return None


def input_digest(path: str | Path) -> str:
    """Content digest of an input, from the sidecar of the job that made it where there is one.

    The sidecar counts only while it is not older than the product and the size is the same;
    otherwise the content is read.

    Parameters
    ----------
    path : str or Path
        File or folder.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    InputError
        If the input is missing or broken, or a sidecar beside it is broken.
    """
    path = Path(path)
    found = _find_sidecar(path)
    if found is None or not path.exists():
        return content_digest(path)
    sidecar, entity = found
    files = files_of(path)
    latest = max((file.stat().st_mtime_ns for file in files), default=0)
    same = size_bytes(files) == entity["iactflow:bytes"]
    if same and latest <= sidecar.stat().st_mtime_ns:
        return entity["iactflow:content_digest"]
    return content_digest(path)


def entity(path: str | Path, location: str | Path, digest: str) -> dict:
    """Entity of a product.

    Parameters
    ----------
    path : str or Path
        Where it lies now: its size is taken here.
    location : str or Path
        Its final name.
    digest : str
        Its content digest.

    Returns
    -------
    dict
        PROV-JSON attributes.
    """
    return {
        "prov:location": str(location),
        "prov:type": "iactflow:Folder" if Path(path).is_dir() else "iactflow:File",
        "iactflow:content_digest": digest,
        "iactflow:bytes": size_bytes(files_of(path)),
    }


def container_digest() -> str | None:
    """Look up the digest of the image that this process runs in.

    Returns
    -------
    str or None
        64 hexadecimal digits, as the image states them; None outside a container, and in an image
        that was not built by ``containers/build.sh``.
    """
    return os.environ.get(DIGEST_VARIABLE) if os.environ.get(CONTAINER_VARIABLE) else None


def _container(image: str | None) -> str | None:
    """Image that this process runs in; the campaign's name of it where it was unpacked for it."""
    found = os.environ.get(CONTAINER_VARIABLE)
    if not (found and image and UNPACKED.search(found)):
        return found
    named = image_path(image)
    return named if "://" in named else os.path.abspath(named)


def _activity_attributes(activity: Activity) -> dict:
    settings = activity.settings
    return {
        "prov:startTime": activity.start,
        "prov:endTime": activity.end,
        "prov:type": "iactflow:Job",
        "iactflow:rule": activity.rule,
        "iactflow:wildcards": dict(activity.wildcards),
        "iactflow:function": activity.function,
        "iactflow:code": activity.code,
        "iactflow:config_sha256": activity.config_sha256,
        "iactflow:settings_sha256": None if settings is None else json_sha256(settings),
        "iactflow:seed": activity.seed,
        "iactflow:image": activity.image,
        "iactflow:container": _container(activity.image),
        "iactflow:image_digest": container_digest(),
        "iactflow:checkout_modules": activity.checkout_modules,
        "iactflow:cost": activity.cost.as_dict(),
    }


def prov_document(
    activity: Activity, used: Mapping[str, dict], generated: Mapping[str, dict]
) -> dict:
    """Provenance of a job as PROV-JSON.

    Parameters
    ----------
    activity : Activity
        The job.
    used, generated : mapping of str to dict
        Entities by location, from `entity`.

    Returns
    -------
    dict
        Blocks ``prefix``, ``entity``, ``activity``, ``agent``, ``used``, ``wasGeneratedBy``,
        ``wasAssociatedWith``.
    """
    job = "iactflow:job"
    software = "iactflow:software"
    names = {path: f"iactflow:entity/{path}" for path in [*used, *generated]}
    return {
        "prefix": PREFIXES,
        "iactflow:sidecar_version": VERSION,
        "entity": {names[path]: value for path, value in {**used, **generated}.items()},
        "activity": {job: _activity_attributes(activity)},
        "agent": {
            software: {"prov:type": "prov:SoftwareAgent", "iactflow:versions": package_versions()}
        },
        "used": {
            f"_:used{i}": {"prov:activity": job, "prov:entity": names[path]}
            for i, path in enumerate(used)
        },
        "wasGeneratedBy": {
            f"_:generated{i}": {"prov:entity": names[path], "prov:activity": job}
            for i, path in enumerate(generated)
        },
        "wasAssociatedWith": {"_:associated0": {"prov:activity": job, "prov:agent": software}},
    }


def write_sidecar(path: str | Path, document: Mapping) -> None:
    """Write a sidecar, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Its name.
    document : mapping
        From `prov_document`.
    """
    with atomic_output(path) as temporary:
        temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read_sidecar(path: str | Path) -> dict:
    """Read and check a sidecar.

    Parameters
    ----------
    path : str or Path
        Its name.

    Returns
    -------
    dict
        As written by `write_sidecar`.

    Raises
    ------
    InputError
        If it is missing, no JSON, of another version, or incomplete.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(path, "file", "missing", "a provenance sidecar") from None
    except ValueError as error:
        raise InputError(path, "content", str(error), "JSON") from None
    if not isinstance(document, dict):
        raise InputError(path, "content", type(document).__name__, "a JSON object")
    version = document.get("iactflow:sidecar_version")
    if version != VERSION:
        raise InputError(path, "iactflow:sidecar_version", version, str(VERSION))
    for block in BLOCKS:
        if not isinstance(document.get(block), dict):
            raise InputError(path, block, document.get(block), "a PROV-JSON block")
    _check_references(path, document)
    return document


def _check_references(path: Path, document: Mapping) -> None:
    for block in ("used", "wasGeneratedBy"):
        for relation in document[block].values():
            name = relation.get("prov:entity")
            if name not in document["entity"]:
                raise InputError(path, block, name, "an entity of this sidecar")
            if relation.get("prov:activity") not in document["activity"]:
                value = relation.get("prov:activity")
                raise InputError(path, block, value, "an activity of this sidecar")
    for name, attributes in document["entity"].items():
        for key, kind in ENTITY_KEYS.items():
            if not isinstance(attributes.get(key), kind):
                raise InputError(path, f"{name} {key}", attributes.get(key), kind.__name__)
    for name, attributes in document["activity"].items():
        for key in ACTIVITY_KEYS:
            if key not in attributes:
                raise InputError(path, f"{name} {key}", "missing", "an attribute of the job")
