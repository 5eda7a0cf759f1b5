"""Light curves."""


rule estimate_light_curve:
    """Fit the flux of each time bin with the spectral shape held fixed; variability."""
    input:
        dl3=get_target_files,
        observations=P.observations,
    output:
        light_curve=P.light_curve,
        summary=P.light_curve_summary,
        provenance=P.sidecar(P.light_curve),
    log:
        log_of("estimate_light_curve", "target", "binning"),
    benchmark:
        benchmark_of("estimate_light_curve", "target", "binning")
    params:
        settings=get_light_curve_settings,
        obs_ids=get_target_run_ids,
        code=campaign.code("estimate_light_curve"),
    message:
        "Light curve of {wildcards.target}, {wildcards.binning}"
    script:
        "../scripts/estimate_light_curve.py"


rule plot_light_curve:
    """Draw a light curve."""
    input:
        light_curve=P.light_curve,
        summary=P.light_curve_summary,
    output:
        figure=report(
            P.light_curve_figure,
            caption="../report/light_curve.rst",
            category="4 Light curves",
            subcategory="{target}",
            labels={"binning": "{binning}", "figure": "light curve"},
        ),
        provenance=P.sidecar(P.light_curve_figure),
    log:
        log_of("plot_light_curve", "target", "binning"),
    benchmark:
        benchmark_of("plot_light_curve", "target", "binning")
    params:
        settings=get_light_curve_settings,
        code=campaign.code("plot_light_curve"),
    message:
        "Figure of the light curve of {wildcards.target}, {wildcards.binning}"
    script:
        "../scripts/plot_light_curve.py"


rule light_curves:
    """Light curves of all targets, with figures."""
    input:
        targets.light_curves,
    localrule: True
