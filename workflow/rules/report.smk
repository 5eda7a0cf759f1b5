"""Summary, overview, and the targets that collect everything."""


rule products:
    """Everything but the gate: what the report is made of."""
    input:
        placed(targets.products),
    localrule: True


rule summarise:
    """Collect every headline number, verdict, version and cost in one JSON file."""
    input:
        main=targets.compared("main"),
        verdicts=targets.verdicts,
        simulations=targets.productions(P.simulation_summary),
        reconstruction=targets.samples.of_samples(P.reconstruction_summary),
        responses=targets.responses.summaries,
        provenance=targets.sidecars,
    output:
        summary=P.summary,
        provenance=P.sidecar(P.summary),
    log:
        log_of("summarise"),
    benchmark:
        benchmark_of("summarise")
    params:
        settings=campaign.facts,
        index=targets.main_index,
        code=campaign.code("summarise"),
    message:
        "Summary of the campaign"
    script:
        "../scripts/summarise.py"


rule make_overview:
    """Write the page that opens the report: verdict, headline numbers, provenance, cost."""
    input:
        summary=P.summary,
        verdicts=targets.verdicts,
    output:
        overview=report(
            P.overview,
            caption="../report/overview_page.rst",
            category="0 Overview",
            labels={"content": "overview of the campaign"},
        ),
        provenance=P.sidecar(P.overview),
    log:
        log_of("make_overview"),
    benchmark:
        benchmark_of("make_overview")
    params:
        settings=campaign.facts,
        plan=get_plan,
        code=campaign.code("make_overview"),
    message:
        "Overview of the campaign"
    script:
        "../scripts/make_overview.py"


rule plot_rule_graph:
    """Draw which rule fed which, with the jobs and the CPU time of each."""
    input:
        summary=P.summary,
    output:
        figure=report(
            P.rule_graph,
            caption="../report/rule_graph.rst",
            category="0 Overview",
            labels={"content": "rules and their cost"},
        ),
        provenance=P.sidecar(P.rule_graph),
    log:
        log_of("plot_rule_graph"),
    benchmark:
        benchmark_of("plot_rule_graph")
    params:
        settings={},
        code=campaign.code("plot_rule_graph"),
    message:
        "Graph of the rules"
    script:
        "../scripts/plot_rule_graph.py"
