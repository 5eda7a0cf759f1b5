"""Sky maps: counts, background, significance, flux."""


rule fill_sky_map:
    """Fill the additive maps of a chunk of runs in one energy band (Berge et al. 2007)."""
    input:
        dl3=get_chunk_files,
        observations=P.observations,
    output:
        maps=P.sky_map_chunk,
        provenance=P.sidecar(P.sky_map_chunk),
    log:
        log_of("fill_sky_map", "target", "band", "chunk"),
    benchmark:
        benchmark_of("fill_sky_map", "target", "band", "chunk")
    params:
        settings=get_map_settings,
        obs_ids=get_chunk_runs,
        code=campaign.code("fill_sky_map"),
    message:
        "Maps of {wildcards.target}, {wildcards.band} TeV, chunk {wildcards.chunk}"
    script:
        "../scripts/fill_sky_map.py"


rule make_sky_map:
    """Add the chunks up; ring background, Li & Ma significance, flux."""
    input:
        chunks=get_sky_map_chunks,
    output:
        maps=P.sky_map,
        summary=P.sky_map_summary,
        provenance=P.sidecar(P.sky_map),
    log:
        log_of("make_sky_map", "target", "band"),
    benchmark:
        benchmark_of("make_sky_map", "target", "band")
    params:
        settings=get_map_settings,
        code=campaign.code("make_sky_map"),
    message:
        "Sky map of {wildcards.target}, {wildcards.band} TeV"
    script:
        "../scripts/make_sky_map.py"


rule plot_sky_map:
    """Draw the significance and flux maps and the significance distribution."""
    input:
        maps=P.sky_map,
    output:
        sky_map=report(
            P.sky_map_figure,
            caption="../report/sky_map.rst",
            category="2 Sky maps",
            subcategory="{target}",
            labels={"energy (TeV)": "{band}", "figure": "sky map"},
        ),
        significance=report(
            P.significance_figure,
            caption="../report/significance.rst",
            category="2 Sky maps",
            subcategory="{target}",
            labels={"energy (TeV)": "{band}", "figure": "significance distribution"},
        ),
        provenance=P.sidecar(P.sky_map_figure),
    log:
        log_of("plot_sky_map", "target", "band"),
    benchmark:
        benchmark_of("plot_sky_map", "target", "band")
    params:
        settings=get_map_settings,
        code=campaign.code("plot_sky_map"),
    message:
        "Figures of the sky map of {wildcards.target}, {wildcards.band} TeV"
    script:
        "../scripts/plot_sky_map.py"


rule sky_maps:
    """Sky maps of all targets, with figures."""
    input:
        targets.sky_maps,
    localrule: True
