"""What is left of a reconstructed sample for its summary and figures."""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table
from iactflow.io.tables_simulation import ANY, EVENT_ID, OBS_ID, TEL_ID

__all__ = ["RECONSTRUCTION_TABLES"]

LEVEL = Column("level", "U", "", "name of the raw files: a level of the night sky, or all")
ENERGY_BIN = (
    Column("energy_min_tev", "f8", "TeV", "lower edge of the bin in true energy"),
    Column("energy_max_tev", "f8", "TeV", "upper edge of the bin in true energy"),
)

RECONSTRUCTION_TABLES = (
    Table(
        "raw_images",
        "R0",
        "Raw counts of a telescope of the event that is shown, high gain.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            Column("raw_adu", "f4", "adu", "largest sample, or charge, over the pedestal", ANY),
        ),
        ("obs_id", "event_id", "tel_id"),
    ),
    Table(
        "parameter_histograms",
        "DL2",
        "Histogram of a parameter of images, by type of telescope, or of events.",
        (
            LEVEL,
            Column("telescope_type", "U", "", "type; empty for parameters of events"),
            Column("quantity", "U", "", "column of parameters, telescope_geometry or geometry"),
            Column("low", "f8", "", "lower edge of the bin, unit of the quantity"),
            Column("high", "f8", "", "upper edge of the bin"),
            Column("n", "i8", "", "images or events"),
        ),
        ("level", "telescope_type", "quantity", "low"),
    ),
    Table(
        "event_counts",
        "DL2",
        "Triggered and reconstructed events of a sample in a bin of true energy.",
        (
            LEVEL,
            *ENERGY_BIN,
            Column("n_events", "i8", "", "triggered events"),
            Column("n_reconstructed", "i8", "", "events with a direction"),
        ),
        ("level", "energy_min_tev"),
    ),
    Table(
        "resolutions",
        "DL2",
        "Resolution of a sample in a bin of true energy, by one way of reconstruction.",
        (
            LEVEL,
            Column("quantity", "U", "", "direction or energy"),
            Column("method", "U", "", "way of reconstruction"),
            *ENERGY_BIN,
            Column("n_events", "i8", "", "events in the bin"),
            Column("bias", "f8", "", "energy: mean of E / E_true - 1; not a number else"),
            Column("bias_error", "f8", "", "its standard error"),
            Column(
                "resolution",
                "f8",
                "",
                "direction: radius that holds 68 % of the events, deg; energy: rms of E / E_true "
                "around its mean",
            ),
            Column("resolution_error", "f8", "", "its standard error"),
        ),
        ("level", "quantity", "method", "energy_min_tev"),
    ),
    Table(
        "event_rates",
        "DL2",
        "Events of a sample in a bin of time.",
        (
            LEVEL,
            Column("start_s", "f8", "s", "start of the bin, TAI seconds since 1970-01-01"),
            Column("stop_s", "f8", "s", "its end"),
            Column("n_events", "i8", "", "triggered events"),
            Column("n_reconstructed", "i8", "", "events with a direction"),
        ),
        ("level", "start_s"),
    ),
)
