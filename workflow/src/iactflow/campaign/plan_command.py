"""``iactflow plan`` and ``iactflow status``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from iactflow.errors import InputError

__all__ = ["add_plan_commands"]

SLOTS = "jobs at the same time (default: 2)"
COSTS_FILE = "file of measured costs (default: your own, or the shipped)"
# Lines that the logger of a job writes: whatever else ends a log is an error.
LOGGED = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ (INFO|WARNING) ")


def add_plan_commands(commands) -> None:
    """Add both commands to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        Commands.
    """
    plan = commands.add_parser("plan", help="jobs, CPU time, memory and bytes of a campaign")
    plan.add_argument("campaign", help="campaign file")
    plan.add_argument("--slots", type=int, default=2, help=SLOTS)
    plan.add_argument("--costs", help=COSTS_FILE)
    plan.add_argument("--site", help="site of config/sites.yaml: its queue, cores, space, speed")
    plan.add_argument("--queue-hours", type=float, help="longest job that the queue allows")
    plan.add_argument("--space-gb", type=float, help="free space where results go")
    plan.add_argument("--json", help="write the plan to this file, too")
    plan.add_argument("--learn", metavar="FOLDER", help="take over costs of the finished jobs in "
                      "FOLDER/results, and show the plan before beside them")  # fmt: skip
    plan.set_defaults(run=_plan)
    status = commands.add_parser("status", help="what of a campaign is done, runs, has failed")
    status.add_argument("campaign", help="campaign file")
    status.add_argument("--directory", default=".", help="folder that results/ lies in")
    status.add_argument("--slots", type=int, default=2, help=SLOTS)
    status.add_argument("--costs", help=COSTS_FILE)
    status.set_defaults(run=_status)


def _load(options):
    from iactflow.campaign.config import read_campaign_file
    from iactflow.campaign.costs import known_costs, read_costs
    from iactflow.campaign.load import load_campaign

    if options.slots < 1:
        raise InputError("command line", "--slots", options.slots, "1 or more")
    campaign = load_campaign(read_campaign_file(options.campaign), [options.campaign])
    return campaign, read_costs(options.costs) if options.costs else known_costs(campaign)


def _plan(options) -> int:
    from iactflow.campaign.costs import COSTS, learn, own_costs, write_costs
    from iactflow.campaign.job_list import list_jobs
    from iactflow.campaign.plan import make_plan, wall_s, warnings_of
    from iactflow.campaign.plan_places import bytes_by_place, full_places

    campaign, costs = _load(options)
    jobs = list(list_jobs(campaign))
    stages = make_plan(campaign, jobs, costs)
    if options.learn is not None:
        folder = Path(options.learn)
        _print_actual(campaign, jobs, stages, folder, float(costs.content["start_s"]))
        target = Path(options.costs) if options.costs else own_costs()
        if target.resolve() == (campaign.base / COSTS).resolve():
            raise InputError("command line", "--costs", str(target), "another file to write")
        write_costs(learn(costs, campaign, jobs, folder), target)
        print(f"written: {target}")
        return 0
    _print_plan(stages, costs.hs06_per_core)
    queue_s = None if options.queue_hours is None else 3600.0 * options.queue_hours
    space = None if options.space_gb is None else 1e9 * options.space_gb
    slots, speed = options.slots, 1.0
    if options.site is not None:
        site, speed = _site(campaign.base, options.site, costs.hs06_per_core)
        slots, queue_s = min(slots, site.queue.max_cores), 3600.0 * site.queue.max_wall_h * speed
        known = [e.free_tb for e in site.storage_elements.values() if e.free_tb is not None]
        space = 1e12 * sum(known) if known else space
    places = bytes_by_place(campaign, jobs, costs)
    if len(places) > 1:
        _print_places(places)
    hours = wall_s(stages, slots) / 3600 / speed
    print(f"wall time of {slots} slots: {hours:.2f} h")
    for line in [*warnings_of(stages, queue_s, space), *full_places(places)]:
        print(f"warning: {line}")
    unknown = [stage.rule for stage in stages if not costs.is_measured(stage.rule)]
    if unknown:
        print(
            f"warning: counted without their work, which was never measured: {', '.join(unknown)}"
        )
    if options.json is not None:
        from iactflow.campaign.atomic import atomic_output

        content = {"campaign": campaign.name, "hs06_per_core": costs.hs06_per_core,
                   "stages": [asdict(stage) for stage in stages],
                   "places": [asdict(place) for place in places]}  # fmt: skip
        with atomic_output(options.json) as path:
            Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def _site(base: Path, name: str, hs06_per_core: float):
    """Site, and how much faster its cores are than the reference core."""
    from iactflow.campaign.sites import read_sites

    file = base / "config" / "sites.yaml"
    sites = read_sites(file).sites
    if name not in sites:
        raise InputError("command line", "--site", name, f"a site of {file}: {', '.join(sites)}")
    site = sites[name]
    if not site.confirmed:
        print(f"warning: {name} has not confirmed what {file} says of it")
    for element, block in site.storage_elements.items():
        free = "unknown" if block.free_tb is None else f"{block.free_tb:g} TB"
        print(f"{site.label}: {element} ({block.medium}), free: {free}")
    return site, site.hs06_per_core / hs06_per_core


def _print_plan(stages, hs06: float) -> None:
    head = ("rule", "jobs", "CPU h", "HS06 h", "longest", "memory", "bytes")
    rows = [
        (s.rule, str(s.jobs), f"{s.cpu_s / 3600:.3g}", f"{hs06 * s.cpu_s / 3600:.3g}",
         _minutes(s.longest_s), f"{s.memory_mb:.0f} MB" if s.memory_mb else "-", _size(s.bytes))
        for s in stages
    ]  # fmt: skip
    cpu_s, size = sum(s.cpu_s for s in stages), sum(s.bytes for s in stages)
    rows.append(
        ("all", str(sum(s.jobs for s in stages)), f"{cpu_s / 3600:.3g}",
         f"{hs06 * cpu_s / 3600:.3g}", _minutes(max(s.longest_s for s in stages)),
         f"{max(s.memory_mb for s in stages):.0f} MB", _size(size))
    )  # fmt: skip
    _print_table(head, rows)


def _print_places(places) -> None:
    rows = []
    for p in places:
        free = "unknown" if p.free is None else _size(p.free)
        read, written = (_size(value) if value else "-" for value in (p.read, p.written))
        rows.append((p.storage_element, p.site or "-", read, written, free if p.site else "-"))
    _print_table(("storage element", "site", "read", "written", "free"), rows)


def _print_actual(campaign, jobs, stages, folder: Path, start_s: float) -> None:
    """Plan, without the start of jobs, beside what they have cost: rules whose jobs are there."""
    from iactflow.campaign.costs import job_cost

    rows, planned = [], {stage.rule: stage for stage in stages}
    found: dict[str, list] = {}
    for job in jobs:
        path = folder / campaign.paths.sidecar(job.output)
        if path.is_file():
            found.setdefault(job.rule, []).append(job_cost(path))
    if not found:
        raise InputError(folder, "results", "no finished job", f"jobs of {campaign.name}")
    for rule, costs in found.items():
        stage = planned[rule]
        if len(costs) < stage.jobs:
            continue
        cpu_s, size = (sum(c[key] for c in costs) for key in ("cpu_s", "output_bytes"))
        memory = max(c["max_rss_mb"] for c in costs)
        work_s = stage.cpu_s - stage.jobs * start_s
        pairs = (f"{work_s:.1f}", f"{cpu_s:.1f}", f"{stage.memory_mb:.0f}", f"{memory:.0f}")
        rows.append((rule, str(stage.jobs), *pairs, _size(stage.bytes), _size(size)))
    pairs = ("CPU s planned", "measured", "MB planned", "measured", "bytes planned", "measured")
    _print_table(("rule", "jobs", *pairs), rows)


def _status(options) -> int:
    from iactflow.campaign.job_list import list_jobs
    from iactflow.campaign.lock import is_held
    from iactflow.campaign.plan import make_plan, wall_s

    campaign, costs = _load(options)
    folder = Path(options.directory)
    # Not Snakemake's own lock: the profiles leave it out.
    running = is_held(folder / campaign.paths.root)
    states: dict[str, dict[str, int]] = {}
    left, failed = [], []
    for job in list_jobs(campaign):
        state = _state(folder, campaign.paths, job, running)
        counts = states.setdefault(job.rule, dict.fromkeys(("done", "runs", "failed", "waits"), 0))
        counts[state] += 1
        if state != "done":
            left.append(job)
        if state == "failed":
            failed.append(folder / job.log(campaign.paths))
    head = ("rule", "done", "runs", "failed", "waits")
    rows = [(rule, *map(str, counts.values())) for rule, counts in states.items()]
    total = [str(sum(counts[key] for counts in states.values())) for key in head[1:]]
    _print_table(head, [*rows, ("all", *total)])
    for log in failed:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        print(f"failed: {log}: {lines[-1]}")
    stages = make_plan(campaign, left, costs)
    print(f"Snakemake {'runs' if running else 'does not run'} in {folder.resolve()}")
    cpu_h = sum(stage.cpu_s for stage in stages) / 3600
    wall_h = wall_s(stages, options.slots) / 3600
    print(f"left: {cpu_h:.3g} CPU h, {wall_h:.2f} h of wall time with {options.slots} slots")
    return 0


def _state(folder: Path, paths, job, running: bool) -> str:
    if (folder / paths.sidecar(job.output)).is_file():
        return "done"
    log = folder / job.log(paths)
    if not log.is_file():
        return "waits"
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if lines and not LOGGED.match(lines[-1]):
        return "failed"
    # A log that a killed job left is of no job that runs.
    return "runs" if running else "waits"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _size(value: float) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value / 1e3:.0f} kB"


def _print_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        first, *others = (text.ljust(w) if i == 0 else text.rjust(w)
                          for i, (text, w) in enumerate(zip(row, widths, strict=True)))  # fmt: skip
        print("  ".join([first, *others]))
