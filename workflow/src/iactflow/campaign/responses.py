"""The instrument responses of a campaign: nodes of the simulated conditions, their events, axes.

A node is one combination of zenith angle, azimuth, night sky and throughput that productions were
simulated at, and a type of events; productions that follow observations make a node of each run.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from iactflow.campaign.paths import Paths
from iactflow.campaign.reconstruction import Samples
from iactflow.campaign.schema import Campaign
from iactflow.campaign.simulations import Simulations
from iactflow.errors import InputError

__all__ = ["ResponseConditions", "ResponseNode", "ResponsePlan"]

POINTS, CONE = "gamma", "gamma_diffuse"
#: Step of the offset bins of diffuse gamma rays where the campaign gives none.
OFFSET_STEP_DEG = 0.5


class ResponseConditions(NamedTuple):
    """Conditions that responses belong to.

    Attributes
    ----------
    label : str
        Name.
    zenith_deg, azimuth_deg : float
        Pointing.
    nsb_factor : float
        Night sky, of the run times the level of the production.
    throughput : float
        Mean throughput of the telescopes.
    level : float
        Level of the production's files.
    run : int or None
        Run, of productions that follow observations.
    """

    label: str
    zenith_deg: float
    azimuth_deg: float
    nsb_factor: float
    throughput: float
    level: float
    run: int | None = None


class ResponseNode(NamedTuple):
    """A node.

    Attributes
    ----------
    name : str
        Name, the value of the wildcard ``node``.
    conditions : ResponseConditions
        Conditions.
    event_type : str
        Type of events; empty: all.
    signal : dict of str to list of str
        Folders of DL2 events by sample.
    background : dict of str to list of str
        The same; samples of one particle and spectrum are together.
    """

    name: str
    conditions: ResponseConditions
    event_type: str
    signal: dict[str, list[str]]
    background: dict[str, list[str]]


class ResponsePlan:
    """What the rules of the responses ask of a campaign.

    Parameters
    ----------
    model : Campaign
        Validated configuration.
    config : dict
        The same as plain values.
    paths : Paths
        Path patterns of the campaign.
    simulations : Simulations
        Its simulations.
    samples : Samples
        What it reconstructs.
    file : str
        Campaign file, named in errors.
    """

    def __init__(
        self,
        model: Campaign,
        config: dict,
        paths: Paths,
        simulations: Simulations,
        samples: Samples,
        file: str,
    ) -> None:
        self.model, self.config, self.paths, self.file = model, config, paths, file
        self.simulations, self.samples, self.block = simulations, samples, model.responses

    def __bool__(self) -> bool:
        return self.block is not None

    @property
    def rules(self) -> list[str]:
        """Files of rules: chosen before the DAG."""
        return ["respond"] if self else []

    def _refuse(self, key: str, value: object, allowed: str) -> InputError:
        return InputError(self.file, f"responses.{key}", value, allowed)

    @cached_property
    def nodes(self) -> dict[str, ResponseNode]:
        """Nodes by name, in the order of the campaign file.

        Raises
        ------
        InputError
            If a sample is missing, no simulation, or lacks a node that others have.
        """
        if not self:
            return {}
        unknown = [name for name in self.block.off_data if name not in self.model.targets]
        if unknown:
            raise self._refuse("off_data", unknown[0], ", ".join(self.model.targets) or "a target")
        signal = {name: self._conditions("signal", name) for name in self.block.signal}
        background = {name: self._conditions("background", name) for name in self.block.background}
        self._check_offsets(signal)
        found: dict[str, ResponseNode] = {}
        for key in dict.fromkeys(key for keys in signal.values() for key in keys):
            self._check_particles(key, background)
            for event_type in self.block.event_types or [""]:
                name = f"{key.label}-{event_type}" if event_type else key.label
                found[name] = ResponseNode(
                    name,
                    key,
                    event_type,
                    {n: self._folders(n, key) for n, keys in signal.items() if key in keys},
                    self._groups(key, background),
                )
        return found

    def _check_particles(self, key: ResponseConditions, background: dict) -> None:
        """Check that every particle of the background was simulated at a node."""
        particle = {name: self.model.simulations[name].particle for name in background}
        here = {particle[name] for name, keys in background.items() if key in keys}
        for name, keys in background.items():
            if particle[name] not in here:
                allowed = "every node of signal; here are " + ", ".join(k.label for k in keys)
                raise self._refuse(f"background.{name}", f"no {key.label}", allowed)

    def _groups(self, key: ResponseConditions, background: dict) -> dict[str, list[str]]:
        """Folders of background: samples of one particle and spectrum are one, named as the first.

        They are weighted together, so that their energies may overlap.
        """
        first: dict[tuple, str] = {}
        found: dict[str, list[str]] = {}
        for name, keys in background.items():
            if key in keys:
                kind = self.model.simulations[name].particle, self.block.background[name]
                group = first.setdefault(kind, name)
                found.setdefault(group, []).extend(self._folders(name, key))
        return found

    def _folders(self, sample: str, key: ResponseConditions) -> list[str]:
        """Folders of the DL2 events of a sample at a node."""
        parts = self.samples.parts[sample]
        mine = [p for p in parts if key.run is None or p.startswith(f"run{key.run}-")]
        return [self.paths.events_dl2.format(sample=sample, part=part) for part in mine]

    def _conditions(self, kind: str, sample: str) -> list[ResponseConditions]:
        """Nodes of a sample."""
        if sample not in self.model.simulations:
            raise self._refuse(kind, sample, ", ".join(self.model.simulations) or "a production")
        if sample not in self.samples.names:
            raise self._refuse(kind, sample, "a sample of the block reconstruction")
        if self.model.reconstruction.splits.test_irfs == 0:
            key, allowed = "reconstruction.splits.test_irfs", "above 0, for responses"
            raise InputError(self.file, key, 0.0, allowed)
        block = self.model.simulations[sample]
        is_signal = block.particle in (POINTS, CONE)
        if is_signal != (kind == "signal"):
            allowed = "gamma or gamma_diffuse" if kind == "signal" else "no gamma rays"
            raise self._refuse(kind, f"{sample}: {block.particle}", allowed)
        if kind == "background" and not block.viewcone_deg and block.iact_files is None:
            raise self._refuse(kind, f"{sample}: from a point", "a production with viewcone_deg")
        if block.observations is not None:
            return [
                self._of_run(sample, run, level)
                for run in self.simulations.runs[sample]
                for level in block.nsb_levels
            ]
        if block.zenith_deg is None:
            raise self._refuse(kind, sample, "a production with zenith_deg and azimuth_deg")
        at = f"zen{block.zenith_deg:g}-az{block.azimuth_deg:g}"
        return [
            ResponseConditions(
                f"{at}-nsb{level:g}", block.zenith_deg, block.azimuth_deg, level, 1.0, level
            )
            for level in block.nsb_levels
        ]

    def _of_run(self, sample: str, run: int, level: float) -> ResponseConditions:
        found = self.simulations.observed.conditions[sample][run]
        telescopes = [tel for tel in found.telescopes.values() if tel.participating]
        throughput = sum(tel.throughput for tel in telescopes) / len(telescopes)
        factor = sum(tel.nsb_factor for tel in telescopes) / len(telescopes)
        pointing = 90.0 - found.altitude_deg, found.azimuth_deg
        label = f"run{run}-nsb{level:g}"
        return ResponseConditions(label, *pointing, factor * level, throughput, level, run)

    def _check_offsets(self, signal: dict) -> None:
        blocks = {name: self.model.simulations[name] for name in signal}
        kinds = sorted({block.particle for block in blocks.values()})
        if len(kinds) > 1:
            raise self._refuse("signal", " and ".join(kinds), f"{POINTS} or {CONE}, not both")
        if kinds == [CONE]:
            reach = min(block.viewcone_deg for block in blocks.values())
            edges = self.block.offset_edges_deg
            if edges and edges[-1] > reach:
                raise self._refuse("offset_edges_deg", edges[-1], f"up to viewcone_deg, {reach:g}")
            self.offsets_deg = None
            return
        if self.block.offset_edges_deg:
            allowed = f"empty, where signal is {POINTS}: its offset_deg are the nodes"
            raise self._refuse("offset_edges_deg", self.block.offset_edges_deg, allowed)
        from_files = next((n for n, b in blocks.items() if b.iact_files is not None), None)
        if from_files is not None:
            raise self._refuse("signal", from_files, "a production with offset_deg of its own")
        by_node: dict = {}
        for name, keys in signal.items():
            for key in keys:
                by_node.setdefault(key, set()).add(blocks[name].offset_deg)
        wanted = set().union(*by_node.values())
        for key, offsets in by_node.items():
            if offsets != wanted:
                lost = sorted(wanted - offsets)[0]
                allowed = "the same offset_deg at every node"
                raise self._refuse("signal", f"{key.label}: no offset of {lost:g} deg", allowed)
        self.offsets_deg = sorted(wanted)

    def settings(self, node: str) -> dict:
        """Settings that the responses of a node depend on.

        Parameters
        ----------
        node : str
            Name of the node.

        Returns
        -------
        dict
            Conditions, axes, and the block of the campaign that is not spent in them.
        """
        found = self.nodes[node]
        block = self.config["responses"]
        limits = block["event_types"].get(found.event_type, {})
        keep = ("energy", "direction", "smoothing", "psf", "point_like", "background_table")
        background = ("min_background_showers", "min_scale_showers", "background_cuts")
        return {
            "name": node,
            "event_type": found.event_type,
            **{k: v for k, v in found.conditions._asdict().items() if k != "label"},
            "multiplicity_min": limits.get("multiplicity_min"),
            "multiplicity_max": limits.get("multiplicity_max"),
            **{key: block[key] for key in (*keep, *background, "fov_step_deg")},
            "spectra": block["background"],
            "off_zenith_reach_deg": block["off_zenith_reach_deg"],
            "excluded": {name: self._excluded(name) for name in block["off_data"]},
            "cuts": self.config["cuts"],
            **self.axes,
        }

    def _excluded(self, target: str) -> list[dict]:
        """Circles around a target that make no background."""
        block, radius = self.config["targets"][target], self.block.off_source_radius_deg
        source = [{**block["position"], "radius_deg": radius}] if radius else []
        return [*source, *block["exclusion_regions"]]

    def index(self, node: str) -> dict:
        """Folders of DL2 events of a node.

        Parameters
        ----------
        node : str
            Name of the node.

        Returns
        -------
        dict
            ``signal``: paths; ``background``: paths by sample.
        """
        found = self.nodes[node]
        signal = [path for paths in found.signal.values() for path in paths]
        return {"signal": signal, "background": found.background}

    @cached_property
    def axes(self) -> dict:
        """Edges of all axes.

        Raises
        ------
        InputError
            If the campaign file does not tell them.
        """
        block = self.block
        self.nodes  # noqa: B018 - knows the offsets
        lowest, highest = self._thrown_tev()
        true = self._energies(block.energy_true, lowest, highest, 10)
        offset_edges, offset_nodes = self._offsets()
        return {
            "energy_edges_tev": true,
            "energy_reco_edges_tev": self._energies(block.energy_reco, lowest, highest, 5),
            "migra_edges": _uniform(block.migra_min, block.migra_max, block.n_migra_bins),
            "rad_edges_deg": _uniform(0.0, block.rad_max_deg, block.n_rad_bins),
            "offset_edges_deg": offset_edges,
            "offset_nodes_deg": offset_nodes,
            "fov_max_deg": self._fov_max_deg(),
        }

    def _thrown_tev(self) -> tuple[float | None, float | None]:
        blocks = [self.model.simulations[name] for name in self.block.signal]
        lows, highs = [b.energy_min_tev for b in blocks], [b.energy_max_tev for b in blocks]
        if None in lows or None in highs:
            if self.block.energy_true is None or self.block.energy_reco is None:
                allowed = "bins, where the headers of files say what was thrown"
                raise self._refuse("energy_true, energy_reco", None, allowed)
            return None, None
        return min(lows), max(highs)

    @staticmethod
    def _energies(axis, lowest, highest, per_decade: int) -> list[float]:
        """Edges of an axis, or parts of decades that hold the energies thrown."""
        if axis is not None:
            low, high = axis.energy_min_tev, axis.energy_max_tev
            step = math.log(high / low) / axis.n_bins
            return [low, *(low * math.exp(i * step) for i in range(1, axis.n_bins)), high]
        first = math.floor(math.log10(lowest) * per_decade + 1e-9)
        last = math.ceil(math.log10(highest) * per_decade - 1e-9)
        return [10.0 ** (i / per_decade) for i in range(first, last + 1)]

    def _offsets(self) -> tuple[list[float], list[float]]:
        """Edges and nodes in offset."""
        points = self.offsets_deg
        if points is None:
            reach = min(self.model.simulations[n].viewcone_deg for n in self.block.signal)
            n = max(int(reach / OFFSET_STEP_DEG + 1e-9), 1)
            steps = [min(i * OFFSET_STEP_DEG, reach) for i in range(n + 1)]
            edges = self.block.offset_edges_deg or steps
            return edges, [0.5 * (a + b) for a, b in pairwise(edges)]
        if len(points) == 1:
            reach = self.block.offset_reach_deg
            edges = [max(points[0] - reach, 0.0), points[0] + reach]
            return edges, points
        middles = [0.5 * (a + b) for a, b in pairwise(points)]
        ends = 2.0 * points[0] - middles[0], 2.0 * points[-1] - middles[-1]
        return [ends[0], *middles, ends[1]], points

    def _fov_max_deg(self) -> float | None:
        """Largest offset of the background; None: there is none."""
        block = self.block
        if block.fov_max_deg is not None:
            return block.fov_max_deg
        cones = [self.model.simulations[name].viewcone_deg for name in block.background]
        if block.off_data or 0.0 in cones:
            raise self._refuse("fov_max_deg", None, "an offset, where no viewcone_deg tells it")
        return min(cones) if cones else None

    def check(self) -> None:
        """Check all that a job could stumble over.

        Raises
        ------
        InputError
            As for `nodes` and `axes`.
        """
        if self:
            self.axes  # noqa: B018 - built here so that errors come before any job


def _uniform(low: float, high: float, n: int) -> list[float]:
    return [low + (high - low) * i / n for i in range(n)] + [high]
