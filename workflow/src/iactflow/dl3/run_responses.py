"""Responses that belong to the conditions of a run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from iactflow.errors import InputError
from iactflow.io.gadf_responses import read_responses
from iactflow.io.observation import Background3D, PointSpread
from iactflow.response.grid import GridConditions, Reach, interpolate_responses
from iactflow.response.parametrised import Responses, responses
from iactflow.response.signal import widened

__all__ = ["read_node", "run_responses"]

#: Keywords of the conditions of a node, by those of a run.
CARDS = {
    "zenith_deg": "ZENITH",
    "azimuth_deg": "AZIMUTH",
    "nsb_factor": "NSB",
    "throughput": "THROUGH",
}
# How far beyond the nodes night sky and throughput of a run may lie.
_NSB_REACH_DEX = 0.05
_THROUGHPUT_REACH = 0.05


@lru_cache(maxsize=64)
def read_node(path: str | Path) -> tuple[Responses, dict]:
    """Read the responses of a node.

    Parameters
    ----------
    path : str or Path
        GADF file of the rule that makes responses.

    Returns
    -------
    tables : Responses
        Responses; a table of a single offset as two bins of the same content.
    conditions : dict of str to float
        What the file says of its conditions, by the keys of `CARDS`.

    Raises
    ------
    InputError
        If the file is broken, or is not the full-enclosure response with a table of the point
        spread function and a background in the field of view.
    """
    file = read_responses(path)
    if file.point_like:
        raise InputError(path, "HDUCLAS3", "POINT-LIKE", "FULL-ENCLOSURE")
    for name, kind in (("psf", PointSpread), ("bkg", Background3D)):
        found = getattr(file, name)
        if not isinstance(found, kind):
            text = "nothing" if found is None else type(found).__name__
            raise InputError(path, f"HDU {name.upper()}", text, kind.__name__)
    for name in ("aeff", "edisp"):
        if getattr(file, name) is None:
            raise InputError(path, f"HDU {name.upper()}", "nothing", "a table")
    cards = file.cards or {}
    conditions = {key: float(cards[card]) for key, card in CARDS.items() if card in cards}
    return Responses(*map(widened, file[:3]), file.bkg), conditions


def run_responses(files: Sequence[str | Path], conditions: dict, pointing_deg: float) -> Responses:
    """Responses of a run.

    Parameters
    ----------
    files : sequence of path
        Nodes; none: responses of the published parametrisations at the run's zenith angle.
    conditions : dict
        ``zenith_deg``, ``azimuth_deg``, ``nsb_factor``, ``throughput`` of the run.
    pointing_deg : float
        How far the pointing of the run may lie beyond the outermost nodes.

    Returns
    -------
    Responses
        Interpolated between nodes. A file without conditions holds for every run, where it is the
        only one.

    Raises
    ------
    InputError
        If the run lies beyond the nodes, these are no full grid, or several say nothing of their
        conditions.
    """
    if not files:
        return responses(conditions["zenith_deg"])
    key = tuple(conditions[name] for name in CARDS)
    return _at_conditions(tuple(map(str, files)), key, pointing_deg)


@lru_cache(maxsize=64)
def _at_conditions(files: tuple[str, ...], key: tuple[float, ...], reach_deg: float) -> Responses:
    nodes = [read_node(file) for file in files]
    if len(nodes) == 1 and not nodes[0][1]:
        return nodes[0][0]
    for file, (_, known) in zip(files, nodes, strict=True):
        if "zenith_deg" not in known:
            raise InputError(file, "ZENITH", None, "the conditions of every node")
    wanted = GridConditions(*key)._asdict()
    # What a file does not tell does not change from run to run.
    grid = [(GridConditions(**{**wanted, **known}), tables) for tables, known in nodes]
    reach = Reach(reach_deg, reach_deg, _NSB_REACH_DEX, _THROUGHPUT_REACH)
    return interpolate_responses(grid, GridConditions(*key), reach)
