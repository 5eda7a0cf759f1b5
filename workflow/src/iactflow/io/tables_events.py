"""Tables from the simulation to DL2, one row per shower, event or telescope.

Sources of names: ctapipe 0.28 data model (R0 to DL2), CORSIKA IACT package (photon bunches;
Bernlöhr, Astropart. Phys. 30 (2008) 149).
Directions of telescopes and events are horizontal (azimuth from north through east); ground
coordinates have x to north, y to west and z up, from the array's reference point.
"""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table

__all__ = ["EVENT_TABLES"]

ANY = (None,)


OBS_ID = Column("obs_id", "i8", "", "run, simulated or real")
EVENT_ID = Column("event_id", "i8", "", "event of the run")
TEL_ID = Column("tel_id", "i2", "", "telescope")
SHOWER_ID = Column("shower_id", "i8", "", "shower of the run")
REUSE_ID = Column("reuse_id", "i4", "", "re-use of the shower at another core position")
PARTICLE = Column(
    "particle_id",
    "i4",
    "",
    "primary: 1 gamma, 2 positron, 3 electron, 5 and 6 muons, 14 proton, 100 A + Z nucleus "
    "(CORSIKA's numbers)",
)
ENERGY_BIN = (
    Column("energy_min_tev", "f8", "TeV", "lower edge of the energy bin"),
    Column("energy_max_tev", "f8", "TeV", "upper edge of the energy bin"),
)

SHOWER_TRUTH = (
    PARTICLE,
    Column("true_energy_tev", "f8", "TeV", "energy of the primary"),
    Column("true_alt_deg", "f8", "deg", "altitude from which the primary comes"),
    Column("true_az_deg", "f8", "deg", "azimuth from which the primary comes"),
    Column("true_h_first_int_m", "f4", "m", "height of the first interaction above sea level"),
    Column("true_x_max_g_cm2", "f4", "g / cm2", "slant depth of the shower maximum"),
)
CORE_TRUTH = (
    Column("true_core_x_m", "f8", "m", "core, to the north"),
    Column("true_core_y_m", "f8", "m", "core, to the west"),
)
TIME = (
    Column("time_s", "i8", "s", "TAI seconds since 1970-01-01"),
    Column("time_qns", "u4", "", "quarters of a nanosecond after time_s"),
)

SIMULATION = (
    Table(
        "simulation_runs",
        "simulation",
        "A simulated run, or a range of its showers: what was thrown, and how.",
        (
            OBS_ID,
            PARTICLE,
            Column("shower_id_min", "i8", "", "first shower of the range"),
            Column("shower_id_max", "i8", "", "last shower of the range"),
            Column("n_showers", "i8", "", "showers simulated"),
            Column("shower_reuse", "i4", "", "core positions per shower"),
            Column("energy_range_min_tev", "f8", "TeV", "least energy thrown"),
            Column("energy_range_max_tev", "f8", "TeV", "largest energy thrown"),
            Column("spectral_index", "f8", "", "index of the thrown power law, negative"),
            Column("pointing_alt_deg", "f8", "deg", "altitude of the pointing"),
            Column("pointing_az_deg", "f8", "deg", "azimuth of the pointing"),
            Column("min_viewcone_radius_deg", "f8", "deg", "least angle from the pointing"),
            Column("max_viewcone_radius_deg", "f8", "deg", "largest angle from the pointing"),
            Column("min_scatter_range_m", "f8", "m", "least core distance, shower plane"),
            Column("max_scatter_range_m", "f8", "m", "largest core distance, shower plane"),
            Column("observation_level_m", "f8", "m", "height above sea level"),
            Column("wavelength_min_nm", "f4", "nm", "shortest wavelength of emitted photons"),
            Column("wavelength_max_nm", "f4", "nm", "longest wavelength of emitted photons"),
            Column("seed", "u8", "", "seed of the campaign"),
        ),
        ("obs_id", "shower_id_min"),
    ),
    Table(
        "thrown_events",
        "simulation",
        "Thrown events of a run in a bin of energy and angle: the normalisation of responses.",
        (
            OBS_ID,
            PARTICLE,
            *ENERGY_BIN,
            Column("viewcone_min_deg", "f8", "deg", "lower edge, angle from the pointing"),
            Column("viewcone_max_deg", "f8", "deg", "upper edge, angle from the pointing"),
            Column("n_thrown", "i8", "", "events thrown, re-uses counted"),
        ),
        ("obs_id", "particle_id", "energy_min_tev", "viewcone_min_deg"),
        adds=("n_thrown",),
    ),
    Table(
        "showers",
        "simulation",
        "A simulated shower.",
        (
            OBS_ID,
            SHOWER_ID,
            *SHOWER_TRUTH,
            Column("n_photons", "f8", "", "Cherenkov photons emitted from 300 to 600 nm"),
        ),
        ("obs_id", "shower_id"),
    ),
    Table(
        "longitudinal_profiles",
        "simulation",
        "Charged particles of a shower against depth.",
        (
            OBS_ID,
            SHOWER_ID,
            Column("depth_g_cm2", "f4", "g / cm2", "slant depths", ANY),
            Column(
                "n_charged",
                "f4",
                "",
                "charged particles above the cut of the cascade at these depths",
                ANY,
            ),
        ),
        ("obs_id", "shower_id"),
    ),
    Table(
        "shower_cores",
        "simulation",
        "A core position of a shower.",
        (
            OBS_ID,
            SHOWER_ID,
            REUSE_ID,
            *CORE_TRUTH,
            Column("area_weight", "f8", "", "weight of a core not drawn uniformly, else 1"),
        ),
        ("obs_id", "shower_id", "reuse_id"),
    ),
    Table(
        "telescope_light",
        "simulation",
        "Light of a shower at a telescope, whether or not it triggers.",
        (
            OBS_ID,
            SHOWER_ID,
            REUSE_ID,
            TEL_ID,
            Column("impact_distance_m", "f4", "m", "distance of the telescope from the axis"),
            Column(
                "n_photons",
                "f4",
                "",
                "photons in the telescope's sphere: of our own showers those that survive "
                "extinction and the detector's response to their wavelength; of CORSIKA all",
            ),
        ),
        ("obs_id", "shower_id", "reuse_id", "tel_id"),
    ),
    Table(
        "simulated_events",
        "simulation",
        "Truth of a triggered event.",
        (OBS_ID, EVENT_ID, SHOWER_ID, REUSE_ID, *SHOWER_TRUTH, *CORE_TRUTH),
        ("obs_id", "event_id"),
    ),
)

PHOTONS = (
    Table(
        "photon_bunches",
        "photons",
        "A bunch of photons in the sphere around a telescope. Positions lie in the horizontal "
        "plane through the centre of that sphere.",
        (
            OBS_ID,
            SHOWER_ID,
            REUSE_ID,
            TEL_ID,
            Column("bunch_id", "i8", "", "bunch of this shower, re-use and telescope"),
            Column("x_m", "f4", "m", "position to the north of the telescope"),
            Column("y_m", "f4", "m", "position to the west of the telescope"),
            Column("cos_x", "f4", "", "direction of flight, cosine to x"),
            Column("cos_y", "f4", "", "direction of flight, cosine to y; downward"),
            Column("time_ns", "f4", "ns", "arrival, after the primary would reach the core"),
            Column("emission_height_m", "f4", "m", "height of emission above sea level"),
            Column("n_photons", "f4", "", "photons in the bunch"),
            Column("wavelength_nm", "f4", "nm", "wavelength; 0: to be drawn by the detector"),
        ),
        ("obs_id", "shower_id", "reuse_id", "tel_id", "bunch_id"),
    ),
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
        "Charges of a telescope, integrated by its electronics, flattened from [channel, pixel].",
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
        "Uncalibrated waveforms of a telescope, flattened from [channel, pixel, sample].",
        (
            OBS_ID,
            EVENT_ID,
            TEL_ID,
            *WAVEFORM_SIZE,
            Column("waveform_adc", "u2", "adu", "samples", ANY),
        ),
        TEL_EVENT,
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
            Column("pedestal_adu", "f4", "adu", "pedestal per sample"),
            Column("pedestal_std_adu", "f4", "adu", "its standard deviation"),
            Column("pe_per_adu", "f4", "adu-1", "photoelectrons per digital count"),
            Column("flatfield", "f4", "", "factor that makes pixels equal, mean 1"),
            Column("time_shift_ns", "f4", "ns", "to be added to times of the pixel"),
            Column("status", "u1", "", "bits; 0: usable"),
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
            Column("gammaness", "f8", "", "1: like a gamma ray; 0: like a hadron"),
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
            Column("gammaness", "f8", "", "1: like a gamma ray; 0: like a hadron"),
        ),
        TEL_EVENT,
    ),
)

EVENT_TABLES = (*SIMULATION, *PHOTONS, *R0, *R1, *DL1, *DL2)
