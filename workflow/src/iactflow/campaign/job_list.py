"""Every job of a campaign, counted from what its targets ask for: no DAG is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from iactflow.campaign.load import LoadedCampaign
from iactflow.campaign.targets import Targets

__all__ = ["Job", "list_jobs"]


class Job(NamedTuple):
    """A job.

    Attributes
    ----------
    rule : str
        Rule.
    output : str
        Output that its provenance sidecar lies beside.
    wildcards : tuple of str
        Values of the rule's wildcards, in the order of its log file's path.
    n_events : float
        Simulated events that it throws or that its input was made of; 0 where it reads none, or
        where raw files tell only when they are read.
    n_runs : int
        Observations that it makes or reads.
    """

    rule: str
    output: str
    wildcards: tuple[str, ...] = ()
    n_events: float = 0.0
    n_runs: int = 0

    def log(self, paths) -> str:
        """Log file of the job.

        Parameters
        ----------
        paths : Paths
            Path patterns of the campaign.

        Returns
        -------
        str
            Path.
        """
        return "/".join([paths.root, "log", self.rule, *self.wildcards]) + ".log"


def list_jobs(campaign: LoadedCampaign) -> Iterator[Job]:
    """List the jobs of target ``all``.

    Parameters
    ----------
    campaign : LoadedCampaign
        Campaign.

    Yields
    ------
    Job
        Jobs, stage by stage.
    """
    targets = Targets(campaign)
    yield from _simulations(campaign)
    yield from _reconstruction(campaign, targets)
    yield from _responses(campaign, targets)
    yield from _observations(campaign, targets)
    yield from _science(campaign, targets)
    yield from _report(campaign, targets)


def _simulations(campaign: LoadedCampaign) -> Iterator[Job]:
    plan, p = campaign.simulations, campaign.paths
    if plan.hadrons.is_needed:
        yield Job("make_hadron_pool", plan.hadrons.pool)
    rules = {
        "simulate_corsika": ("render_corsika_card", p.corsika_card),
        "simulate_showers": ("simulate_showers", p.photons),
        "simulate_telescopes": ("simulate_telescopes", p.simulated_chunk),
        "simulate_events": ("simulate_events", p.simulated_chunk),
    }
    wanted = [rules[name] for name in plan.rules if name in rules]
    if "simulate_corsika" in plan.rules:
        wanted.insert(1, ("run_corsika", p.corsika_photons))
    for production, block in plan.productions.items():
        if production in plan.frozen:
            output = p.manifest.format(production=production)
            yield Job("adopt_production", output, (production,))
        for rule, pattern in wanted if production in plan.simulated else ():
            for run, chunks in plan.chunks[production].items():
                for chunk, showers in chunks.items():
                    values = (production, str(run), chunk)
                    output = pattern.format(production=production, run=run, chunk=chunk)
                    yield Job(rule, output, values, _n_events(block, showers))
        names = ("summarise_simulation", "plot_simulation", "plot_optics")
        outputs = p.simulation_summary, p.profiles_figure_of_showers, p.optics_figures
        for rule, pattern in zip(names, outputs, strict=True):
            n_events = 0.0 if rule == "plot_optics" else _of_production(campaign, production)
            yield Job(rule, pattern.format(production=production), (production,), n_events)


def _n_events(block, showers: tuple[int, ...]) -> float:
    """Events that a chunk throws; nothing is known before of files of CORSIKA."""
    return float((showers[1] - showers[0] + 1) * block.shower_reuse) if showers else 0.0


def _of_production(campaign: LoadedCampaign, production: str) -> float:
    plan = campaign.simulations
    block, runs = plan.productions[production], plan.chunks[production].values()
    return sum(_n_events(block, showers) for chunks in runs for showers in chunks.values())


def _of_part(campaign: LoadedCampaign, sample: str, part: str) -> float:
    """Events thrown for a part of a sample: a chunk of its production."""
    plan = campaign.simulations
    if sample not in plan.productions:
        return 0.0
    run, chunk = part.removeprefix("run").split("-")
    return _n_events(plan.productions[sample], plan.chunks[sample][int(run)][chunk])


def _reconstruction(campaign: LoadedCampaign, targets: Targets) -> Iterator[Job]:
    samples, p = campaign.samples, campaign.paths
    for name in samples.calibrated:
        yield Job("calibrate_cameras", p.calibration.format(sample=name), (name,))
        yield Job("plot_calibration", p.calibration_figures.format(sample=name), (name,))
    total = {}
    for name in samples.names:
        events = {part: _of_part(campaign, name, part) for part in samples.parts[name]}
        total[name] = sum(events.values())
        checked = samples.checked.get(name, ())
        patterns = {"reconstruct_geometry": p.geometry, "reconstruct_events": p.events_dl2}
        for part, n_events in events.items():
            for rule, pattern in patterns.items():
                yield Job(rule, pattern.format(sample=name, part=part), (name, part), n_events)
            if part in checked:
                output = p.check_reconstruction.format(sample=name, part=part)
                yield Job("check_reconstruction", output, (name, part), n_events)
        output = p.reconstruction_summary.format(sample=name)
        yield Job("summarise_reconstruction", output, (name,), total[name])
        yield Job("plot_reconstruction", p.event_figures.format(sample=name), (name,))
    yield from _training(targets, samples.trained_on, total)


def _training(targets: Targets, trained_on: dict, total: dict) -> Iterator[Job]:
    """Tables and forests, with the events of the samples that they are made of."""
    samples, p = targets.samples, targets.paths

    def events_of(*learnt):
        return sum(total[name] for key in learnt for name in trained_on.get(key, ()))

    chunks = samples.table_chunks
    for chunk in chunks:
        output = p.shape_table_chunk.format(chunk=chunk)
        yield Job("fill_shape_tables", output, (chunk,), events_of("shape_tables") / len(chunks))
    if chunks:
        yield Job("merge_shape_tables", p.shape_tables)
        yield Job("plot_shape_tables", p.shape_table_figures)
    for name, learnt in (("energy", ("energy",)), ("direction", ("direction",)),
                         ("class", ("signal", "background"))):  # fmt: skip
        for path in samples.models["class_model" if name == "class" else f"{name}_model"]:
            yield Job(f"train_{name}", path, (), events_of(*learnt))


def _responses(campaign: LoadedCampaign, targets: Targets) -> Iterator[Job]:
    p, responses = campaign.paths, targets.responses
    names = campaign.samples.names
    events = sum(_of_part(campaign, n, part) for n in names for part in campaign.samples.parts[n])
    for path in campaign.cuts.product:
        yield Job("optimise_cuts", path, (), events)
    nodes = list(responses.plan.nodes)
    rules = {"make_responses": p.responses, "check_responses": p.check_responses}
    for node in nodes:
        for rule, pattern in rules.items():
            yield Job(rule, pattern.format(node=node), (node,), events / len(nodes))
        yield Job("plot_performance", p.performance_figures.format(node=node), (node,))


def _observations(campaign: LoadedCampaign, targets: Targets) -> Iterator[Job]:
    p = campaign.paths
    if campaign.fetches:
        yield Job("fetch_dl3", p.fetched)
    for path in campaign.event_lists.products:
        yield Job("select_events", path, (path.rpartition("/")[2],))
    if targets.names and campaign.is_mock:
        for chunk, obs_ids in campaign.mock_chunks.items():
            yield Job("simulate_dl3", p.mock_chunk.format(chunk=chunk), (chunk,), 0, len(obs_ids))
        yield Job("index_dl3", p.mock_obs_index)
    for name in targets.names:
        output = p.observations.format(target=name)
        yield Job("select_observations", output, (name,), 0, len(campaign.runs[name]))


def _science(campaign: LoadedCampaign, targets: Targets) -> Iterator[Job]:
    p = campaign.paths
    for name in targets.names:
        n_runs, chunks = len(campaign.runs[name]), campaign.chunks[name]
        for band in campaign.bands[name]:
            for chunk, obs_ids in chunks.items():
                output = p.sky_map_chunk.format(target=name, band=band, chunk=chunk)
                yield Job("fill_sky_map", output, (name, band, chunk), 0, len(obs_ids))
            for rule, pattern in (("make_sky_map", p.sky_map), ("plot_sky_map", p.sky_map_figure)):
                yield Job(rule, pattern.format(target=name, band=band), (name, band))
        if name in targets.with_maps:
            yield Job("check_sky_maps", p.check_sky_map.format(target=name), (name,), 0, n_runs)
        if name in targets.with_spectrum:
            for chunk, obs_ids in chunks.items():
                output = p.ogip_chunk.format(target=name, chunk=chunk)
                yield Job("extract_spectra", output, (name, chunk), 0, len(obs_ids))
            for rule, pattern in (
                ("fit_spectrum", p.spectrum),
                ("plot_spectrum", p.spectrum_figure),
                ("check_spectrum", p.check_spectrum),
            ):
                yield Job(rule, pattern.format(target=name), (name,), 0, n_runs)
        for binning in campaign.targets[name].light_curves:
            rules = {
                "estimate_light_curve": p.light_curve,
                "plot_light_curve": p.light_curve_figure,
            }
            for rule, pattern in rules.items():
                output = pattern.format(target=name, binning=binning)
                yield Job(rule, output, (name, binning), 0, n_runs)
        if name in targets.with_light_curves:
            output = p.check_light_curve.format(target=name)
            yield Job("check_light_curves", output, (name,), 0, n_runs)


def _report(campaign: LoadedCampaign, targets: Targets) -> Iterator[Job]:
    p = campaign.paths

    def single(rule: str, paths: Iterable[str]) -> Iterator[Job]:
        return (Job(rule, path) for path in paths)

    yield from single("compare_products", targets.verdicts)
    yield from single("plot_verdicts", [p.verdicts_figure] if targets.verdicts else [])
    yield from single("plot_truth", targets.truth_figures)
    yield from single("gate_products", targets.gate)
    yield Job("summarise", p.summary)
    yield Job("make_overview", p.overview)
    yield Job("plot_rule_graph", p.rule_graph)
