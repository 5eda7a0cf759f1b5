"""Download of the H.E.S.S. DL3 public test data release 1."""


rule fetch_dl3:
    """Fetch the runs that the campaign needs from the public release, checksums verified."""
    output:
        files=campaign.needed_files,
        provenance=P.sidecar(P.fetched),
    log:
        log_of("fetch_dl3"),
    benchmark:
        benchmark_of("fetch_dl3")
    params:
        settings={},
        url=campaign.model.data.fetch.url,
        root=campaign.dl3_root,
        checksums=campaign.checksums,
        code=campaign.code("fetch_dl3"),
    message:
        "Fetching {campaign.dl3_root} from {campaign.model.data.fetch.url}"
    script:
        "../scripts/fetch_dl3.py"
