"""Which events are taken for gamma rays."""


rule optimise_cuts:
    """Choose the cuts that make a source most significant, of the split test_cuts.

    Cuts that the campaign gives are passed on: responses and DL3 events read one file.
    """
    input:
        signal=campaign.cuts.folders("signal"),
        background=campaign.cuts.folders("background"),
    output:
        cuts=P.cuts,
        provenance=P.sidecar(P.cuts),
    log:
        log_of("optimise_cuts"),
    benchmark:
        benchmark_of("optimise_cuts")
    params:
        settings=campaign.cuts.settings,
        code=campaign.code("optimise_cuts"),
    message:
        "Cuts on events"
    script:
        "../scripts/optimise_cuts.py"
