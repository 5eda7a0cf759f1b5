"""What was thrown in a part of the showers: counted one by one, or its share; errors of both."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from tests.unit.response_samples import POINTING, SPLITS, law

from iactflow.campaign.shower_keys import shower_keys
from iactflow.campaign.streams import StreamKey
from iactflow.crosscheck.pyirf_thrown import thrown_in_bins, thrown_in_file
from iactflow.discrimination.splits import SPLITS as NAMES
from iactflow.discrimination.splits import part_of_showers
from iactflow.errors import InputError
from iactflow.response.histograms import Signal
from iactflow.response.signal import add_run, effective_area, no_area
from iactflow.response.thrown import shower_variance, thrown_of_runs
from iactflow.shower.primaries import PARTICLE_ID, draw_primary
from iactflow.shower.redraw import redraw_primaries
from iactflow.telescope.stages.record import thrown_columns

PART = "test_irfs"
# Edges that are, and that are not, those of the histogram of thrown events.
ENERGY = 10.0 ** (np.arange(-10, 16) / 10.0)
ODD_ENERGY = np.geomspace(0.09, 40.0, 9)
OFFSET = np.array([0.0, 0.45, 0.7, 1.1, 2.0])


def production(particle="gamma", **changes):
    cone = {"viewcone_deg": 2.0} if particle != "gamma" else {}
    return {**law(), "offset_angle_deg": 0.0, "particle": particle, **cone, **changes}


def tables_of(settings, seed, run, ranges, primaries=None):
    """Tables and metadata of a file of ranges of showers; every fifth shower leaves an event."""
    particle, diffuse = PARTICLE_ID[settings["particle"]], settings["viewcone_deg"] > 0.0
    if primaries is None:
        drawn = [redraw_primaries(settings, seed, run, *ends) for ends in ranges]
        primaries = np.concatenate(drawn, axis=1)
    angles = (0.0, settings["viewcone_deg"]) if diffuse else (settings["offset_deg"],) * 2
    first, last = np.array(ranges).T
    of_run = {
        "obs_id": run,
        "particle_id": particle,
        "shower_reuse": settings["shower_reuse"],
        "energy_range_min_tev": settings["energy_min_tev"],
        "energy_range_max_tev": settings["energy_max_tev"],
        "spectral_index": -settings["spectral_index"],
        "min_viewcone_radius_deg": angles[0],
        "max_viewcone_radius_deg": angles[1],
        "min_scatter_range_m": 0.0,
        "max_scatter_range_m": 300.0,
        "seed": np.uint64(seed),
    }
    runs = {name: np.full(len(first), value) for name, value in of_run.items()}
    shower_id = np.concatenate([np.arange(a, b + 1) for a, b in ranges])[::5]
    truth = {
        "obs_id": np.full(len(shower_id), run),
        "particle_id": np.full(len(shower_id), particle),
        "shower_id": shower_id,
        "true_energy_tev": primaries[0][::5].copy(),
    }
    tables = {
        "simulation_runs": {**runs, "shower_id_min": first, "shower_id_max": last},
        "thrown_events": thrown_columns(settings, run, particle, *primaries),
        "simulated_events": truth,
    }
    return tables, {"seed": 2 * seed, "splits": SPLITS, "particle": settings["particle"]}


def thrown_of(tables, metadata, energy=ENERGY, offset=OFFSET):
    """What the main chain finds."""
    (found,) = thrown_of_runs("file", tables, PART, metadata, energy, offset)
    return found[2]


def checked(tables, metadata, energy=ENERGY, offset=OFFSET):
    """The same by the check chain; whether it counted."""
    settings = {"energy_edges_tev": energy, "offset_edges_deg": offset}
    names = ("simulation_runs", "thrown_events", "simulated_events")
    given = (tables[name] for name in names)
    ((_, found),) = thrown_in_file(*given, metadata, settings).items()
    number = thrown_in_bins(found, energy * u.TeV, offset * u.deg).T
    return number, not found.bins


def test_keys_of_many_showers_are_those_of_each():
    seed, last = 2**62 + 5, 2**33 + 3
    keys = shower_keys(seed, "primary", "gamma", 7, last - 3, last)
    for key, shower in zip(keys, range(last - 3, last + 1), strict=True):
        np.testing.assert_array_equal(key, StreamKey(seed, "primary", "gamma", 7, shower).words())
    assert len(shower_keys(1, "primary", "gamma", 7, 5, 4)) == 0
    with pytest.raises(InputError, match="shower"):
        shower_keys(1, "primary", "gamma", 7, -1, 4)


@pytest.mark.parametrize(("particle", "index"), [("gamma", 1.0), ("gamma_diffuse", 2.0),
                                                 ("proton", 2.7)])  # fmt: skip
def test_primaries_are_drawn_again_as_they_were(particle, index):
    settings = production(particle, spectral_index=index)
    drawn = [draw_primary(settings, POINTING, 3, 8, shower) for shower in range(40, 90)]
    energy, offset = redraw_primaries(settings, 3, 8, 40, 89)
    np.testing.assert_allclose(energy, [p.energy_tev for p in drawn], rtol=1e-14)
    np.testing.assert_allclose(offset, [p.offset_deg for p in drawn], rtol=1e-12)


@pytest.mark.parametrize("particle", ["gamma", "gamma_diffuse", "proton"])
@pytest.mark.parametrize("energy", [ENERGY, ODD_ENERGY], ids=["tenths", "odd"])
def test_showers_of_a_part_are_counted_exactly(particle, energy):
    settings = production(particle)
    tables, metadata = tables_of(settings, 21, 6, [(1, 150), (201, 420)])
    expected = np.zeros((len(OFFSET) - 1, len(energy) - 1))
    for shower in [*range(1, 151), *range(201, 421)]:
        kind = str(PARTICLE_ID[particle])
        if part_of_showers(42, kind, 6, shower, SPLITS)[0] != NAMES.index(PART):
            continue
        primary = draw_primary(settings, POINTING, 21, 6, shower)
        row = np.flatnonzero(
            (OFFSET[:-1] <= primary.offset_deg) & (primary.offset_deg < OFFSET[1:])
        )
        column = (energy[:-1] <= primary.energy_tev) & (primary.energy_tev < energy[1:])
        expected[row[0], np.flatnonzero(column)[0]] += settings["shower_reuse"]
    found = thrown_of(tables, metadata, energy)
    assert found.by == "shower"
    assert expected.sum() > 500
    np.testing.assert_array_equal(found.n_thrown, expected)
    assert not found.shower_variance.any()
    number, counted = checked(tables, metadata, energy)
    assert counted
    np.testing.assert_array_equal(number, expected)


def moved(tables, metadata):
    """A shower lies in another bin of the histogram."""
    number = tables["thrown_events"]["n_thrown"]
    number[np.argsort(number)[-2:]] += [-5, 5]


def other_events(tables, metadata):
    tables["simulated_events"]["true_energy_tev"][3] *= 1.0 + 1e-6


def unnamed(tables, metadata):
    del metadata["particle"]


def other_seed(tables, metadata):
    tables["simulation_runs"]["seed"][:] = 1


@pytest.mark.parametrize("particle", ["gamma", "gamma_diffuse"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (moved, "thrown events are others"),
        (other_events, "other energies"),
        (unnamed, "named None"),
        (other_seed, "other energies"),
    ],
)
def test_showers_that_cannot_be_drawn_again_are_shared(particle, change, reason, caplog):
    tables, metadata = tables_of(production(particle), 21, 6, [(1, 400)])
    change(tables, metadata)
    with caplog.at_level("INFO", logger="iactflow"):
        found = thrown_of(tables, metadata)
    assert found.by == "share"
    assert reason in caplog.text
    parts = part_of_showers(42, "1", 6, np.arange(1, 401), SPLITS) == NAMES.index(PART)
    assert found.n_thrown.sum() == pytest.approx(5 * parts.sum())
    number = tables["thrown_events"]["n_thrown"]
    if particle == "gamma":
        at = np.rint(10.0 * np.log10(tables["thrown_events"]["energy_min_tev"])).astype(int) + 10
        np.testing.assert_allclose(found.n_thrown[1, at], parts.mean() * number)
    assert (found.shower_variance[found.n_thrown > 0.0] > 0.0).all()
    number, counted = checked(tables, metadata)
    assert not counted
    np.testing.assert_allclose(number, found.n_thrown, rtol=1e-9, atol=1e-12)


def test_files_of_fixed_energy_are_not_taken_for_ours():
    """Their histogram is one bin, whatever was drawn: events tell."""
    settings = production(energy_min_tev=1.01, energy_max_tev=1.2)
    other = np.array([np.full(50, 1.1), np.full(50, 0.5)])
    tables, metadata = tables_of(settings, 21, 6, [(1, 50)], other)
    assert thrown_of(tables, metadata).by == "share"


def test_a_run_without_thrown_events_is_refused():
    runs = {"obs_id": np.array([3]), "particle_id": np.array([1])}
    tables = {"simulation_runs": runs, "thrown_events": {k: np.zeros(0) for k in runs}}
    with pytest.raises(InputError, match="none of run 3"):
        next(thrown_of_runs("file", tables, PART, {}, ENERGY, OFFSET))


def area_of(tables, metadata, settings, seed, energy, offsets=OFFSET, chance=None):
    """Area of a detector that takes every event, or events of a shower with its own chance."""
    first, last = 1, settings["n_showers"]
    drawn, offset = redraw_primaries(settings, seed, 6, first, last)
    part = part_of_showers(metadata["seed"], "1", 6, np.arange(first, last + 1), SPLITS)
    reuse, n = settings["shower_reuse"], last
    kept = np.full(n, reuse)
    if chance is not None:
        rng = np.random.default_rng(seed)
        kept = rng.binomial(reuse, rng.beta(*chance, n))
    kept = np.where(part == NAMES.index(PART), kept, 0)
    bins = [offsets, energy]
    powers = (np.histogram2d(offset, drawn, bins, weights=kept**p)[0] for p in (1, 2))
    selected, squares = (np.rint(values).astype(int) for values in powers)
    thrown = thrown_of(tables, metadata, energy, offsets)
    signal = Signal(selected, squares, None, None)
    numbers = thrown.n_thrown, 1.0, reuse, thrown.shower_variance
    return effective_area(add_run(no_area(*selected.shape), signal, *numbers)), thrown


@pytest.mark.parametrize("particle", ["gamma", "gamma_diffuse"])
def test_a_detector_that_takes_all_has_the_area_that_was_thrown_on(particle):
    settings, beyond = production(particle), 0
    for seed in range(1, 6):
        tables, metadata = tables_of(settings, seed, 6, [(1, 400)])
        (area, _), thrown = area_of(tables, metadata, settings, seed, ENERGY)
        np.testing.assert_array_equal(area, thrown.n_thrown > 0.0)
        # From its share of all showers the same sample gets areas beyond that.
        del metadata["particle"]
        (area, _), _ = area_of(tables, metadata, settings, seed, ENERGY)
        beyond += int((area > 1.0).sum())
    assert beyond > 20


@pytest.mark.parametrize("by", ["shower", "share"])
@pytest.mark.parametrize("particle", ["gamma", "gamma_diffuse"])
def test_areas_of_small_samples_scatter_as_their_errors_say(by, particle):
    settings = production(particle, n_showers=240, spectral_index=1.3)
    # Bins of 10 to 60 showers; edges that cut through bins of the histogram, too.
    energy, offsets = np.array([0.1, 0.36, 1.5, 30.0]), np.array([0.0, 1.33, 2.0])
    areas, variances = [], []
    for seed in range(300):
        tables, metadata = tables_of(settings, seed, 6, [(1, 240)])
        if by == "share":
            del metadata["particle"]
        given = tables, metadata, settings, seed, energy, offsets, (1.0, 2.0)
        (area, error), thrown = area_of(*given)
        assert thrown.by == by
        inside = thrown.n_thrown.sum(axis=1) > 0.0
        areas.append(area[inside].ravel())
        variances.append(error[inside].ravel() ** 2)
    areas, variances = np.array(areas), np.array(variances)
    assert areas.shape[1] == (3 if particle == "gamma" else 6)
    scatter = areas.std(axis=0, ddof=1)
    np.testing.assert_array_less(np.abs(areas.mean(axis=0) - 1.0 / 3.0), 4.0 * scatter / 300**0.5)
    # The variance of 300 samples is known to sqrt(2 / 300) = 8 %.
    np.testing.assert_allclose(variances.mean(axis=0) / scatter**2, 1.0, atol=0.25)


def test_variance_of_a_part_is_that_of_drawing_showers():
    """Showers of a part drawn without putting them back, then spread over bins by chance."""
    rng = np.random.default_rng(3)
    n_showers, part = np.array([30, 12, 8]), 0.4
    shares = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 0.7]]).reshape(3, 1, 2)
    found = shower_variance(n_showers, shares, part)
    drawn = []
    for _ in range(20_000):
        of_bin = rng.multivariate_hypergeometric(n_showers, 20)
        low = of_bin[0] + (half := rng.binomial(of_bin[1], 0.5))
        drawn.append([low, of_bin[1] - half + rng.binomial(of_bin[2], 0.7)])
    np.testing.assert_allclose(found[0], np.var(drawn, axis=0), rtol=0.04)
    everything = shower_variance(n_showers, np.ones((3, 1, 1)), part)
    np.testing.assert_allclose(everything, 0.0, atol=1e-12)


def test_a_single_shower_tells_no_scatter():
    one = np.array([[5]])
    signal = Signal(one, one**2, None, None)
    _, error = effective_area(add_run(no_area(1, 1), signal, one, 1.0, 5))
    assert error[0, 0] == 1.0
