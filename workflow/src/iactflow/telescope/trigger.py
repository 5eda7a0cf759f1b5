"""Trigger of a telescope: what a camera's groups of pixels do with photoelectrons.

Photoelectrons, those of the night sky included, make pulses at the discriminators of their pixels;
the coupling takes the mean of the night sky away. Three kinds, as in sim_telarray (Bernlöhr 2008,
Astropart. Phys. 30, 149, section 4.3) and H.E.S.S. (Funk et al. 2004, Astropart. Phys. 22, 285):

- ``majority``: a pixel's output is on from when its signal has been above the threshold for the
  least time, for the length of the gate. A group fires when the outputs of enough of its pixels
  overlap for the least overlap.
- ``next_neighbour``: the same, where one of the pixels must be the group's first; with a pixel and
  its neighbours as a group, pixels that fire are connected.
- ``analogue_sum``: signals of the pixels, clipped, are summed over a group, which fires when the
  sum has been above the threshold for the least overlap and with the least excess.

Groups in which the night sky would have to do most of the work are left out. For a majority that
are groups with less light of the shower than `LEAST_LIGHT` of multiplicity times threshold: of 2600
images with less light than that in any group of H.E.S.S. or NectarCAM, none fired in a dark sky.
Under a brighter one the night sky may do more: `BRIGHT_SIGMA` standard deviations of the sum of as
many pixels, where that is more than the remaining quarter. For a sum it is light that stays
`MARGIN_SIGMA` standard deviations of the night sky below the threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.instrument.description import TelescopeTrigger
from iactflow.telescope.discriminator import lit_pixels
from iactflow.telescope.trigger_majority import majority_trigger
from iactflow.telescope.trigger_sum import sum_trigger

__all__ = [
    "TriggerResult",
    "TriggerSky",
    "TriggerTable",
    "fire_trigger",
    "pixels_that_decide",
    "trigger_sky",
    "trigger_table",
]

#: Sub-steps of the time grid at which the pulse is tabulated; the error of a pulse's place is at
#: most 1/32 of a step.
N_PHASES = 16
#: Ends of the pulse below this part of its peak are cut off.
NEGLIGIBLE = 1e-3
#: Part of the peak above which a pulse is in its core.
CORE = 0.2
KINDS = {"majority": 0, "next_neighbour": 1, "analogue_sum": 2}
#: Least light in a group, see above.
LEAST_LIGHT = 0.75
BRIGHT_SIGMA = 2.5
MARGIN_SIGMA = 6.0


class TriggerTable(NamedTuple):
    """Numbers of a trigger, for kernels.

    Attributes
    ----------
    kind : int
        0 majority, 1 next neighbour, 2 analogue sum.
    groups : ndarray of int64, shape (n_groups, n_max)
        Pixels of each group, padded with -1.
    pulse : ndarray of float32, shape (n_phases, n_pulse)
        Pulse of a mean photoelectron, in the unit of the threshold, on the time grid; row q holds
        a grid that begins (q + 0.5) / n_phases steps after `pulse_start_ns`.
    pulse_start_ns, pulse_area, pulse_peak : float
        Begin of the pulse after the photoelectron; integral, unit of the threshold times ns; peak.
    pulse_square : float
        Integral of the pulse's square.
    core_ns, tail : float
        Length of the pulse's core; largest height outside of it, relative to the peak.
    step_ns : float
        Step of the time grid.
    threshold : ndarray of float64, shape (n_pixels,)
        Threshold of each pixel (analogue sum: of each group, all equal).
    multiplicity : int
        Pixels in coincidence.
    n_over, n_overlap : int
        Steps that a signal is above the threshold before the output goes on; steps of overlap (or
        of the sum above the threshold) before the group fires.
    n_gate : int
        Steps by which the output stays on for longer than the signal is above the threshold;
        negative: it is on for as many steps as the magnitude, from going on.
    clipping : float
        Largest signal of a pixel in a sum; infinite: none.
    least_excess : float
        Least integral of a sum's excess over the threshold, unit of the threshold times ns.
    """

    kind: int
    groups: np.ndarray
    pulse: np.ndarray
    pulse_start_ns: float
    pulse_area: float
    pulse_peak: float
    pulse_square: float
    core_ns: float
    tail: float
    step_ns: float
    threshold: np.ndarray
    multiplicity: int
    n_over: int
    n_overlap: int
    n_gate: int
    clipping: float
    least_excess: float


class TriggerSky(NamedTuple):
    """What a trigger knows of the night sky.

    Attributes
    ----------
    baseline : ndarray of float64, shape (n_pixels,)
        Mean signal, taken away by the coupling.
    least : ndarray of float64, shape (n_groups,)
        Groups with less light of the shower are left out, in the unit of the threshold.
    """

    baseline: np.ndarray
    least: np.ndarray


class TriggerResult(NamedTuple):
    """What a telescope's trigger says.

    Attributes
    ----------
    fired : bool
        Whether a group fired.
    time_ns : float
        When the first one did, on the clock of the photoelectrons; not a number if none did.
    n_pixels : int
        Pixels whose output was on (analogue sum: pixels of the groups that fired).
    """

    fired: bool
    time_ns: float
    n_pixels: int


def _pulse_rows(trigger: TelescopeTrigger) -> tuple[np.ndarray, float]:
    """Pulse at all phases of the grid, in the unit of the threshold, and where it begins."""
    times, step = trigger.pulse.x, trigger.bandwidth_ns
    n_pulse = int(np.ceil((times[-1] - times[0]) / step)) + 1
    phase = (np.arange(N_PHASES) + 0.5) / N_PHASES
    at = times[0] + (np.arange(n_pulse) + phase[:, None]) * step
    rows = trigger.amplitude * np.interp(at, times, trigger.pulse.y, left=0.0, right=0.0)
    used = np.flatnonzero(np.abs(rows).max(axis=0) > NEGLIGIBLE * np.abs(rows).max())
    part = rows[:, used[0] : used[-1] + 1]
    return np.ascontiguousarray(part), float(times[0] + used[0] * step)


def _core(rows: np.ndarray, step: float) -> tuple[float, float]:
    """Length of the part of a pulse above `CORE` of its peak; relative height of the rest."""
    height = rows.max(axis=0) / rows.max()
    high = np.flatnonzero(height > CORE)
    rest = np.delete(height, np.arange(high[0], high[-1] + 1))
    return float((high[-1] - high[0] + 2) * step), float(max(0.0, rest.max(initial=0.0)))


def _check(trigger: TelescopeTrigger, n_pixels: int, where: str) -> None:
    if trigger.kind not in KINDS:
        raise InputError(where, "trigger.kind", trigger.kind, ", ".join(KINDS))
    groups = trigger.groups
    if groups.ndim != 2 or groups.size == 0 or groups.min() < -1 or groups.max() >= n_pixels:
        raise InputError(where, "trigger.groups", groups.shape, f"pixels in [0, {n_pixels}) or -1")
    for key in ("bandwidth_ns", "amplitude", "threshold"):
        if not getattr(trigger, key) > 0.0:
            raise InputError(where, f"trigger.{key}", getattr(trigger, key), "above 0")
    if trigger.pulse.x.size < 2 or not np.any(trigger.pulse.y > 0.0):
        raise InputError(where, "trigger.pulse", trigger.pulse.x.size, "a pulse of several points")


def trigger_table(
    trigger: TelescopeTrigger,
    n_pixels: int,
    deviates: np.ndarray | None = None,
    where: str = "instrument",
) -> TriggerTable:
    """Make the numbers that kernels need.

    Parameters
    ----------
    trigger : TelescopeTrigger
        Description.
    n_pixels : int
        Pixels of the camera.
    deviates : ndarray of float64, shape (n_pixels,), optional
        Standard normal deviates of the pixels' thresholds; none: all thresholds nominal.
    where : str
        What an error names as the file.

    Returns
    -------
    TriggerTable
        Numbers.

    Raises
    ------
    InputError
        If the kind is unknown, a group names a pixel that is not there, or a step, amplitude,
        threshold or pulse is missing.
    """
    _check(trigger, n_pixels, where)
    step = trigger.bandwidth_ns
    pulse, pulse_start_ns = _pulse_rows(trigger)
    gate = round(trigger.gate_length_ns / step)
    core_ns, tail = _core(pulse, step)
    threshold = np.full(n_pixels, float(trigger.threshold))
    if deviates is not None and trigger.kind != "analogue_sum":
        threshold += trigger.threshold_variation * np.asarray(deviates, dtype=np.float64)
    return TriggerTable(
        kind=KINDS[trigger.kind],
        groups=np.ascontiguousarray(trigger.groups, dtype=np.int64),
        pulse=pulse.astype(np.float32),
        pulse_start_ns=pulse_start_ns,
        pulse_area=float(pulse.sum(axis=1).mean() * step),
        pulse_peak=float(pulse.max()),
        pulse_square=float((pulse**2).sum(axis=1).mean() * step),
        core_ns=core_ns,
        tail=tail,
        step_ns=float(step),
        threshold=threshold,
        multiplicity=int(trigger.multiplicity),
        n_over=max(1, round(trigger.time_over_threshold_ns / step)),
        n_overlap=max(1, round(trigger.coincidence_ns / step)),
        n_gate=gate,
        clipping=float(trigger.clipping) if trigger.clipping > 0.0 else np.inf,
        least_excess=float(trigger.excess_over_threshold),
    )


def trigger_sky(
    table: TriggerTable, rates_ghz: np.ndarray, mean: float, excess_noise: float
) -> TriggerSky:
    """Baselines and least light under a night sky.

    Parameters
    ----------
    table : TriggerTable
        Numbers of the trigger.
    rates_ghz : ndarray of float64, shape (n_pixels,)
        Photoelectrons of the night sky per ns.
    mean, excess_noise : float
        Mean of their amplitudes; mean square over squared mean.

    Returns
    -------
    TriggerSky
        For `pixels_that_decide` and `fire_trigger`.
    """
    members = table.groups >= 0
    # Campbell's theorem.
    variance = rates_ghz * mean**2 * excess_noise * table.pulse_square
    variances = np.where(members, variance[table.groups], 0.0).sum(axis=1)
    if table.kind == KINDS["analogue_sum"]:
        least = table.threshold[0] - MARGIN_SIGMA * np.sqrt(variances)
    else:
        n_members = np.maximum(members.sum(axis=1), 1)
        thresholds = np.where(members, table.threshold[table.groups], 0.0).sum(axis=1)
        asked = table.multiplicity * thresholds / n_members
        spread = np.sqrt(table.multiplicity * variances / n_members)
        least = asked - np.maximum((1.0 - LEAST_LIGHT) * asked, BRIGHT_SIGMA * spread)
    return TriggerSky(rates_ghz * (mean * table.pulse_area), least)


def pixels_that_decide(table: TriggerTable, sky: TriggerSky, shower) -> np.ndarray | None:
    """Pixels of groups that have light enough to be simulated.

    Parameters
    ----------
    table : TriggerTable
        Numbers of the trigger.
    sky : TriggerSky
        Night sky.
    shower : PhotoElectrons
        Photoelectrons of the shower.

    Returns
    -------
    ndarray of bool, shape (n_pixels,), or None
        Pixels of which `fire_trigger` asks for the night sky; None: it would not fire, whatever
        the night sky.
    """
    any_lit, needed = lit_pixels(table, sky.least, shower.pixel, shower.amplitude)
    return needed if any_lit else None


def fire_trigger(
    table: TriggerTable, sky: TriggerSky, shower, night_sky, start_ns: float, stop_ns: float
) -> TriggerResult:
    """Simulate the trigger of a telescope.

    Parameters
    ----------
    table : TriggerTable
        Numbers of the trigger.
    sky : TriggerSky
        Baselines and least light.
    shower, night_sky : PhotoElectrons
        Photoelectrons, in any order, as `iactflow.telescope.camera` makes them. The night sky's
        must begin before ``start_ns`` by the length of the pulse; only that of
        `pixels_that_decide` is looked at.
    start_ns, stop_ns : float
        Window in which the trigger is looked for.

    Returns
    -------
    TriggerResult
        Whether, when, how many pixels.
    """
    n_steps = int((stop_ns - start_ns) / table.step_ns) + 1
    kernel = sum_trigger if table.kind == KINDS["analogue_sum"] else majority_trigger
    first, n_pixels = kernel(table, sky, shower, night_sky, start_ns, n_steps)
    fired = first >= 0
    time_ns = start_ns + first * table.step_ns if fired else np.nan
    return TriggerResult(fired, time_ns, n_pixels)
