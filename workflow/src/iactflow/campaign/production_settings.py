"""Which settings of a production a product depends on."""

from __future__ import annotations

from collections.abc import Mapping

from iactflow.campaign.schema_simulation import HADRONS, OF_THE_FILES

__all__ = ["OF_THE_TELESCOPES", "product_settings", "throws_hadrons"]

# Settings of a production that no shower depends on: their change keeps the photons.
OF_THE_TELESCOPES = ("nsb_levels", "alignment", "reduction")
# Cut into jobs, and where files lie: nothing else.
OF_THE_JOBS = ("showers_per_job", "iact_files")


def throws_hadrons(particle: str, backend: str) -> bool:
    """Whether our showers of a particle need hadronic interactions.

    Parameters
    ----------
    particle : str
        Particle of the production.
    backend : str
        How showers are made.

    Returns
    -------
    bool
        True for hadrons and nuclei whose showers we make.
    """
    return backend == "iactflow" and particle in HADRONS


def product_settings(blocks: Mapping[str, Mapping]) -> dict[str, dict]:
    """Keep of a production what its events depend on.

    Parameters
    ----------
    blocks : mapping
        ``production``, ``shower`` and ``instrument`` of a campaign, as plain values.

    Returns
    -------
    dict
        The same without the keys that change no event.
    """
    production, shower = blocks["production"], blocks["shower"]
    left_out, no_showers = set(OF_THE_JOBS), {"keep_photons", "corsika"}
    if shower["backend"] == "iact_files":
        left_out |= set(OF_THE_FILES)
        no_showers.add("cascade")
    if not throws_hadrons(production["particle"], shower["backend"]):
        no_showers.add("hadrons")
    return {
        "production": {key: value for key, value in production.items() if key not in left_out},
        "shower": {key: value for key, value in shower.items() if key not in no_showers},
        "instrument": blocks["instrument"],
    }
