"""From raw data to reconstructed events: images, geometry, energies, and what becomes of them."""


rule reconstruct_geometry:
    """Calibrate, clean and parametrise the images of a part of a sample; geometry of its events.

    A file per raw file. Charges and images stay in memory unless `keep_images` asks for them.
    """
    input:
        raw=get_raw,
        calibration=get_calibration,
    output:
        geometry=directory(P.geometry),
        provenance=P.sidecar(P.geometry),
    log:
        log_of("reconstruct_geometry", "sample", "part"),
    benchmark:
        benchmark_of("reconstruct_geometry", "sample", "part")
    params:
        settings=get_geometry_settings,
        raw=get_raw_checksums,
        code=campaign.code("reconstruct_geometry"),
    message:
        "Geometry of {wildcards.sample}, {wildcards.part}"
    script:
        "../scripts/reconstruct_geometry.py"


rule reconstruct_events:
    """Energies, scaled shapes, gammaness from the models at hand: DL2, a file per raw file."""
    input:
        unpack(get_models),
        geometry=P.geometry,
    output:
        events=directory(P.events_dl2),
        provenance=P.sidecar(P.events_dl2),
    log:
        log_of("reconstruct_events", "sample", "part"),
    benchmark:
        benchmark_of("reconstruct_events", "sample", "part")
    params:
        settings=campaign.samples.event_settings,
        seed=campaign.seed,
        code=campaign.code("reconstruct_events"),
    message:
        "Events of {wildcards.sample}, {wildcards.part}"
    script:
        "../scripts/reconstruct_events.py"


rule summarise_reconstruction:
    """Count events and images; resolutions of simulations; tables that the figures need."""
    input:
        raw=get_first_raw,
        calibration=get_calibration,
        geometry=get_geometry,
        events=get_events,
    output:
        summary=P.reconstruction_summary,
        table=P.reconstruction_table,
        provenance=P.sidecar(P.reconstruction_summary),
    log:
        log_of("summarise_reconstruction", "sample"),
    benchmark:
        benchmark_of("summarise_reconstruction", "sample")
    params:
        settings=get_reconstruction_settings,
        seed=campaign.seed,
        raw=get_first_raw_checksums,
        code=campaign.code("summarise_reconstruction"),
    message:
        "Summary of the reconstruction of {wildcards.sample}"
    script:
        "../scripts/summarise_reconstruction.py"


rule plot_reconstruction:
    """Draw images at every stage, parameters, resolutions, multiplicities and rates."""
    input:
        summary=P.reconstruction_summary,
        table=P.reconstruction_table,
    output:
        event=report(
            directory(P.event_figures),
            patterns=["{figure}.png"],
            caption="../report/event_stages.rst",
            category="6 Reconstruction",
            subcategory="{sample}",
            labels={"figure": "one event: {figure}"},
        ),
        figures=report(
            directory(P.reconstruction_figures),
            patterns=["{figure}.png"],
            caption="../report/reconstruction.rst",
            category="6 Reconstruction",
            subcategory="{sample}",
            labels={"figure": "{figure}"},
        ),
        provenance=P.sidecar(P.event_figures),
    log:
        log_of("plot_reconstruction", "sample"),
    benchmark:
        benchmark_of("plot_reconstruction", "sample")
    params:
        settings=get_reconstruction_settings,
        code=campaign.code("plot_reconstruction"),
    message:
        "Figures of the reconstruction of {wildcards.sample}"
    script:
        "../scripts/plot_reconstruction.py"


rule dl2:
    """Reconstructed events of all samples."""
    input:
        targets.samples.dl2,
    localrule: True


rule reconstruction:
    """Reconstructed events of all samples, with their summaries and figures."""
    input:
        targets.samples.all,
    localrule: True
