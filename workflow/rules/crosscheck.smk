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
