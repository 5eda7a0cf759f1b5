"""What the rule calls."""

from __future__ import annotations

from iactflow.shower.hadrons.pool import make_pool
from iactflow.shower.hadrons.pool_files import write_pool
from iactflow.shower.hadrons.settings import hadron_settings

__all__ = ["make_hadron_pool"]


def make_hadron_pool(inputs, outputs, params, wildcards) -> None:
    """Generate hadronic interactions at fixed energies, and cross-sections in air.

    Parameters
    ----------
    inputs : namespace
        None are used.
    outputs : namespace
        ``pool``: ROOT file.
    params : namespace
        ``settings``: the block ``shower.hadrons``.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If settings are wrong, or the tables of a model cannot be had.
    """
    write_pool(outputs.pool, make_pool(hadron_settings(params.settings)))
