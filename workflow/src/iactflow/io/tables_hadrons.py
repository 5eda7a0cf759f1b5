"""Tables of hadronic interactions with air: events made beforehand, and cross-sections."""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table
from iactflow.io.tables_simulation import ANY

__all__ = ["HADRON_TABLES"]

NUMBERS = "CORSIKA's numbers, nuclei 100 A + Z"


def _momentum(axis: str, text: str) -> Column:
    return Column(f"p{axis}_mev", "f4", "MeV", f"their momenta in the laboratory, {text}", ANY)


HADRON_TABLES = (
    Table(
        "hadron_interactions",
        "simulation",
        "An interaction of a hadron with air. Short-lived products have decayed.",
        (
            Column("projectile_id", "i4", "", "projectile (CORSIKA's numbers)"),
            Column("energy_node", "i4", "", "energy: node of the grid of ln(kinetic energy)"),
            Column("interaction_id", "i4", "", "number of the interaction at this energy"),
            Column("particle_id", "i4", "", f"secondaries: {NUMBERS}; 66: any neutrino", ANY),
            _momentum("x", "across the projectile"),
            _momentum("y", "across the projectile"),
            _momentum("z", "along the projectile"),
        ),
        ("projectile_id", "energy_node", "interaction_id"),
    ),
    Table(
        "hadron_cross_sections",
        "simulation",
        "Cross-section of a hadron or nucleus in air: production, below 2 GeV inelastic.",
        (
            Column("projectile_id", "i4", "", f"projectile: {NUMBERS}"),
            Column("kinetic_mev", "f8", "MeV", "kinetic energies, of a nucleus as a whole", ANY),
            Column(
                "inverse_path_cm2_g",
                "f8",
                "cm2 / g",
                "inverse mean free paths at these energies",
                ANY,
            ),
        ),
        ("projectile_id",),
    ),
)
