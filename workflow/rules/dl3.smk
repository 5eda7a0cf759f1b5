"""From reconstructed data to event lists."""


rule select_events:
    """Event lists of a sample of reconstructed data: cuts, directions on the sky, live time.

    A GADF file per run with the responses of its pointing, and the indices of all.
    """
    input:
        events=get_events,
        responses=campaign.event_lists.responses,
        cuts=campaign.event_lists.own_cuts,
    output:
        dl3=directory(P.event_lists),
        provenance=P.sidecar(P.event_lists),
    log:
        log_of("select_events", "sample"),
    benchmark:
        benchmark_of("select_events", "sample")
    params:
        settings=campaign.event_lists.settings,
        cuts=campaign.event_lists.cuts_settings,
        estimators=campaign.event_lists.estimators,
        code=campaign.code("select_events"),
    message:
        "Event lists of {wildcards.sample}"
    script:
        "../scripts/select_events.py"
