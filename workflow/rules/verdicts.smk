"""Comparison of the two chains, and the gate."""


rule compare_products:
    """Compare the two chains number by number; always succeeds and leaves its table."""
    input:
        main=targets.compared("main"),
        check=targets.compared("check"),
        reconstruction=targets.samples.checked,
        responses=targets.responses.checks.values(),
        simulated=targets.truth_responses,
    output:
        verdicts=P.verdicts,
        table=report(
            P.verdicts_table,
            caption="../report/verdicts.rst",
            category="1 Verdicts",
            labels={"content": "table of all verdicts"},
        ),
        provenance=P.sidecar(P.verdicts),
    log:
        log_of("compare_products"),
    benchmark:
        benchmark_of("compare_products")
    params:
        settings=campaign.config["cross_check"],
        tolerances=campaign.config["cross_check"]["tolerances"],
        index=targets.comparison,
        normal_off=targets.normal_off,
        truth=targets.truth,
        reconstruction=targets.samples.checks,
        responses=targets.responses.checks,
        code=campaign.code("compare_products"),
    message:
        "Comparison of the two chains"
    script:
        "../scripts/compare_products.py"


rule plot_verdicts:
    """Draw the deviations of the two chains over their tolerances."""
    input:
        verdicts=P.verdicts,
    output:
        figure=report(
            P.verdicts_figure,
            caption="../report/verdicts_figure.rst",
            category="1 Verdicts",
            labels={"content": "deviation over tolerance"},
        ),
        provenance=P.sidecar(P.verdicts_figure),
    log:
        log_of("plot_verdicts"),
    benchmark:
        benchmark_of("plot_verdicts")
    params:
        settings={},
        code=campaign.code("plot_verdicts"),
    message:
        "Figure of the verdicts"
    script:
        "../scripts/plot_verdicts.py"


rule gate_products:
    """Fail, naming product and numbers, when the two chains disagree.

    It waits for the summary and the overview, so that a closed gate never costs the report, however
    jobs are ordered and whether or not a failed job stops the others.
    """
    input:
        verdicts=P.verdicts,
        report=[P.overview, P.verdicts_figure],
    output:
        gate=P.gate,
        provenance=P.sidecar(P.gate),
    log:
        log_of("gate_products"),
    benchmark:
        benchmark_of("gate_products")
    params:
        settings={},
        code=campaign.code("gate_products"),
    message:
        "Gate: do the two chains agree?"
    script:
        "../scripts/gate_products.py"


rule cross_checks:
    """Verdict table of the two chains."""
    input:
        targets.cross_checks,
    localrule: True
