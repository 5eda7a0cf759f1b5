"""Run lists of the targets."""


rule select_observations:
    """Write the run list of a target, chosen before the DAG was built."""
    input:
        # Its rows are followed by their digest: a new checkout reruns nothing.
        table=ancient(campaign.run_table_file),
    output:
        observations=P.observations,
        provenance=P.sidecar(P.observations),
    log:
        log_of("select_observations", "target"),
    benchmark:
        benchmark_of("select_observations", "target")
    params:
        settings=get_selection_settings,
        mock_source=campaign.mock_source,
        obs_ids=get_target_run_ids,
        runs=get_runs_digest,
        code=campaign.code("select_observations"),
    message:
        "Run list of {wildcards.target}"
    script:
        "../scripts/select_observations.py"


rule dl3:
    """Run lists of all targets; mock runs and their index where the campaign samples them."""
    input:
        targets.dl3,
    localrule: True
