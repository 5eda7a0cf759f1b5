"""Jobs of seconds: each of the first three fails once, in one of the ways in which a farm ends jobs."""


wildcard_constraints:
    number=r"\d+",


def hold_s(wildcards, attempt):
    """Seconds that a job lasts: its first attempt never ends by itself."""
    return 600 if attempt == 1 else 0


rule failing:
    """Jobs that fail once."""
    input:
        "too_long.txt",
        "too_large.txt",
        "cancelled.txt",
    localrule: True


rule too_long:
    """Outlive the time limit at the first attempt."""
    output:
        "too_long.txt",
    resources:
        # SLURM counts time in minutes: the shortest limit there is.
        runtime=lambda wildcards, attempt: attempt,
        hold_s=hold_s,
    shell:
        "sleep {resources.hold_s}; echo {resources.runtime} > {output}"


rule too_large:
    """Need more memory than the profile asks for first, and less than it asks for next."""
    output:
        "too_large.txt",
    shell:
        "python3 -c 'import time; held = b\"x\" * (2500 << 20); time.sleep(8)' && "
        "echo {resources.mem_mb} > {output}"


rule cancelled:
    """Wait to be cancelled at the first attempt."""
    output:
        "cancelled.txt",
    resources:
        hold_s=hold_s,
    shell:
        "sleep {resources.hold_s}; echo {resources.runtime} > {output}"


rule interrupted:
    """Jobs of two stages; those of the second last until a file named `go` lies beside them."""
    input:
        expand("held_{number}.txt", number=range(4)),
    localrule: True


rule finish:
    """Take no time."""
    output:
        "finished_{number}.txt",
    shell:
        "echo {output} >> starts.txt; echo done > {output}"


rule hold:
    """Occupy a node until told to go."""
    input:
        expand("finished_{number}.txt", number=range(2)),
    output:
        "held_{number}.txt",
    threads: 2
    shell:
        "echo {output} >> starts.txt; until [ -e go ]; do sleep 0.5; done; echo done > {output}"
