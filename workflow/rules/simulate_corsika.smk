"""Showers by the user's own CORSIKA."""


rule render_corsika_card:
    """Write the input card of CORSIKA for a chunk of showers."""
    input:
        instrument=campaign.simulations.instrument_files,
        conditions=ancient(get_conditions),
    output:
        card=P.corsika_card,
        profile=P.corsika_profile,
        provenance=P.sidecar(P.corsika_card),
    log:
        log_of("render_corsika_card", "production", "run", "chunk"),
    benchmark:
        benchmark_of("render_corsika_card", "production", "run", "chunk")
    params:
        settings=get_shower_settings,
        seed=campaign.seed,
        showers=get_shower_range,
        conditions=get_conditions_digest,
        instrument=campaign.simulations.instrument.sha256,
        code=campaign.code("render_corsika_card"),
    message:
        "Card of CORSIKA: {wildcards.production}, run {wildcards.run}, chunk {wildcards.chunk}"
    script:
        "../scripts/render_corsika_card.py"


rule run_corsika:
    """Run the user's CORSIKA, in its own image where there is one, on one card."""
    input:
        card=P.corsika_card,
        profile=P.corsika_profile,
    output:
        photons=P.corsika_photons,
    log:
        log_of("run_corsika", "production", "run", "chunk"),
    benchmark:
        benchmark_of("run_corsika", "production", "run", "chunk")
    container:
        campaign.simulations.corsika_image
    params:
        executable=campaign.simulations.corsika_executable,
    message:
        "CORSIKA: {wildcards.production}, run {wildcards.run}, chunk {wildcards.chunk}"
    shell:
        # CORSIKA reads its tables from, and writes to, the folder in which it is started.
        "here=$PWD; folder=$(mktemp -d); trap 'rm -rf \"$folder\"' EXIT; "
        'cp -rs "$(cd "$(dirname {params.executable:q})" && pwd)"/. "$folder" && '
        'cp {input.profile:q} "$folder"/atmosphere.dat && cd "$folder" && '
        './$(basename {params.executable:q}) < "$here"/{input.card:q} > "$here"/{log:q} 2>&1 && '
        'mv photons.corsika "$here"/{output.photons:q}'
