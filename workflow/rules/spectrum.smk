"""Spectra from reflected regions."""


rule extract_spectra:
    """Count on and off events of a chunk of runs and fold the responses: OGIP files."""
    input:
        dl3=get_chunk_files,
        observations=P.observations,
    output:
        ogip=directory(P.ogip_chunk),
        provenance=P.sidecar(P.ogip_chunk),
    log:
        log_of("extract_spectra", "target", "chunk"),
    benchmark:
        benchmark_of("extract_spectra", "target", "chunk")
    params:
        settings=get_spectrum_settings,
        obs_ids=get_chunk_runs,
        code=campaign.code("extract_spectra"),
    message:
        "Spectra of the runs of {wildcards.target}, chunk {wildcards.chunk}"
    script:
        "../scripts/extract_spectra.py"


rule fit_spectrum:
    """Fit the spectral models by forward folding (W statistic); flux points and profiles."""
    input:
        ogip=get_ogip_chunks,
    output:
        spectrum=P.spectrum,
        flux_points=P.flux_points,
        profiles=P.profiles,
        theta_squared=P.theta_squared,
        provenance=P.sidecar(P.spectrum),
    log:
        log_of("fit_spectrum", "target"),
    benchmark:
        benchmark_of("fit_spectrum", "target")
    params:
        settings=get_spectrum_settings,
        seed=campaign.seed,
        code=campaign.code("fit_spectrum"),
    message:
        "Spectrum of {wildcards.target}"
    script:
        "../scripts/fit_spectrum.py"


rule plot_spectrum:
    """Draw the spectral energy distribution, counts, theta-squared, profiles and regions."""
    input:
        spectrum=P.spectrum,
        flux_points=P.flux_points,
        profiles=P.profiles,
        theta_squared=P.theta_squared,
        ogip=get_ogip_chunks,
    output:
        sed=report(
            P.spectrum_figure,
            caption="../report/sed.rst",
            category="3 Spectra",
            subcategory="{target}",
            labels={"figure": "spectral energy distribution"},
        ),
        counts=report(
            P.counts_figure,
            caption="../report/counts.rst",
            category="3 Spectra",
            subcategory="{target}",
            labels={"figure": "counts and model"},
        ),
        theta_squared=report(
            P.theta_squared_figure,
            caption="../report/theta_squared.rst",
            category="3 Spectra",
            subcategory="{target}",
            labels={"figure": "theta squared"},
        ),
        profiles=report(
            P.profiles_figure,
            caption="../report/profiles.rst",
            category="3 Spectra",
            subcategory="{target}",
            labels={"figure": "likelihood profiles"},
        ),
        regions=report(
            P.regions_figure,
            caption="../report/regions.rst",
            category="3 Spectra",
            subcategory="{target}",
            labels={"figure": "on and off regions"},
        ),
        provenance=P.sidecar(P.spectrum_figure),
    log:
        log_of("plot_spectrum", "target"),
    benchmark:
        benchmark_of("plot_spectrum", "target")
    params:
        settings=get_spectrum_settings,
        code=campaign.code("plot_spectrum"),
    message:
        "Figures of the spectrum of {wildcards.target}"
    script:
        "../scripts/plot_spectrum.py"


rule spectra:
    """Spectra of all targets, with figures."""
    input:
        targets.spectra_products,
    localrule: True
