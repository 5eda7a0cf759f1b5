"""Tables from binned data sets to fluxes, as the stages write them.

Sources of names: OGIP memoranda 92-007 and CAL/GEN/92-002 (spectra), gammapy 2.1 (flux points,
light curves). Images of a FITS file stand as the columns of one row, an extension each.
"""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table

__all__ = ["RESULT_TABLES"]

ANY = (None,)
IMAGE = (None, None)
DIFFERENTIAL = "TeV-1 s-1 cm-2"
INTEGRAL = "s-1 cm-2"

OGIP = (
    Table(
        "SPECTRUM",
        "DL4",
        "A bin of reconstructed energy of a run's on (PHA) or off (BKG) spectrum, OGIP.",
        (
            Column("CHANNEL", "i4", "", "bin, from 0"),
            Column("COUNTS", "i4", "", "counts in the on region, or in the off regions"),
            Column("QUALITY", "i2", "", "0 inside the safe range"),
            Column("BACKSCAL", "f8", "", "relative acceptance of the region"),
        ),
        ("CHANNEL",),
    ),
    Table(
        "EBOUNDS",
        "DL4",
        "A bin of reconstructed energy (PHA, BKG, RMF), OGIP.",
        (
            Column("CHANNEL", "i4", "", "bin, from 0"),
            Column("E_MIN", "f8", "TeV", "lower edge"),
            Column("E_MAX", "f8", "TeV", "upper edge"),
        ),
        ("CHANNEL",),
    ),
    Table(
        "SPECRESP",
        "DL4",
        "A bin of true energy of a run's effective area (ARF), OGIP.",
        (
            Column("ENERG_LO", "f8", "TeV", "lower edge"),
            Column("ENERG_HI", "f8", "TeV", "upper edge"),
            Column("SPECRESP", "f8", "cm2", "effective area, containment applied"),
        ),
        ("ENERG_LO",),
    ),
    Table(
        "MATRIX",
        "DL4",
        "A bin of true energy of a run's energy dispersion (RMF), OGIP.",
        (
            Column("ENERG_LO", "f8", "TeV", "lower edge"),
            Column("ENERG_HI", "f8", "TeV", "upper edge"),
            Column("N_GRP", "i2", "", "groups of channels: 1"),
            Column("F_CHAN", "i2", "", "first channel of a group", (2,)),
            Column("N_CHAN", "i2", "", "channels of a group; 0: no group", (2,)),
            Column("MATRIX", "f8", "", "probability per reconstructed bin", ANY),
        ),
        ("ENERG_LO",),
    ),
)

SPECTRA = (
    Table(
        "spectrum_runs",
        "DL4",
        "A run of a chunk (ECSV), counts over the whole energy axis before any safe range.",
        (
            Column("obs_id", "i8", "", "run"),
            Column("n_on", "i8", "", "counts in the on region"),
            Column("n_off", "i8", "", "counts in the off regions"),
            Column("alpha", "f8", "", "on over off acceptance; NaN without off regions"),
            Column("n_off_regions", "i8", "", "off regions"),
            Column("livetime_s", "f8", "s", "livetime"),
            Column("ra_pnt_deg", "f8", "deg", "right ascension of the pointing"),
            Column("dec_pnt_deg", "f8", "deg", "declination of the pointing"),
            Column("offset_deg", "f8", "deg", "offset of the source from the pointing"),
            Column("status", "U", "", "kept or dropped"),
            Column("reason", "U", "", "why a run is dropped"),
        ),
        ("obs_id",),
    ),
    Table(
        "spectrum_regions",
        "DL4",
        "An on or off region of a run (ECSV).",
        (
            Column("obs_id", "i8", "", "run"),
            Column("kind", "U", "", "on or off"),
            Column("ra_deg", "f8", "deg", "right ascension of the centre"),
            Column("dec_deg", "f8", "deg", "declination of the centre"),
            Column("radius_deg", "f8", "deg", "radius"),
        ),
        ("obs_id", "kind", "ra_deg", "dec_deg"),
    ),
    Table(
        "theta_squared",
        "DL4",
        "A bin of the squared distance from the source (ECSV).",
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

MAPS = (
    Table(
        "sky_map_sums",
        "DL4",
        "What the runs of a chunk add to a map (FITS images).",
        (
            Column("N_ON", "i8", "", "events per pixel", IMAGE),
            Column("N_OFF", "i8", "", "events in the ring, summed over runs", IMAGE),
            Column("ACCEPTANCE", "f8", "", "expected background per pixel", IMAGE),
            Column("BACKGROUND", "f8", "", "background per pixel from the ring", IMAGE),
            Column("EXPOSURE_M2_S", "f8", "", "exposure, in m2 s by its name", IMAGE),
            Column("N_RUNS", "i8", "", "runs that have the pixel in their field", IMAGE),
        ),
    ),
    Table(
        "CONTAINMENT",
        "DL4",
        "A radius around the map centre, for the point spread function of the sums.",
        (
            Column("RADIUS", "f8", "deg", "radius"),
            Column("CONTAINED", "f8", "m2 s", "exposure times the fraction contained"),
        ),
        ("RADIUS",),
    ),
    Table(
        "RUNS",
        "DL4",
        "A run of a map or of its sums.",
        (
            Column("OBS_ID", "i8", "", "run"),
            Column("STATUS", "U", "", "used, or why not"),
            Column("FOV_NORM", "f8", "", "events over those of the background model"),
            Column("N_EVENTS", "i8", "", "events in the map after all cuts"),
            Column("N_TARGET_EVENTS", "i8", "", "those within the target's on radius"),
            Column("LIVETIME_S", "f8", "s", "livetime"),
        ),
        ("OBS_ID",),
    ),
    Table(
        "sky_map",
        "DL5",
        "A sky map in one energy band (FITS images, TAN projection).",
        (
            Column("COUNTS", "i8", "ct", "events per pixel", IMAGE),
            Column("N_ON", "f8", "ct", "events in the correlation disc", IMAGE),
            Column("ACCEPTANCE", "f8", "ct", "expected background per pixel", IMAGE),
            Column("BACKGROUND", "f8", "ct", "background in the disc, ALPHA N_OFF", IMAGE),
            Column("N_OFF", "i8", "ct", "events in the rings, summed over runs", IMAGE),
            Column("ALPHA", "f8", "", "acceptance of the disc over that of the rings", IMAGE),
            Column("EXCESS", "f8", "ct", "N_ON - BACKGROUND", IMAGE),
            Column("SIGNIFICANCE", "f8", "", "Li & Ma 1983 eq. 17, signed", IMAGE),
            Column("EXPOSURE", "f8", "cm2 s", "exposure, averaged over a power law", IMAGE),
            Column("FLUX", "f8", INTEGRAL, "flux of the excess in the disc", IMAGE),
            Column("EXCLUSION", "u1", "", "1 outside exclusion regions, 0 inside", IMAGE),
        ),
    ),
)

FLUXES = (
    Table(
        "flux_points",
        "DL5",
        "A flux point (ECSV; gammapy's conventions, SED type likelihood).",
        (
            Column("e_ref", "f8", "TeV", "reference energy"),
            Column("e_min", "f8", "TeV", "lower edge"),
            Column("e_max", "f8", "TeV", "upper edge"),
            Column("ref_dnde", "f8", DIFFERENTIAL, "differential flux of the fitted model"),
            Column("ref_flux", "f8", INTEGRAL, "integral flux of the fitted model"),
            Column("ref_eflux", "f8", "TeV s-1 cm-2", "energy flux of the fitted model"),
            Column("norm", "f8", "", "flux over that of the fitted model"),
            Column("dnde", "f8", DIFFERENTIAL, "differential flux"),
            Column("norm_err", "f8", "", "symmetric error of the norm"),
            Column("dnde_err", "f8", DIFFERENTIAL, "symmetric error"),
            Column("norm_errp", "f8", "", "upper error of the norm"),
            Column("dnde_errp", "f8", DIFFERENTIAL, "upper error"),
            Column("norm_errn", "f8", "", "lower error of the norm"),
            Column("dnde_errn", "f8", DIFFERENTIAL, "lower error"),
            Column("norm_ul", "f8", "", "upper limit of the norm"),
            Column("dnde_ul", "f8", DIFFERENTIAL, "upper limit"),
            Column("ts", "f8", "", "test statistic"),
            Column("sqrt_ts", "f8", "", "its square root, with the sign of the excess"),
            Column("stat", "f8", "", "W statistic of the best norm"),
            Column("stat_null", "f8", "", "W statistic without a source"),
            Column("n_on", "f8", "", "counts in the on region"),
            Column("n_off", "f8", "", "counts in the off regions"),
            Column("background", "f8", "", "alpha n_off, summed over runs"),
            Column("npred_signal", "f8", "", "predicted counts of the source"),
            Column("norm_scan", "f8", "", "norms of the profile", ANY),
            Column("stat_scan", "f8", "", "W statistic at these norms", ANY),
            Column("is_ul", "?", "", "whether the limit stands for the point"),
            Column("success", "?", "", "whether there is a best norm"),
        ),
        ("e_min",),
    ),
    Table(
        "spectrum_profiles",
        "DL5",
        "A value of a likelihood profile (ECSV).",
        (
            Column("kind", "U", "", "parameter or flux_point"),
            Column("model", "U", "", "name of the fitted model"),
            Column("parameter", "U", "", "parameter; norm for flux points"),
            Column("unit", "U", "", "unit of the value"),
            Column("e_ref_tev", "f8", "TeV", "energy of the flux point; NaN for parameters"),
            Column("value", "f8", "", "value, in the unit of the column unit"),
            Column("delta_stat", "f8", "", "W statistic above that of the best fit"),
        ),
        ("kind", "model", "parameter", "e_ref_tev", "value"),
    ),
    Table(
        "light_curve",
        "DL5",
        "A time bin of a light curve (ECSV; gammapy's layout lightcurve, one energy bin).",
        (
            Column("time_min", "f8", "", "start, MJD in TT (unit d in the metadata)"),
            Column("time_max", "f8", "", "stop, MJD in TT (unit d in the metadata)"),
            Column("e_ref", "f8", "TeV", "reference energy", (1,)),
            Column("e_min", "f8", "TeV", "lower end of the flux", (1,)),
            Column("e_max", "f8", "TeV", "upper end of the flux", (1,)),
            Column("flux", "f8", INTEGRAL, "integral flux", (1,)),
            Column("flux_err", "f8", INTEGRAL, "symmetric error", (1,)),
            Column("flux_errn", "f8", INTEGRAL, "lower error", (1,)),
            Column("flux_errp", "f8", INTEGRAL, "upper error", (1,)),
            Column("flux_ul", "f8", INTEGRAL, "upper limit", (1,)),
            Column("ts", "f8", "", "test statistic", (1,)),
            Column("sqrt_ts", "f8", "", "its square root, with the sign of the excess", (1,)),
            Column("stat", "f8", "", "W statistic of the best flux", (1,)),
            Column("stat_null", "f8", "", "W statistic without a source", (1,)),
            Column("is_ul", "?", "", "whether the limit stands for the point", (1,)),
            Column("success", "?", "", "whether there is a best flux", (1,)),
            Column("counts", "f8", "", "counts in the on region", (1, 1)),
            Column("n_off", "f8", "", "counts in the off regions"),
            Column("n_background", "f8", "", "alpha n_off, summed over runs"),
            Column("livetime", "f8", "s", "livetime"),
        ),
        ("time_min",),
    ),
)

RESULT_TABLES = (*OGIP, *SPECTRA, *MAPS, *FLUXES)
