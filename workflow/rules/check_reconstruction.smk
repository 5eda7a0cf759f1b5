"""The check chain of the reconstruction: ctapipe, on a fraction of the parts."""


rule check_reconstruction:
    """Check chain: images and directions of a part of a sample by ctapipe, held against ours."""
    input:
        raw=get_raw,
        geometry=P.geometry,
    output:
        check=P.check_reconstruction,
        provenance=P.sidecar(P.check_reconstruction),
    log:
        log_of("check_reconstruction", "sample", "part"),
    benchmark:
        benchmark_of("check_reconstruction", "sample", "part")
    params:
        settings=get_geometry_settings,
        raw=get_raw_checksums,
        code=campaign.code("check_reconstruction"),
    message:
        "Check chain: reconstruction of {wildcards.sample}, {wildcards.part}"
    script:
        "../scripts/check_reconstruction.py"
