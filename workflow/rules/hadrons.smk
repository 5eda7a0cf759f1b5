"""Hadronic interactions with air: one pool for all productions with equal settings."""


rule make_hadron_pool:
    """Generate interactions of hadrons with air at fixed energies, and their cross-sections.

    The product is shared by all campaigns whose block shower.hadrons is equal.
    """
    output:
        pool=campaign.simulations.hadrons.pool,
        provenance=P.sidecar(campaign.simulations.hadrons.pool),
    log:
        log_of("make_hadron_pool"),
    benchmark:
        benchmark_of("make_hadron_pool")
    params:
        settings=campaign.simulations.hadrons.settings,
        code=campaign.code("make_hadron_pool"),
    message:
        "Pool of hadronic interactions"
    script:
        "../scripts/make_hadron_pool.py"
