"""What is learnt from simulations before energies: tables of shapes, forests, classifiers."""


rule fill_shape_tables:
    """Add up shapes and energies of simulated images, of the split for energies: some parts."""
    input:
        geometry=get_table_chunk,
    output:
        tables=P.shape_table_chunk,
        provenance=P.sidecar(P.shape_table_chunk),
    log:
        log_of("fill_shape_tables", "chunk"),
    benchmark:
        benchmark_of("fill_shape_tables", "chunk")
    params:
        settings=get_model_settings("shape_tables"),
        seed=campaign.seed,
        code=campaign.code("fill_shape_tables"),
    message:
        "Tables of shapes, chunk {wildcards.chunk}"
    script:
        "../scripts/fill_shape_tables.py"


rule merge_shape_tables:
    """Add the tables of all parts up: whole numbers, so that no order and no cut matters."""
    input:
        tables=targets.samples.shape_table_chunks,
    output:
        tables=P.shape_tables,
        provenance=P.sidecar(P.shape_tables),
    log:
        log_of("merge_shape_tables"),
    benchmark:
        benchmark_of("merge_shape_tables")
    params:
        settings={},
        code=campaign.code("merge_shape_tables"),
    message:
        "Tables of shapes"
    script:
        "../scripts/merge_shape_tables.py"


rule plot_shape_tables:
    """Draw the tables of width, length and energy as maps of size and impact distance."""
    input:
        tables=P.shape_tables,
    output:
        figures=report(
            directory(P.shape_table_figures),
            patterns=["{figure}.png"],
            caption="../report/shape_tables.rst",
            category="6 Reconstruction",
            subcategory="tables",
            labels={"figure": "{figure}"},
        ),
        provenance=P.sidecar(P.shape_table_figures),
    log:
        log_of("plot_shape_tables"),
    benchmark:
        benchmark_of("plot_shape_tables")
    params:
        settings=get_model_settings("shape_tables"),
        code=campaign.code("plot_shape_tables"),
    message:
        "Figures of the tables of shapes"
    script:
        "../scripts/plot_shape_tables.py"


rule train_energy:
    """Train forests for the energy of single telescopes, of the split for energies."""
    input:
        geometry=targets.samples.geometry_of("energy"),
        tables=targets.samples.shape_tables,
    output:
        model=P.energy_model,
        provenance=P.sidecar(P.energy_model),
    log:
        log_of("train_energy"),
    benchmark:
        benchmark_of("train_energy")
    params:
        settings=get_model_settings("energy"),
        seed=campaign.seed,
        code=campaign.code("train_energy"),
    message:
        "Forests for the energy"
    script:
        "../scripts/train_energy.py"


rule train_direction:
    """Train forests for the distance of the source from an image, of the split for directions."""
    input:
        geometry=targets.samples.geometry_of("direction"),
        tables=targets.samples.shape_tables,
    output:
        model=P.direction_model,
        provenance=P.sidecar(P.direction_model),
    log:
        log_of("train_direction"),
    benchmark:
        benchmark_of("train_direction")
    params:
        settings=get_model_settings("direction"),
        seed=campaign.seed,
        code=campaign.code("train_direction"),
    message:
        "Forests for the direction"
    script:
        "../scripts/train_direction.py"


rule train_class:
    """Train boosted trees that tell gamma rays from background, of the split for classes."""
    input:
        geometry=targets.samples.geometry_of("signal"),
        background=targets.samples.geometry_of("background"),
        tables=targets.samples.shape_tables,
    output:
        model=P.class_model,
        provenance=P.sidecar(P.class_model),
    log:
        log_of("train_class"),
    benchmark:
        benchmark_of("train_class")
    params:
        settings=get_model_settings("class"),
        seed=campaign.seed,
        code=campaign.code("train_class"),
    message:
        "Classifier of gamma rays"
    script:
        "../scripts/train_class.py"
