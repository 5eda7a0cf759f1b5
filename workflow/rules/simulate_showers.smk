"""Showers, with the photons at the telescopes kept."""


rule simulate_showers:
    """Simulate a chunk of showers and keep the photons that reach a telescope's sphere."""
    input:
        instrument=campaign.simulations.instrument_files,
        conditions=ancient(get_conditions),
        hadrons=get_hadron_pool,
    output:
        photons=placed(P.photons),
        provenance=P.sidecar(P.photons),
    log:
        log_of("simulate_showers", "production", "run", "chunk"),
    benchmark:
        benchmark_of("simulate_showers", "production", "run", "chunk")
    params:
        settings=get_shower_settings,
        seed=campaign.seed,
        showers=get_shower_range,
        conditions=get_conditions_digest,
        instrument=campaign.simulations.instrument.sha256,
        code=campaign.code("simulate_showers"),
    message:
        "Showers of {wildcards.production}, run {wildcards.run}, chunk {wildcards.chunk}"
    script:
        "../scripts/simulate_showers.py"
