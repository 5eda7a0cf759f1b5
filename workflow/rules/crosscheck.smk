"""The same products by gammapy, the comparison of both chains, and the gate."""


rule check_sky_maps:
    """Make the sky maps of a target by gammapy, from the same DL3 files."""
    input:
        obs_index=campaign.indices[0],
        hdu_index=campaign.indices[1],
        observations=P.observations,
        dl3=get_target_files,
    output:
        check=P.check_sky_map,
        provenance=P.sidecar(P.check_sky_map),
    log:
        log_of("check_sky_maps", "target"),
    benchmark:
        benchmark_of("check_sky_maps", "target")
    params:
        settings=get_map_settings,
        scale_flux=campaign.model.cross_check.scale_check_flux,
        code=campaign.code("check_sky_maps"),
    message:
        "Check chain: sky maps of {wildcards.target}"
    script:
        "../scripts/check_sky_maps.py"


rule check_spectrum:
    """Make the spectrum of a target by gammapy, from the same DL3 files and from our OGIP files."""
    input:
        obs_index=campaign.indices[0],
        hdu_index=campaign.indices[1],
        observations=P.observations,
        dl3=get_target_files,
        ogip=get_ogip_chunks,
    output:
        check=P.check_spectrum,
        provenance=P.sidecar(P.check_spectrum),
    log:
        log_of("check_spectrum", "target"),
    benchmark:
        benchmark_of("check_spectrum", "target")
    params:
        settings=get_spectrum_settings,
        scale_flux=campaign.model.cross_check.scale_check_flux,
        code=campaign.code("check_spectrum"),
    message:
        "Check chain: spectrum of {wildcards.target}"
    script:
        "../scripts/check_spectrum.py"


rule check_light_curves:
    """Make the light curves of a target by gammapy, from the same DL3 files."""
    input:
        obs_index=campaign.indices[0],
        hdu_index=campaign.indices[1],
        observations=P.observations,
        dl3=get_target_files,
    output:
        check=P.check_light_curve,
        provenance=P.sidecar(P.check_light_curve),
    log:
        log_of("check_light_curves", "target"),
    benchmark:
        benchmark_of("check_light_curves", "target")
    params:
        settings=get_light_curve_settings,
        scale_flux=campaign.model.cross_check.scale_check_flux,
        code=campaign.code("check_light_curves"),
    message:
        "Check chain: light curves of {wildcards.target}"
    script:
        "../scripts/check_light_curves.py"


rule compare_products:
    """Compare the two chains number by number; always succeeds and leaves its table."""
    input:
        main=targets.compared("main"),
        check=targets.compared("check"),
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
    """Fail, naming product and numbers, when the two chains disagree."""
    input:
        verdicts=P.verdicts,
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
