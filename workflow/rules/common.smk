"""What the rules ask of the campaign, as named functions of the wildcards."""

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
    return campaign.simulations.conditions_file(wildcards.production)


def get_conditions_digest(wildcards):
    """Digest of a run's rows in that table: a job reruns when they change, not when others do."""
    return campaign.simulations.conditions_digest(wildcards.production, wildcards.run)


def get_shower_range(wildcards):
    """First and last shower of a chunk."""
    chunks = campaign.simulations.chunks[wildcards.production]
    return chunks[int(wildcards.run)][wildcards.chunk]


def get_photons(wildcards):
    """File whose photons enter the telescopes."""
    return campaign.simulations.photons(**wildcards)


def get_production_chunks(wildcards):
    """Simulated events of all runs and chunks of a production."""
    return campaign.simulations.jobs(P.simulated_chunk, wildcards.production)


def log_of(rule, *wildcards):
    """Log file of a rule's job."""
    return P.of_job("log", rule, wildcards, ".log")


def benchmark_of(rule, *wildcards):
    """Benchmark file of a rule's job."""
    return P.of_job("benchmark", rule, wildcards, ".tsv")
