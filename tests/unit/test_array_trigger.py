"""Array trigger: coincidences by hand and against a search over all subsets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from iactflow.errors import InputError
from iactflow.instrument.description import ArrayTrigger
from iactflow.telescope.array_trigger import array_trigger, front_delays_ns, least_telescopes

SQUARE = {1: (60.0, 60.0, 0.0), 2: (60.0, -60.0, 0.0), 3: (-60.0, -60.0, 0.0), 4: (-60.0, 60.0, 0)}
HESS = (ArrayTrigger((1, 2, 3, 4), 2, 80.0),)
LIGHT_SPEED = 0.299792458


def decide(triggers, times, positions=SQUARE, delays=None):
    delays = delays or dict.fromkeys(positions, 0.0)
    return array_trigger(triggers, list(times), list(times.values()), delays, positions)


def test_two_telescopes_inside_the_window_make_an_event():
    decision = decide(HESS, {2: 130.0, 4: 50.0})
    assert decision.tel_ids == (2, 4)
    assert decision.time_ns == 130.0


def test_one_telescope_or_a_wide_spread_make_none():
    assert decide(HESS, {3: 1.0}) is None
    assert decide(HESS, {}) is None
    assert decide(HESS, {2: 130.1, 4: 50.0}) is None


def test_telescope_outside_the_window_of_the_event_is_not_read():
    assert decide(HESS, {1: 0.0, 2: 10.0, 3: 79.0, 4: 200.0}).tel_ids == (1, 2, 3)
    # The first in time is alone; the others make the event.
    assert decide(HESS, {1: 0.0, 2: 210.0, 3: 279.0, 4: 200.0}).tel_ids == (2, 3, 4)


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 215.0])
def test_inclined_front_is_corrected(azimuth):
    # At 60 deg of zenith angle, light of one plane front reaches the telescopes of a 1 km line at
    # times 2.9 us apart: only the corrected times are in coincidence.
    tel_ids = (1, 2, 3)
    positions = {1: (-500.0, 20.0, 3.0), 2: (0.0, 0.0, 0.0), 3: (500.0, 80.0, -4.0)}
    az = np.radians(azimuth)
    to_source = np.array([0.5 * np.sqrt(3) * np.cos(az), -0.5 * np.sqrt(3) * np.sin(az), 0.5])
    times = {t: 1000.0 - np.dot(positions[t], to_source) / LIGHT_SPEED for t in tel_ids}
    group = (ArrayTrigger(tel_ids, 3, 1.0),)
    delays = front_delays_ns(np.array(list(positions.values())), 30.0, azimuth)
    decision = decide(group, times, positions, dict(zip(tel_ids, delays, strict=True)))
    assert decision.tel_ids == tel_ids
    assert decision.time_ns == pytest.approx(1000.0, abs=1e-9)
    if azimuth != 90.0:
        assert decide(group, times, positions) is None


def test_separation_counts_only_inside_the_window():
    positions = {1: (0.0, 0.0, 0.0), 2: (30.0, 0.0, 0.0), 3: (0.0, 50.0, 0.0)}
    group = (ArrayTrigger((1, 2, 3), 2, 100.0, min_separation_m=40.0),)
    assert decide(group, {1: 0.0, 2: 0.0}, positions) is None
    assert decide(group, {1: 0.0, 2: 0.0, 3: 101.0}, positions) is None
    decision = decide(group, {1: 0.0, 2: 5.0, 3: 90.0}, positions)
    assert decision.tel_ids == (1, 2, 3)
    assert decision.time_ns == 90.0


def test_hard_stereo_telescope_is_read_only_with_its_own_group():
    positions = {i: (100.0 * i, 0.0, 0.0) for i in range(1, 5)}
    groups = (
        ArrayTrigger((1, 2), 2, 120.0, hard_stereo=True),
        ArrayTrigger((3, 4), 2, 200.0, min_separation_m=40.0),
    )
    assert decide(groups, {1: 0.0, 3: 0.0}, positions) is None
    assert decide(groups, {1: 0.0, 3: 0.0, 4: 10.0}, positions).tel_ids == (3, 4)
    assert decide(groups, {1: 0.0, 2: 0.0, 3: 5.0}, positions).tel_ids == (1, 2, 3)
    assert decide(groups, {1: 0.0, 2: 0.0, 3: 205.0}, positions).tel_ids == (1, 2)


def test_random_events_equal_a_search_over_subsets():
    random = np.random.default_rng(2)
    positions = {i: tuple(random.uniform(-200, 200, 3)) for i in range(1, 7)}
    outcomes = set()
    for _ in range(300):
        group = ArrayTrigger(tuple(positions), int(random.integers(1, 4)), 50.0, 150.0)
        fired = random.permutation(list(positions))[: random.integers(0, 7)]
        times = {int(tel): random.uniform(0, 250) for tel in fired}
        complete = []
        for n in range(group.multiplicity, len(times) + 1):
            for subset in itertools.combinations(times, n):
                t = [times[tel] for tel in subset]
                far = [
                    np.linalg.norm(np.subtract(positions[a], positions[b])) >= 150.0
                    for a, b in itertools.combinations(subset, 2)
                ]
                if max(t) - min(t) <= 50.0 and any(far):
                    complete.append(max(t))
        decision = decide((group,), times, positions)
        assert (decision is None) == (not complete)
        if complete:
            assert decision.time_ns == min(complete)
            assert len(decision.tel_ids) >= group.multiplicity
        outcomes.add(decision is None)
    assert outcomes == {True, False}


def test_least_number_of_telescopes():
    assert least_telescopes((ArrayTrigger((1, 2, 3), 3, 1.0), ArrayTrigger((4, 5), 2, 1.0))) == 2
    with pytest.raises(InputError, match="1 to 2"):
        least_telescopes((ArrayTrigger((1, 2), 3, 1.0),))
    with pytest.raises(InputError, match="at least one"):
        least_telescopes(())
