"""Mock DL3 runs, drawn from responses or one by one from reconstructed simulations."""


rule simulate_dl3:
    """Draw the events of a chunk of mock runs; the same events however the runs are cut."""
    input:
        **campaign.mock_plan.inputs,
    output:
        dl3=directory(P.mock_chunk),
        provenance=P.sidecar(P.mock_chunk),
    log:
        log_of("simulate_dl3", "chunk"),
    benchmark:
        benchmark_of("simulate_dl3", "chunk")
    params:
        settings=campaign.config["mock"],
        seed=campaign.seed,
        obs_ids=get_mock_runs,
        samples=campaign.mock_plan.index,
        cuts=campaign.mock_plan.cuts_settings,
        estimators=campaign.mock_plan.estimators,
        code=campaign.code("simulate_dl3"),
    message:
        "Mock DL3 runs, chunk {wildcards.chunk}"
    script:
        "../scripts/simulate_dl3.py"


rule index_dl3:
    """Index the mock runs: GADF observation and HDU index."""
    input:
        chunks=get_mock_chunks,
    output:
        obs_index=P.mock_obs_index,
        hdu_index=P.mock_hdu_index,
        provenance=P.sidecar(P.mock_obs_index),
    log:
        log_of("index_dl3"),
    benchmark:
        benchmark_of("index_dl3")
    params:
        settings={},
        code=campaign.code("index_dl3"),
    message:
        "Index of the mock DL3 runs"
    script:
        "../scripts/index_dl3.py"
