"""Tables of DL3 (names of GADF v0.3), and those of the campaign itself."""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table

__all__ = ["SCIENCE_TABLES"]

ANY = (None,)
ANY_2D = (None, None)
ANY_3D = (None, None, None)


def _axis(name: str, unit: str, what: str) -> tuple[Column, Column]:
    return (
        Column(f"{name}_LO", "f8", unit, f"lower edges, {what}", ANY),
        Column(f"{name}_HI", "f8", unit, f"upper edges, {what}", ANY),
    )


TRUE_ENERGY = _axis("ENERG", "TeV", "true energy")
OFFSET = _axis("THETA", "deg", "offset from the pointing")

DL3 = (
    Table(
        "EVENTS",
        "DL3",
        "A selected event; one HDU per run, sorted by time.",
        (
            Column("EVENT_ID", "i8", "", "event of the run"),
            Column("TIME", "f8", "s", "time since the reference of the header, TT"),
            Column("RA", "f8", "deg", "right ascension, ICRS"),
            Column("DEC", "f8", "deg", "declination, ICRS"),
            Column("ENERGY", "f8", "TeV", "reconstructed energy"),
            Column("MULTIP", "i2", "", "telescopes used", (), True),
            Column("GAMANESS", "f8", "", "gammaness", (), True),
            Column("COREX", "f8", "m", "core, to the north", (), True),
            Column("COREY", "f8", "m", "core, to the west", (), True),
            Column("XMAX", "f8", "g / cm2", "slant depth of the shower maximum", (), True),
        ),
        ("EVENT_ID",),
    ),
    Table(
        "GTI",
        "DL3",
        "A good time interval.",
        (
            Column("START", "f8", "s", "start since the reference of the header"),
            Column("STOP", "f8", "s", "stop since the reference of the header"),
        ),
        ("START",),
    ),
    Table(
        "AEFF",
        "DL3",
        "Effective area (aeff_2d); one row.",
        (*TRUE_ENERGY, *OFFSET, Column("EFFAREA", "f8", "m2", "[offset, energy]", ANY_2D)),
    ),
    Table(
        "EDISP",
        "DL3",
        "Energy dispersion (edisp_2d); one row.",
        (
            *TRUE_ENERGY,
            *_axis("MIGRA", "", "reconstructed over true energy"),
            *OFFSET,
            Column("MATRIX", "f8", "", "probability density [offset, migra, energy]", ANY_3D),
        ),
    ),
    Table(
        "PSF",
        "DL3",
        "Point spread function (psf_table); one row.",
        (
            *TRUE_ENERGY,
            *OFFSET,
            *_axis("RAD", "deg", "distance from the true direction"),
            Column("RPSF", "f8", "sr-1", "density [rad, offset, energy]", ANY_3D),
        ),
    ),
    Table(
        "BKG",
        "DL3",
        "Background rate (bkg_3d); one row.",
        (
            *_axis("DETX", "deg", "field-of-view longitude"),
            *_axis("DETY", "deg", "field-of-view latitude"),
            *_axis("ENERG", "TeV", "reconstructed energy"),
            Column("BKG", "f8", "MeV-1 s-1 sr-1", "rate [energy, y, x]", ANY_3D),
        ),
    ),
    Table(
        "HDU_INDEX",
        "DL3",
        "An HDU of a run.",
        (
            Column("OBS_ID", "i8", "", "run"),
            Column("HDU_TYPE", "U", "", "events, gti, aeff, edisp, psf or bkg"),
            Column("HDU_CLASS", "U", "", "events, gti, aeff_2d, edisp_2d, psf_table or bkg_3d"),
            Column("FILE_DIR", "U", "", "folder, relative to the index"),
            Column("FILE_NAME", "U", "", "file"),
            Column("HDU_NAME", "U", "", "name of the HDU"),
            Column("SIZE", "i8", "", "bytes of the file", (), True),
        ),
        ("OBS_ID", "HDU_TYPE"),
    ),
    Table(
        "OBS_INDEX",
        "DL3",
        "A run.",
        (
            Column("OBS_ID", "i8", "", "run"),
            Column("RA_PNT", "f8", "deg", "right ascension of the pointing"),
            Column("DEC_PNT", "f8", "deg", "declination of the pointing"),
            Column("ZEN_PNT", "f8", "deg", "mean zenith angle of the pointing"),
            Column("OBJECT", "U", "", "object of the run", (), True),
            Column("ONTIME", "f8", "s", "time on source", (), True),
            Column("LIVETIME", "f8", "s", "livetime"),
            Column("DEADC", "f8", "", "livetime over time on source", (), True),
            Column("TSTART", "f8", "s", "start since the reference"),
            Column("TSTOP", "f8", "s", "stop since the reference"),
        ),
        ("OBS_ID",),
    ),
)

RUN = (
    Column("obs_id", "i8", "", "run"),
    Column("target_name", "U", "", "object of the run"),
    Column("ra_pnt_deg", "f8", "deg", "right ascension of the pointing"),
    Column("dec_pnt_deg", "f8", "deg", "declination of the pointing"),
    Column("zenith_deg", "f8", "deg", "mean zenith angle"),
    Column("start_utc", "U", "", "start, UTC, ISO 8601"),
    Column("stop_utc", "U", "", "stop, UTC, ISO 8601"),
    Column("livetime_s", "f8", "s", "livetime"),
    Column("file", "U", "", "DL3 file, relative to the data root"),
)

CAMPAIGN = (
    Table("runs", "campaign", "A run at hand (TSV).", RUN, ("obs_id",)),
    Table(
        "observations",
        "campaign",
        "A run of a target (TSV).",
        (*RUN, Column("offset_deg", "f8", "deg", "offset of the target from the pointing")),
        ("obs_id",),
    ),
    Table(
        "checksums",
        "campaign",
        "A file of the release (TSV).",
        (
            Column("file", "U", "", "file, relative to the data root"),
            Column("size_bytes", "i8", "byte", "size"),
            Column("sha256", "U", "", "SHA-256, hexadecimal"),
        ),
        ("file",),
    ),
    Table(
        "verdicts",
        "campaign",
        "A comparison of the two chains (TSV, and `cross_checks` of the summary).",
        (
            Column("target", "U", "", "target"),
            Column("product", "U", "", "product"),
            Column("quantity", "U", "", "what is compared"),
            Column("main", "f8", "", "value of the main chain"),
            Column("check", "f8", "", "value of the check chain"),
            Column("tolerance", "f8", "", "largest difference allowed"),
            Column("passed", "?", "", "whether they agree"),
        ),
        ("target", "product", "quantity"),
    ),
    Table(
        "cost",
        "campaign",
        "Cost of a rule, summed over its jobs (`cost` of the summary).",
        (
            Column("rule", "U", "", "rule"),
            Column("jobs", "i8", "", "jobs"),
            Column("cpu_s", "f8", "s", "CPU time"),
            Column("wall_s", "f8", "s", "elapsed time"),
            Column("max_rss_mb", "f8", "Mbyte", "largest resident memory of a job"),
            Column("output_bytes", "i8", "byte", "size of the outputs"),
        ),
        ("rule",),
    ),
)

SCIENCE_TABLES = (*DL3, *CAMPAIGN)
