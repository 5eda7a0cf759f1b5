"""What becomes of simulated events: summary and figures of each production."""


rule summarise_simulation:
    """Add up what was thrown and what triggered; keep the tables that the figures need."""
    input:
        chunks=get_production_chunks,
        instrument=campaign.simulations.instrument_files,
    output:
        summary=P.simulation_summary,
        table=P.simulation_table,
        provenance=P.sidecar(P.simulation_summary),
    log:
        log_of("summarise_simulation", "production"),
    benchmark:
        benchmark_of("summarise_simulation", "production")
    params:
        settings=get_production_settings,
        chunks=get_production_checksums,
        instrument=campaign.simulations.instrument.sha256,
        code=campaign.code("summarise_simulation"),
    message:
        "Summary of the production {wildcards.production}"
    script:
        "../scripts/summarise_simulation.py"


rule plot_simulation:
    """Draw longitudinal profiles, light on the ground, images of one shower, and the trigger."""
    input:
        summary=P.simulation_summary,
        table=P.simulation_table,
        instrument=campaign.simulations.instrument_files,
    output:
        profiles=report(
            P.profiles_figure_of_showers,
            caption="../report/longitudinal_profiles.rst",
            category="5 Simulations",
            subcategory="{production}",
            labels={"figure": "longitudinal profiles"},
        ),
        light=report(
            P.light_figure,
            caption="../report/light_on_the_ground.rst",
            category="5 Simulations",
            subcategory="{production}",
            labels={"figure": "light on the ground"},
        ),
        images=report(
            P.images_figure,
            caption="../report/images.rst",
            category="5 Simulations",
            subcategory="{production}",
            labels={"figure": "images of one shower"},
        ),
        trigger=report(
            directory(P.trigger_figures),
            patterns=["{figure}.png"],
            caption="../report/trigger.rst",
            category="5 Simulations",
            subcategory="{production}",
            labels={"figure": "trigger: {figure}"},
        ),
        provenance=P.sidecar(P.profiles_figure_of_showers),
    log:
        log_of("plot_simulation", "production"),
    benchmark:
        benchmark_of("plot_simulation", "production")
    params:
        settings=get_production_settings,
        instrument=campaign.simulations.instrument.sha256,
        code=campaign.code("plot_simulation"),
    message:
        "Figures of the production {wildcards.production}"
    script:
        "../scripts/plot_simulation.py"


rule plot_optics:
    """Trace rays through the telescopes of a production: spots, and their size over the sky."""
    input:
        instrument=campaign.simulations.instrument_files,
    output:
        optics=report(
            directory(P.optics_figures),
            patterns=["{figure}.png"],
            caption="../report/optics.rst",
            category="5 Simulations",
            subcategory="{production}",
            labels={"figure": "optics: {figure}"},
        ),
        provenance=P.sidecar(P.optics_figures),
    log:
        log_of("plot_optics", "production"),
    benchmark:
        benchmark_of("plot_optics", "production")
    params:
        settings=get_optics_settings,
        seed=campaign.seed,
        instrument=campaign.simulations.instrument.sha256,
        code=campaign.code("plot_optics"),
    message:
        "Optics of the production {wildcards.production}"
    script:
        "../scripts/plot_optics.py"


rule simulations:
    """Simulated events of all productions, with their summaries and figures."""
    input:
        placed(targets.simulations),
    localrule: True
