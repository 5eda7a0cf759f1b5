"""Cameras calibrated with their own pedestal and flat-field events."""


rule calibrate_cameras:
    """Pedestals, gains, flat field, times and status of all cameras of a calibration run."""
    input:
        raw=get_calibration_run,
    output:
        calibration=P.calibration,
        summary=P.calibration_summary,
        provenance=P.sidecar(P.calibration),
    log:
        log_of("calibrate_cameras", "sample"),
    benchmark:
        benchmark_of("calibrate_cameras", "sample")
    params:
        settings=get_calibration_settings,
        raw=get_calibration_checksums,
        code=campaign.code("calibrate_cameras"),
    message:
        "Calibration of the cameras of {wildcards.sample}"
    script:
        "../scripts/calibrate_cameras.py"


rule plot_calibration:
    """Draw pedestals, gains, flat field, times and status of every camera as maps."""
    input:
        calibration=P.calibration,
    output:
        figures=report(
            directory(P.calibration_figures),
            patterns=["{figure}.png"],
            caption="../report/calibration.rst",
            category="6 Reconstruction",
            subcategory="{sample}",
            labels={"figure": "calibration: {figure}"},
        ),
        provenance=P.sidecar(P.calibration_figures),
    log:
        log_of("plot_calibration", "sample"),
    benchmark:
        benchmark_of("plot_calibration", "sample")
    params:
        settings={},
        code=campaign.code("plot_calibration"),
    message:
        "Figures of the calibration of the cameras of {wildcards.sample}"
    script:
        "../scripts/plot_calibration.py"


rule calibration:
    """Coefficients of cameras of all samples that have a calibration run, with their figures."""
    input:
        targets.samples.calibrations,
    localrule: True
