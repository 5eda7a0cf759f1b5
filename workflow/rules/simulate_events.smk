"""Showers and telescopes in one job: photons go through memory."""


rule simulate_events:
    """Simulate a chunk of showers up to raw camera data, one file per night-sky level."""
    input:
        instrument=campaign.simulations.instrument_files,
        conditions=ancient(get_conditions),
        hadrons=get_hadron_pool,
    output:
        events=placed(directory(P.simulated_chunk)),
        provenance=P.sidecar(P.simulated_chunk),
    log:
        log_of("simulate_events", "production", "run", "chunk"),
    benchmark:
        benchmark_of("simulate_events", "production", "run", "chunk")
    params:
        settings=get_production_settings,
        seed=campaign.seed,
        showers=get_shower_range,
        conditions=get_conditions_digest,
        instrument=campaign.simulations.instrument.sha256,
        code=campaign.code("simulate_events"),
    message:
        "Events of {wildcards.production}, run {wildcards.run}, chunk {wildcards.chunk}"
    script:
        "../scripts/simulate_events.py"
