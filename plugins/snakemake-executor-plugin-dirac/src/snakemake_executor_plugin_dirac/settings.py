"""Settings of the executor: each is an option ``--dirac-<name>`` and a line of a profile."""

# Snakemake reads the types of the fields: they must not be postponed to strings.
from dataclasses import dataclass, field

from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

__all__ = ["ExecutorSettings", "common_settings"]


def _setting(default, text, kind=str):
    metadata = {"help": text, "required": False}
    if kind is not bool:
        metadata["type"] = kind
    return field(default=default, metadata=metadata)


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Where DIRAC is, what jobs need around them, and where products go."""

    python: str | None = _setting("python3", "Python of the DIRAC environment.")
    rc_file: str | None = _setting(None, "Shell file to source before it (diracosrc, bashrc).")
    setup: str | None = _setting(
        "", "Shell line on the worker node, before Snakemake: makes python and software available."
    )
    lfn_base: str | None = _setting(None, "Folder of the catalogue for products: /VO/user/...")
    storage_elements: str | None = _setting(
        None, "Storage elements for products, in the order of preference, separated by commas."
    )
    metadata: str | None = _setting(
        "", "Metadata of products: words name=path, with paths such as config.campaign."
    )
    job_type: str | None = _setting("User", "DIRAC job type.")
    max_parametric: int | None = _setting(
        100, "Jobs per submission: at most the server's MaxParametricJobs.", int
    )
    cpu_power: float | None = _setting(
        1.0, "DIRAC reference seconds per second of wall time of one core.", float
    )
    sandbox_max_mb: float | None = _setting(
        10.0,
        "Local inputs up to this size travel in the sandbox, larger ones are catalogued.",
        float,
    )
    heartbeat_timeout_s: int | None = _setting(
        7200, "A running job whose pilot was silent this long is killed and submitted again.", int
    )
    outage_s: int | None = _setting(
        14400, "Seconds that the server may be unreachable before the campaign gives up.", int
    )
    proxy_min_s: int | None = _setting(
        3600, "Seconds that the proxy must still be valid at the start.", int
    )
    exclude_sources: str | None = _setting(
        "", "Tracked files that jobs do not need: patterns separated by blanks, such as docs/*."
    )
    state: str | None = _setting(".dirac", "Folder of ids, sandboxes and logs of jobs.")
    dry_submission: bool = _setting(
        False, "Print the plan and every JDL, contact no server, submit nothing.", bool
    )


common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=True,
    # Sources travel in the sandbox, inputs through the catalogue: Snakemake moves neither.
    job_deploy_sources=False,
    can_transfer_local_files=True,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    # A declared variable would stand in clear text in the job script.
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
    init_seconds_before_status_checks=2,
)
