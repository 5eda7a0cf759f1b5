"""Tables from DL3 to the results, and those of the campaign itself.

Sources of names: GADF v0.3 (DL3), gammapy 2.1 flux tables (DL5).
"""

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

DIFFERENTIAL = "TeV-1 s-1 cm-2"
INTEGRAL = "s-1 cm-2"

DL4 = (
    Table(
        "spectrum_dataset",
        "DL4",
        "A bin of reconstructed energy of a run's on and off spectrum (written as OGIP).",
        (
            Column("obs_id", "i8", "", "run; 0 for a stack"),
            Column("energy_min_tev", "f8", "TeV", "lower edge"),
            Column("energy_max_tev", "f8", "TeV", "upper edge"),
            Column("n_on", "f8", "", "counts in the on region"),
            Column("n_off", "f8", "", "counts in the off regions"),
            Column("acceptance", "f8", "", "relative acceptance of the on region"),
            Column("acceptance_off", "f8", "", "relative acceptance of the off regions"),
            Column("mask_safe", "?", "", "whether the bin lies in the safe range"),
        ),
        ("obs_id", "energy_min_tev"),
    ),
    Table(
        "theta_squared",
        "DL4",
        "A bin of the squared distance from the source.",
        (
            Column("theta_squared_min_deg2", "f8", "deg2", "lower edge"),
            Column("theta_squared_max_deg2", "f8", "deg2", "upper edge"),
            Column("n_on", "f8", "", "counts around the source"),
            Column("n_off", "f8", "", "counts around the off positions"),
            Column("alpha", "f8", "", "on over off acceptance"),
        ),
        ("theta_squared_min_deg2",),
    ),
)

DL5 = (
    Table(
        "flux_points",
        "DL5",
        "A flux point (gammapy's conventions, SED type dnde).",
        (
            Column("e_ref", "f8", "TeV", "reference energy"),
            Column("e_min", "f8", "TeV", "lower edge"),
            Column("e_max", "f8", "TeV", "upper edge"),
            Column("dnde", "f8", DIFFERENTIAL, "differential flux"),
            Column("dnde_err", "f8", DIFFERENTIAL, "symmetric error", (), True),
            Column("dnde_errp", "f8", DIFFERENTIAL, "upper error"),
            Column("dnde_errn", "f8", DIFFERENTIAL, "lower error"),
            Column("dnde_ul", "f8", DIFFERENTIAL, "upper limit"),
            Column("ts", "f8", "", "test statistic", (), True),
            Column("sqrt_ts", "f8", "", "its square root, with the sign of the excess"),
            Column("is_ul", "?", "", "whether the limit stands for the point", (), True),
        ),
        ("e_min",),
    ),
    Table(
        "light_curve",
        "DL5",
        "A time bin of a light curve; times are MJD in TT.",
        (
            Column("time_min", "f8", "d", "start"),
            Column("time_max", "f8", "d", "stop"),
            Column("e_min", "f8", "TeV", "lower end of the flux"),
            Column("e_max", "f8", "TeV", "upper end of the flux"),
            Column("flux", "f8", INTEGRAL, "integral flux"),
            Column("flux_err", "f8", INTEGRAL, "its error"),
            Column("flux_ul", "f8", INTEGRAL, "upper limit"),
            Column("sqrt_ts", "f8", "", "significance, with the sign of the excess", (), True),
        ),
        ("time_min",),
    ),
)

CAMPAIGN = (
    Table(
        "runs",
        "campaign",
        "A run at hand (TSV).",
        (
            Column("obs_id", "i8", "", "run"),
            Column("target_name", "U", "", "object of the run"),
            Column("ra_pnt_deg", "f8", "deg", "right ascension of the pointing"),
            Column("dec_pnt_deg", "f8", "deg", "declination of the pointing"),
            Column("zenith_deg", "f8", "deg", "mean zenith angle"),
            Column("start_utc", "U", "", "start, UTC, ISO 8601"),
            Column("stop_utc", "U", "", "stop, UTC, ISO 8601"),
            Column("livetime_s", "f8", "s", "livetime"),
            Column("file", "U", "", "DL3 file, relative to the data root"),
            Column("size_bytes", "i8", "byte", "size of the file", (), True),
            Column("sha256", "U", "", "checksum of the file", (), True),
        ),
        ("obs_id",),
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
            Column("input_bytes", "i8", "byte", "size of the inputs", (), True),
        ),
        ("rule",),
    ),
)

SCIENCE_TABLES = (*DL3, *DL4, *DL5, *CAMPAIGN)
