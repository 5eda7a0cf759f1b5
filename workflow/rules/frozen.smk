"""Productions that are read from where their manifest says, instead of simulated."""


rule adopt_production:
    """Take over a frozen production: its manifest, and the provenance of the jobs that made it."""
    output:
        manifest=P.manifest,
        jobs=P.frozen_jobs,
        provenance=P.sidecar(P.manifest),
    log:
        log_of("adopt_production", "production"),
    benchmark:
        benchmark_of("adopt_production", "production")
    params:
        settings=get_manifest_digest,
        manifest=get_manifest,
        folders=get_frozen_folders,
        code=campaign.code("adopt_production"),
    message:
        "Frozen production {wildcards.production}"
    script:
        "../scripts/adopt_production.py"
