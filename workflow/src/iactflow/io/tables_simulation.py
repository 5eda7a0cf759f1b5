"""Tables of simulations: what was thrown, showers, light at the telescopes, photons.

Sources of names: ctapipe 0.28 data model, CORSIKA IACT package (photon bunches; Bernlöhr,
Astropart. Phys. 30 (2008) 149). Directions are horizontal (azimuth from north through east);
ground coordinates have x to north, y to west and z up, from the array's reference point.
"""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table

__all__ = ["ANY", "EVENT_ID", "OBS_ID", "SIMULATION_TABLES", "TEL_ID"]

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


def _tilt(direction: str) -> tuple[Column, ...]:
    """Columns of the random tilt of mirror facets in one direction."""
    name, at = f"align_{direction}", "tilt of facets around the vertical axis"
    if direction == "vertical":
        at = "tilt of facets around the horizontal axis"
    return (
        Column(f"{name}_sigma_deg", "f8", "deg", f"{at}: rms at the zenith of alignment"),
        Column(f"{name}_zenith_deg", "f8", "deg", f"{at}: zenith of alignment"),
        Column(f"{name}_cosine_deg", "f8", "deg", f"{at}: cosine term"),
        Column(f"{name}_sine_deg", "f8", "deg", f"{at}: sine term"),
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
        "telescope_states",
        "simulation",
        "State of a telescope in a simulated run.",
        (
            OBS_ID,
            TEL_ID,
            Column("altitude_deg", "f8", "deg", "altitude of the pointing"),
            Column("azimuth_deg", "f8", "deg", "azimuth of the pointing"),
            Column("throughput", "f8", "", "factor on all efficiencies of the description"),
            Column(
                "nsb_rate_ghz",
                "f8",
                "GHz",
                "night-sky photoelectrons of a pixel of mean quantum efficiency, at factor 1",
            ),
            Column("n_broken_pixels", "i4", "", "pixels without signal"),
            *_tilt("horizontal"),
            *_tilt("vertical"),
        ),
        ("obs_id", "tel_id"),
        shared=True,
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

NSB = Column("nsb_factor", "f8", "", "factor on the night-sky background")
N_SHOWERS = Column("n_showers", "i8", "", "showers in the bin")
SUMMARY = (
    Table(
        "mean_profiles",
        "simulation",
        "Mean longitudinal profile of the showers of a production in a bin of energy.",
        (
            *ENERGY_BIN,
            N_SHOWERS,
            Column("depth_g_cm2", "f8", "g / cm2", "slant depths", ANY),
            Column("n_charged_mean", "f8", "", "charged particles, mean over showers", ANY),
            Column("n_charged_std", "f8", "", "their standard deviation", ANY),
        ),
        ("energy_min_tev",),
    ),
    Table(
        "ground_light",
        "simulation",
        "Light of a production on the spheres of a type of telescope, in a bin of energy and "
        "distance from the shower axis.",
        (
            Column("telescope_type", "U", "", "type"),
            *ENERGY_BIN,
            Column("impact_min_m", "f8", "m", "lower edge of the distance from the axis"),
            Column("impact_max_m", "f8", "m", "upper edge of the distance from the axis"),
            Column("n_telescopes", "i8", "", "telescopes, counted in every re-use"),
            Column("photons_per_m2_mean", "f8", "m-2", "photons over the sphere's cross-section"),
            Column("photons_per_m2_std", "f8", "m-2", "their standard deviation"),
        ),
        ("telescope_type", "energy_min_tev", "impact_min_m"),
    ),
    Table(
        "trigger_counts",
        "simulation",
        "Thrown and triggered events of a production in a bin of energy and core distance.",
        (
            NSB,
            *ENERGY_BIN,
            Column("core_min_m", "f8", "m", "lower edge, distance of the axis from the centre"),
            Column("core_max_m", "f8", "m", "upper edge, distance of the axis from the centre"),
            Column("n_thrown", "i8", "", "events thrown, re-uses counted"),
            Column("n_triggered", "i8", "", "events that triggered"),
        ),
        ("nsb_factor", "energy_min_tev", "core_min_m"),
    ),
)

SIMULATION_TABLES = (*SIMULATION, *PHOTONS, *SUMMARY)
