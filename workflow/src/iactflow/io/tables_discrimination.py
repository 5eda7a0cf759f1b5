"""Tables that the reconstruction of energies and shapes rests on: sums of simulations, trees.

Sums are in fixed point (units of 2**-30), so that a merge adds them without rounding.
"""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table
from iactflow.io.tables_simulation import ANY

__all__ = ["DISCRIMINATION_TABLES"]

TYPE = Column("telescope_type", "U", "", "type of the telescope")
BAND = Column("band", "i4", "", "band of energy and zenith angle, where there are any", (), True)
FIXED = "2**-30 of its unit"
NODE = (
    TYPE,
    Column("zenith_deg", "f8", "deg", "zenith angle of the pointing"),
    Column("offset_deg", "f8", "deg", "angle of the gamma rays from the pointing"),
    Column("nsb_rate_ghz", "f8", "GHz", "night sky of a pixel at throughput 1; 0: unknown"),
    Column("throughput", "f8", "", "factor on all efficiencies of the telescope"),
    Column("size_bin", "i4", "", "bin of ln(size)"),
    Column("impact_bin", "i4", "", "bin of the impact distance"),
)


def _sums(name: str, text: str) -> tuple[Column, ...]:
    return (
        Column(f"sum_{name}", "i8", "", f"sum of weight times {text}, {FIXED}"),
        Column(f"sum_{name}_squared", "i8", "", f"sum of weight times its square, {FIXED}"),
    )


SUMS = (
    Column("n_images", "i8", "", "images"),
    Column("sum_weight", "i8", "", f"sum of weights, {FIXED}"),
    Column("sum_weight_squared", "i8", "", f"sum of squared weights, {FIXED}"),
    *_sums("width", "width of the image in deg"),
    *_sums("length", "length of the image in deg"),
    *_sums("ln_energy_per_size", "ln(energy / TeV / (size / p.e.))"),
    *_sums("disp", "distance of the source from the centre of gravity in deg"),
)

DISCRIMINATION_TABLES = (
    Table(
        "shape_table_binning",
        "DL2",
        "Bins of the tables of shapes.",
        (
            Column("ln_size_min", "f8", "", "lower edge of the first bin of ln(size / p.e.)"),
            Column("ln_size_step", "f8", "", "width of its bins"),
            Column("n_size", "i8", "", "number of its bins"),
            Column("impact_step_m", "f8", "m", "width of the bins of the impact distance"),
            Column("n_impact", "i8", "", "number of its bins"),
        ),
    ),
    Table(
        "shape_table_sums",
        "DL2",
        "Sums over simulated images in a bin of size and impact distance of a node; bins without "
        "images have no row.",
        (*NODE, *SUMS),
        tuple(column.name for column in NODE),
        adds=tuple(column.name for column in SUMS),
    ),
    Table(
        "forests",
        "DL2",
        "A set of decision trees for the images of a type of telescope.",
        (
            TYPE,
            Column("target", "U", "", "log10_energy, disp_norm, disp_sign or gammaness"),
            Column("kind", "U", "", "mean: mean over trees; logistic: of the sum of their values"),
            Column("features", "U", "", "columns that the trees look at, separated by commas"),
            Column("baseline", "f8", "", "added to the sum over trees"),
            Column("n_trees", "i8", "", "trees"),
            Column("n_images", "i8", "", "images that it was trained on"),
            Column("n_showers", "i8", "", "distinct showers among them"),
            BAND,
            Column("energy_min_tev", "f8", "TeV", "least energy of events of its band", (), True),
            Column("energy_max_tev", "f8", "TeV", "energy that these stay below", (), True),
            Column("zenith_min_deg", "f8", "deg", "least zenith angle of its band", (), True),
            Column("zenith_max_deg", "f8", "deg", "zenith angle that these stay below", (), True),
        ),
        ("telescope_type", "target"),
    ),
    Table(
        "forest_trees",
        "DL2",
        "A decision tree, its nodes from the root on.",
        (
            TYPE,
            Column("target", "U", "", "as in forests"),
            BAND,
            Column("tree_id", "i8", "", "place of the tree in its forest"),
            Column("feature", "i4", "", "feature that a node looks at; -1: a leaf", ANY),
            Column("threshold", "f8", "", "values up to it go left", ANY),
            Column("left", "i4", "", "left child", ANY),
            Column("right", "i4", "", "right child", ANY),
            Column("missing_left", "?", "", "whether a missing value goes left", ANY),
            Column("value", "f8", "", "value of a leaf", ANY),
            Column("variance", "f8", "", "variance of the training targets in a leaf", ANY),
        ),
        ("telescope_type", "target", "tree_id"),
    ),
)
