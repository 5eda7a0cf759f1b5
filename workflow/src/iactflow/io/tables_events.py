"""Tables from R0 to DL2, one row per event or telescope.

Source of names: ctapipe 0.28 data model (R0 to DL2).
Directions of telescopes and events are horizontal (azimuth from north through east); ground
coordinates have x to north, y to west and z up, from the array's reference point.
"""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table
from iactflow.io.tables_simulation import ANY, EVENT_ID, OBS_ID, TEL_ID

__all__ = ["EVENT_TABLES"]


TIME = (
    Column("time_s", "i8", "s", "TAI seconds since 1970-01-01"),
    Column("time_qns", "u4", "", "quarters of a nanosecond after time_s"),
)

TEL_EVENT = ("obs_id", "event_id", "tel_id")
WAVEFORM_SIZE = (
    Column("n_channels", "i2", "", "gain channels"),
    Column("n_pixels", "i4", "", "pixels"),
    Column("n_samples", "i4", "", "samples"),
)

R0 = (
    Table(
        "trigger",
        "R0",
        "A triggered event of the array.",
        (
            OBS_ID,
            EVENT_ID,
            *TIME,
            Column("event_type", "u1", "", "0 flat-field, 2 pedestal, 32 shower (CTAO numbers)"),
            Column("tels_with_trigger", "i2", "", "telescopes of the event", ANY),
        ),
        ("obs_id", "event_id"),
    ),
    Table(
        "telescope_trigger",
        "R0",
        "A telescope of a triggered event.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            Column("time_offset_ns", "f4", "ns", "trigger of the telescope after the array's"),
            Column("n_trigger_pixels", "i4", "", "pixels above the trigger threshold"),
        ),
        TEL_EVENT,
    ),
    Table(
        "pointing",
        "R0",
        "Pointing of a telescope at a time.",
        (
            OBS_ID,
            TEL_ID,
            *TIME,
            Column("altitude_deg", "f8", "deg", "altitude of the optical axis"),
            Column("azimuth_deg", "f8", "deg", "azimuth of the optical axis"),
        ),
        ("obs_id", "tel_id", "time_s", "time_qns"),
        shared=True,
    ),
    Table(
        "charges_r0",
        "R0",
        "Charges of a telescope, integrated by its electronics, flattened from [channel, pixel]; "
        "zero in pixels that the reduction of the data volume dropped.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            *WAVEFORM_SIZE[:2],
            Column("charge_adc", "u2", "adu", "charges", ANY),
        ),
        TEL_EVENT,
    ),
    Table(
        "waveforms_r0",
        "R0",
        "Uncalibrated waveforms of a telescope, [channel, pixel, sample], packed as "
        "`iactflow.io.waveform_packing` says; zero in pixels that the reduction of the data volume "
        "dropped.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            *WAVEFORM_SIZE,
            Column("waveform_packed", "u2", "", "samples in adu, packed", ANY),
        ),
        TEL_EVENT,
        packed=True,
    ),
    Table(
        "true_images",
        "R0",
        "Photoelectrons of the shower in a telescope, night-sky background excluded.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            Column("true_image_sum", "i8", "", "photoelectrons in the camera"),
            Column("true_image", "i4", "", "photoelectrons per pixel", ANY),
        ),
        TEL_EVENT,
    ),
)

R1 = (
    Table(
        "waveforms_r1",
        "R1",
        "Calibrated waveforms of a telescope, flattened from [channel, pixel, sample].",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            *WAVEFORM_SIZE,
            Column("waveform_pe", "f4", "", "samples, photoelectrons per sample", ANY),
            Column("selected_gain_channel", "i1", "", "channel kept per pixel; -1: all", ANY),
            Column("pixel_status", "u1", "", "bits per pixel; 0: usable", ANY),
        ),
        TEL_EVENT,
    ),
    Table(
        "calibration",
        "R1",
        "Calibration coefficients of a pixel's channel, valid from a time on.",
        (
            OBS_ID,
            TEL_ID,
            Column("channel", "i2", "", "gain channel: 0 high, 1 low"),
            Column("pixel_id", "i4", "", "pixel"),
            *TIME,
            Column("pedestal_adu", "f4", "adu", "pedestal per sample, or of a charge"),
            Column("pedestal_std_adu", "f4", "adu", "its standard deviation"),
            Column("pe_per_adu", "f4", "adu-1", "photoelectrons per count summed over the pulse"),
            Column("flatfield", "f4", "", "factor that makes pixels equal, mean 1"),
            Column("time_shift_ns", "f4", "ns", "to be added to times of the pixel"),
            Column(
                "status",
                "u1",
                "",
                "0: usable; bits: 1 dead, 2 bright, 4 noisy, 8 no gain, 16 pedestal",
            ),
        ),
        ("obs_id", "tel_id", "channel", "pixel_id", "time_s", "time_qns"),
        shared=True,
    ),
)

FRACTION = "fraction of the intensity"
DL1 = (
    Table(
        "images",
        "DL1",
        "Image of a telescope.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            Column("image", "f4", "", "photoelectrons per pixel", ANY),
            Column("peak_time_ns", "f4", "ns", "time of the pulse per pixel", ANY),
            Column("image_mask", "?", "", "pixels that survive the cleaning", ANY),
        ),
        TEL_EVENT,
    ),
    Table(
        "parameters",
        "DL1",
        "Parameters of a cleaned image, in the telescope frame. Not a number where undefined.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            Column("hillas_intensity", "f8", "", "photoelectrons in the image"),
            Column("hillas_fov_lon_deg", "f8", "deg", "centre of gravity, longitude"),
            Column("hillas_fov_lat_deg", "f8", "deg", "centre of gravity, latitude"),
            Column("hillas_r_deg", "f8", "deg", "centre of gravity, distance from the axis"),
            Column("hillas_phi_deg", "f8", "deg", "centre of gravity, polar angle"),
            Column("hillas_length_deg", "f8", "deg", "rms along the major axis"),
            Column("hillas_length_uncertainty_deg", "f8", "deg", "its standard error"),
            Column("hillas_width_deg", "f8", "deg", "rms along the minor axis"),
            Column("hillas_width_uncertainty_deg", "f8", "deg", "its standard error"),
            Column("hillas_psi_deg", "f8", "deg", "angle of the major axis to longitude"),
            Column("hillas_skewness", "f8", "", "third moment along the major axis"),
            Column("hillas_kurtosis", "f8", "", "fourth moment along the major axis"),
            Column("timing_slope_ns_per_deg", "f8", "ns / deg", "time gradient, major axis"),
            Column("timing_intercept_ns", "f8", "ns", "time at the centre of gravity"),
            Column("timing_deviation_ns", "f8", "ns", "rms of times around the gradient"),
            Column("leakage_pixels_width_1", "f8", "", "fraction of pixels in the outer ring"),
            Column("leakage_pixels_width_2", "f8", "", "the same, two outer rings"),
            Column("leakage_intensity_width_1", "f8", "", f"{FRACTION}, outer ring"),
            Column("leakage_intensity_width_2", "f8", "", f"{FRACTION}, two outer rings"),
            Column("concentration_cog", "f8", "", f"{FRACTION} near the centre of gravity"),
            Column("concentration_core", "f8", "", f"{FRACTION} inside the ellipse"),
            Column("concentration_pixel", "f8", "", f"{FRACTION} in the brightest pixel"),
            Column("morphology_n_pixels", "i4", "", "pixels that survive the cleaning"),
            Column("morphology_n_islands", "i4", "", "separate groups of such pixels"),
        ),
        TEL_EVENT,
    ),
)

DL2 = (
    Table(
        "geometry",
        "DL2",
        "Geometry of an event from the axes of its images. Not a number where undefined.",
        (
            OBS_ID,
            EVENT_ID,
            *TIME,
            Column("is_valid", "?", "", "whether the reconstruction succeeded"),
            Column("alt_deg", "f8", "deg", "altitude of the direction, from pairs of images"),
            Column("az_deg", "f8", "deg", "azimuth of the direction"),
            Column("ang_distance_uncert_deg", "f8", "deg", "standard error of the direction"),
            Column("core_x_m", "f8", "m", "core, to the north"),
            Column("core_y_m", "f8", "m", "core, to the west"),
            Column("core_uncert_m", "f8", "m", "standard error of the core"),
            Column("h_max_m", "f8", "m", "height of the shower maximum above sea level"),
            Column("alt_fit_deg", "f8", "deg", "altitude, from the likelihood fit"),
            Column("az_fit_deg", "f8", "deg", "azimuth, from the likelihood fit"),
            Column("core_x_fit_m", "f8", "m", "core of the likelihood fit, to the north"),
            Column("core_y_fit_m", "f8", "m", "core of the likelihood fit, to the west"),
            Column("fit_statistic", "f8", "", "-2 ln L of the fit over its degrees of freedom"),
            Column("multiplicity", "i2", "", "telescopes used"),
            Column("telescopes", "i2", "", "telescopes used", ANY),
        ),
        ("obs_id", "event_id"),
    ),
    Table(
        "telescope_geometry",
        "DL2",
        "A telescope seen from the shower that was reconstructed.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            Column("impact_distance_m", "f8", "m", "distance of the shower axis"),
        ),
        TEL_EVENT,
    ),
    Table(
        "events_dl2",
        "DL2",
        "A reconstructed event. Not a number where undefined.",
        (
            OBS_ID,
            EVENT_ID,
            *TIME,
            Column("is_valid", "?", "", "whether the reconstruction succeeded"),
            Column("alt_deg", "f8", "deg", "altitude of the direction"),
            Column("az_deg", "f8", "deg", "azimuth of the direction"),
            Column("ra_deg", "f8", "deg", "right ascension, ICRS"),
            Column("dec_deg", "f8", "deg", "declination, ICRS"),
            Column("ang_distance_uncert_deg", "f8", "deg", "standard error of the direction"),
            Column("core_x_m", "f8", "m", "core, to the north"),
            Column("core_y_m", "f8", "m", "core, to the west"),
            Column("core_uncert_m", "f8", "m", "standard error of the core"),
            Column("h_max_m", "f8", "m", "height of the shower maximum above sea level"),
            Column("energy_tev", "f8", "TeV", "energy"),
            Column("energy_uncert_tev", "f8", "TeV", "its standard error"),
            Column("energy_consistency", "f8", "", "chi2 of the images' ln E over n - 1"),
            Column("mean_scaled_width", "f8", "", "mean over images of (w - <w>) / sigma_w"),
            Column("mean_scaled_length", "f8", "", "mean over images of (l - <l>) / sigma_l"),
            Column("energy_forest_tev", "f8", "TeV", "energy, from forests"),
            Column("energy_forest_uncert_tev", "f8", "TeV", "its standard error"),
            Column("alt_forest_deg", "f8", "deg", "altitude, from forests (DISP)"),
            Column("az_forest_deg", "f8", "deg", "azimuth, from forests (DISP)"),
            Column("gammaness", "f8", "", "1: like a gamma ray; 0: like a hadron"),
            Column(
                "split",
                "i1",
                "",
                "part of the simulated showers: 0 train_energy, "
                "1 train_direction, 2 train_class, 3 test_cuts, 4 test_irfs, 5 mock; -1: none",
            ),
            Column("multiplicity", "i2", "", "telescopes used"),
            Column("telescopes", "i2", "", "telescopes used", ANY),
            Column("true_energy_tev", "f8", "TeV", "energy of the primary", (), True),
            Column("true_alt_deg", "f8", "deg", "altitude of the primary", (), True),
            Column("true_az_deg", "f8", "deg", "azimuth of the primary", (), True),
        ),
        ("obs_id", "event_id"),
    ),
    Table(
        "telescope_dl2",
        "DL2",
        "What one telescope says of an event.",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            Column("impact_distance_m", "f8", "m", "distance of the shower axis"),
            Column("energy_tev", "f8", "TeV", "energy"),
            Column("energy_uncert_tev", "f8", "TeV", "scatter of energies of such images"),
            Column("scaled_width", "f8", "", "(w - <w>) / sigma_w"),
            Column("scaled_length", "f8", "", "(l - <l>) / sigma_l"),
            Column("energy_forest_tev", "f8", "TeV", "energy, from a forest"),
            Column("disp_deg", "f8", "deg", "distance of the source from the centre of gravity"),
            Column("gammaness", "f8", "", "1: like a gamma ray; 0: like a hadron"),
        ),
        TEL_EVENT,
    ),
)

EVENT_TABLES = (*R0, *R1, *DL1, *DL2)
