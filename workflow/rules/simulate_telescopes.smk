"""Telescopes, for photons from files: ours that were kept, or those of CORSIKA."""


rule simulate_telescopes:
    """Simulate telescopes, cameras and triggers for kept photons; a file per night-sky level."""
    input:
        photons=get_photons,
        instrument=campaign.simulations.instrument_files,
        conditions=ancient(get_conditions),
    output:
        events=placed(directory(P.simulated_chunk)),
        provenance=P.sidecar(P.simulated_chunk),
    log:
        log_of("simulate_telescopes", "production", "run", "chunk"),
    benchmark:
        benchmark_of("simulate_telescopes", "production", "run", "chunk")
    params:
        settings=get_production_settings,
        seed=campaign.seed,
        showers=get_shower_range,
        conditions=get_conditions_digest,
        instrument=campaign.simulations.instrument.sha256,
        code=campaign.code("simulate_telescopes"),
    message:
        "Telescopes of {wildcards.production}, run {wildcards.run}, chunk {wildcards.chunk}"
    script:
        "../scripts/simulate_telescopes.py"
