"""Which rule fed which, from the provenance of their jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["rule_edges"]


def rule_edges(sidecars: Iterable[Mapping]) -> set[tuple[str, str]]:
    """Find which rule read what which other rule made.

    Parameters
    ----------
    sidecars : iterable of mapping
        Provenance sidecars.

    Returns
    -------
    set of tuple of str
        Maker and reader; a rule that reads its own products is left out.
    """
    maker, used = {}, []
    for sidecar in sidecars:
        rules = {name: job["iactflow:rule"] for name, job in sidecar["activity"].items()}
        places = {key: entity["prov:location"] for key, entity in sidecar["entity"].items()}
        for relation in sidecar.get("wasGeneratedBy", {}).values():
            maker[places[relation["prov:entity"]]] = rules[relation["prov:activity"]]
        for relation in sidecar.get("used", {}).values():
            place = places.get(relation["prov:entity"], "")
            used.append((place, rules[relation["prov:activity"]]))
    edges = set()
    for place, reader in used:
        # A file inside a folder that a rule made is the work of that rule.
        while place and place not in maker:
            place = place.rpartition("/")[0]
        if place and maker[place] != reader:
            edges.add((maker[place], reader))
    return edges
