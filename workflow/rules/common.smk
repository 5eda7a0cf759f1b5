"""What the rules ask of the campaign, as named functions of the wildcards."""

from iactflow.campaign.costs import COSTS, read_costs
from iactflow.campaign.plan import planned_costs

config["iactflow_campaign"] = campaign.identity


def get_selection_settings(wildcards):
    """Settings that the run list of a target depends on."""
    products = ("sky_maps", "spectrum", "light_curves", "exclusion_regions")
    return campaign.target_settings(wildcards.target, without=products)


def get_map_settings(wildcards):
    """Settings that sky maps depend on: a job reruns when they change, not when others do."""
    return campaign.target_settings(wildcards.target, without=("light_curves",))


def get_spectrum_settings(wildcards):
    """Settings that spectra depend on."""
    return campaign.target_settings(
        wildcards.target, without=("sky_maps", "light_curves")
    )


def get_light_curve_settings(wildcards):
    """Settings that light curves depend on."""
    return campaign.target_settings(wildcards.target, without=("sky_maps",))


def get_runs_digest(wildcards):
    """Digest of the rows of a target's runs."""
    return campaign.runs_digest(wildcards.target)


def get_target_run_ids(wildcards):
    """Runs of a target."""
    return [i for chunk in campaign.chunks[wildcards.target].values() for i in chunk]


def get_chunk_runs(wildcards):
    """Runs of one chunk of a target."""
    return campaign.chunks[wildcards.target][wildcards.chunk]


def get_chunk_files(wildcards):
    """DL3 files of one chunk of a target."""
    return _dl3_inputs(wildcards.target, wildcards.chunk)


def get_target_files(wildcards):
    """DL3 files of a target."""
    return _dl3_inputs(wildcards.target)


def _dl3_inputs(target, chunk=None):
    """DL3 files; for mock runs the folders that hold them, which are what their rule makes."""
    files = campaign.dl3_files(target, chunk)
    return sorted({f.rpartition("/")[0] for f in files}) if campaign.is_mock else files


def get_mock_runs(wildcards):
    """Runs of one chunk of mock runs."""
    return campaign.mock_chunks[wildcards.chunk]


def get_mock_chunks(wildcards):
    """Folders of all mock runs."""
    return [P.mock_chunk.format(chunk=chunk) for chunk in campaign.mock_chunks]


def get_sky_map_chunks(wildcards):
    """Maps of all chunks of a target in one band."""
    return targets.chunks(P.sky_map_chunk, wildcards.target, band=wildcards.band)


def get_ogip_chunks(wildcards):
    """Folders of OGIP files of all chunks of a target."""
    return targets.chunks(P.ogip_chunk, wildcards.target)


def get_shower_settings(wildcards):
    """Settings of a production that the photons at the telescopes depend on."""
    return campaign.simulations.shower_settings(wildcards.production)


def get_production_settings(wildcards):
    """Settings of a production."""
    return campaign.simulations.settings(wildcards.production)


def get_optics_settings(wildcards):
    """Settings of a production that its telescopes' optics depend on."""
    return campaign.simulations.optics_settings(wildcards.production)


def get_conditions(wildcards):
    """Table of run conditions of a production, where it follows observations."""
    return campaign.simulations.observed.table(wildcards.production)


def get_conditions_digest(wildcards):
    """Digest of a run's rows in that table: a job reruns when they change, not when others do."""
    return campaign.simulations.conditions_digest(wildcards.production, wildcards.run)


def get_hadron_pool(wildcards):
    """Pool of hadronic interactions of a production, where it throws hadrons."""
    return campaign.simulations.hadrons.inputs(wildcards.production)


def get_shower_range(wildcards):
    """First and last shower of a chunk."""
    chunks = campaign.simulations.chunks[wildcards.production]
    return chunks[int(wildcards.run)][wildcards.chunk]


def get_photons(wildcards):
    """File whose photons enter the telescopes."""
    return placed(campaign.simulations.photons(**wildcards))


def get_production_chunks(wildcards):
    """Simulated events of all runs and chunks of a production."""
    return placed(campaign.simulations.all_raw(wildcards.production))


def get_production_checksums(wildcards):
    """Size and checksum of those of a frozen production, from its manifest."""
    files = campaign.simulations.all_raw(wildcards.production)
    return campaign.storage.checksums(files)


def get_manifest(wildcards):
    """Manifest of a frozen production: no input, as what it says counts, and not its date."""
    return str(campaign.storage.frozen[wildcards.production].file)


def get_manifest_digest(wildcards):
    """Digest of that manifest."""
    return {"sha256": campaign.storage.frozen[wildcards.production].manifest.sha256}


def get_frozen_folders(wildcards):
    """Where jobs see each chunk of a frozen production."""
    return campaign.storage.frozen_folders(wildcards.production, placed)


def get_geometry_settings(wildcards):
    """Settings that charges, images and the geometry of a sample's events depend on."""
    return campaign.samples.settings_of(wildcards.sample)


def get_calibration_run(wildcards):
    """Raw data of the calibration run of a sample."""
    return placed(campaign.samples.calibrated[wildcards.sample])


def get_calibration_settings(wildcards):
    """Settings that the calibration of a sample's cameras depends on."""
    return campaign.samples.calibration_settings(wildcards.sample)


def get_calibration(wildcards):
    """Coefficients that take the place of those of a sample's raw files: a file, or none."""
    return campaign.samples.calibration(wildcards.sample)


def get_model_settings(model):
    """Settings that a model depends on."""
    return campaign.samples.model_settings(model)


def get_reconstruction_settings(wildcards):
    """Settings that the summary and the figures of a sample depend on."""
    return campaign.samples.summary_settings(wildcards.sample)


def get_raw(wildcards):
    """Raw data of a part of a sample: files, or the folder of a simulated chunk."""
    return placed(campaign.samples.raw(**wildcards))


def get_raw_checksums(wildcards):
    """Size and checksum of those that a catalogue or a manifest knows."""
    return campaign.storage.checksums(campaign.samples.raw(**wildcards))


def get_calibration_checksums(wildcards):
    """The same for the calibration run of a sample."""
    return campaign.storage.checksums(campaign.samples.calibrated[wildcards.sample])


def get_first_raw(wildcards):
    """Raw data of the first part of a sample: one event of it is shown."""
    return placed(next(iter(campaign.samples.parts[wildcards.sample].values())))


def get_first_raw_checksums(wildcards):
    """The same for the first part of a sample."""
    part = next(iter(campaign.samples.parts[wildcards.sample]))
    return campaign.storage.checksums(campaign.samples.raw(wildcards.sample, part))


def get_geometry(wildcards):
    """Images and geometry of all parts of a sample."""
    return campaign.samples.jobs(P.geometry, wildcards.sample)


def get_events(wildcards):
    """DL2 events of all parts of a sample."""
    return campaign.samples.jobs(P.events_dl2, wildcards.sample)


def get_table_chunk(wildcards):
    """Geometry of the parts whose shapes a job adds up."""
    return targets.samples.table_chunks[wildcards.chunk]


def get_models(wildcards):
    """Models that events are reconstructed with."""
    return targets.samples.models


def get_response_events(wildcards):
    """Folders of DL2 events that the responses of a node rest on."""
    return targets.responses.events(wildcards.node)


def get_response_index(wildcards):
    """The same, by what they are, and DL3 files of off data by target."""
    off = {name: campaign.dl3_files(name) for name in targets.responses.off_data}
    return {**campaign.responses.index(wildcards.node), "off": off}


def get_off_data(wildcards):
    """Runs whose events make the background of responses."""
    return sorted({f for name in targets.responses.off_data for f in _dl3_inputs(name)})


def get_response_settings(wildcards):
    """Settings that the responses of a node depend on."""
    return campaign.responses.settings(wildcards.node)


def get_plan(wildcards):
    """Plan of the campaign with the reference costs: what a user has learnt reruns nothing."""
    return planned_costs(campaign, read_costs(campaign.base / COSTS))


def log_of(rule, *wildcards):
    """Log file of a rule's job."""
    return P.of_job("log", rule, wildcards, ".log")


def benchmark_of(rule, *wildcards):
    """Benchmark file of a rule's job."""
    return P.of_job("benchmark", rule, wildcards, ".tsv")
