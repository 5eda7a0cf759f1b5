"""What was found in mock data beside what was injected."""


rule plot_truth:
    """Draw how far the results of mock data lie from what was injected, in standard errors."""
    input:
        verdicts=P.verdicts,
    output:
        figure=report(
            P.truth_figure,
            caption="../report/truth_figure.rst",
            category="1 Verdicts",
            labels={"content": "closure: found against injected"},
        ),
        provenance=P.sidecar(P.truth_figure),
    log:
        log_of("plot_truth"),
    benchmark:
        benchmark_of("plot_truth")
    params:
        settings={
            "truth_sigma": campaign.config["cross_check"]["tolerances"]["truth_sigma"]
        },
        code=campaign.code("plot_truth"),
    message:
        "Figure of the results of mock data against what was injected"
    script:
        "../scripts/plot_truth.py"
