"""From reconstructed simulations to instrument responses, and the same by pyirf."""


rule make_responses:
    """Effective area, energy dispersion, point spread function and background of a node.

    Of the split test_irfs alone: GADF files that gammapy opens, and headline numbers.
    """
    input:
        events=get_response_events,
        off=get_off_data,
        cuts=campaign.cuts.product,
    output:
        **targets.responses.outputs,
        provenance=P.sidecar(P.responses),
    log:
        log_of("make_responses", "node"),
    benchmark:
        benchmark_of("make_responses", "node")
    params:
        settings=get_response_settings,
        index=get_response_index,
        code=campaign.code("make_responses"),
    message:
        "Instrument responses of {wildcards.node}"
    script:
        "../scripts/make_responses.py"


rule plot_performance:
    """Draw area, resolutions, background, sensitivity of a node, and how it tells background."""
    input:
        summary=P.responses_summary,
    output:
        figures=report(
            directory(P.performance_figures),
            patterns=["{figure}.png"],
            caption="../report/performance.rst",
            category="7 Instrument responses",
            subcategory="{node}",
            labels={"figure": "{figure}"},
        ),
        provenance=P.sidecar(P.performance_figures),
    log:
        log_of("plot_performance", "node"),
    benchmark:
        benchmark_of("plot_performance", "node")
    params:
        settings=get_response_settings,
        code=campaign.code("plot_performance"),
    message:
        "Figures of the responses of {wildcards.node}"
    script:
        "../scripts/plot_performance.py"


rule check_responses:
    """Check chain: responses of a node by pyirf from the same events, held against ours."""
    input:
        events=get_response_events,
        irf=P.responses,
        summary=P.responses_summary,
    output:
        check=P.check_responses,
        provenance=P.sidecar(P.check_responses),
    log:
        log_of("check_responses", "node"),
    benchmark:
        benchmark_of("check_responses", "node")
    params:
        settings=get_response_settings,
        index=get_response_index,
        code=campaign.code("check_responses"),
    message:
        "Check chain: instrument responses of {wildcards.node}"
    script:
        "../scripts/check_responses.py"


rule irfs:
    """Instrument responses of all nodes."""
    input:
        targets.responses.all,
    localrule: True
