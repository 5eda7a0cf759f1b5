"""Files of sim_telarray in every form through both chains: the same events, charges, directions."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pytest
import simtel_samples as write
import zstandard

from iactflow.crosscheck.simtel_runs import split_runs
from iactflow.errors import InputError
from iactflow.io.simtel import SimtelReader
from iactflow.report import compare_ctapipe as module
from iactflow.report.compare_command import table_lines
from iactflow.report.compare_ctapipe import compare_ctapipe

pytest.importorskip("ctapipe")

PIXELS, SAMPLES, PEDESTAL = 61, 16, 300.0
# No two pixels alike: between equal ones the largest of equal sums is a matter of rounding.
SPREAD = np.random.default_rng(7).normal(1.0, 0.02, (2, 2, PIXELS))
PEDESTALS = PEDESTAL * SPREAD[0]
FACTORS = np.array([[0.05], [0.5]]) * SPREAD[1]
PLACES = write.hexagons(PIXELS)
PULSE = np.array([0.2, 0.5, 0.2, 0.1])
TELESCOPES = (1, 2, 3)


@pytest.fixture(autouse=True)
def timed_once(monkeypatch):
    """Agreement is tested here, not speed."""
    monkeypatch.setattr(module, "REPEATS", 1)


def shower_light(generator, n_channels=2, n_samples=SAMPLES):
    """Counts of an image: an ellipse of light on noise; the brightest pixels need the low gain."""
    (x, y), tilt = PLACES, generator.uniform(0.0, np.pi)
    along, across = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
    light = 500.0 * np.exp(-0.5 * ((along / 0.08) ** 2 + (across / 0.04) ** 2))
    traces = np.zeros((PIXELS, n_samples))
    traces[:, 5 : 5 + len(PULSE)] = generator.poisson(light)[:, None] * PULSE
    counts = PEDESTALS[:n_channels, :, None] + traces / FACTORS[:n_channels, :, None]
    noise = generator.normal(0.0, 3.0, counts.shape)
    return np.round(counts + noise).astype(np.int64)


def lit(counts):
    """Ranges of the pixels that stand out, of which there are some but not all."""
    seen = np.flatnonzero(counts[0].max(axis=1) > PEDESTAL + 60)
    assert 5 < len(seen) < PIXELS
    breaks = np.flatnonzero(np.diff(seen) > 1) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(seen, breaks)]


def pixel_list(tel_id):
    """Pixels that triggered (object 2027, code 0)."""
    return write.pack(2027, write.shorts(3, 1, 2, 5), 0, tel_id, top=False)


def whole_samples(tel_id, generator):
    return write.samples(tel_id, shower_light(generator)) + pixel_list(tel_id)


def suppressed_samples(tel_id, generator):
    counts = shower_light(generator)
    return write.suppressed_samples(tel_id, counts, lit(counts)) + pixel_list(tel_id)


def summed(tel_id, generator):
    return write.sums(tel_id, shower_light(generator).sum(axis=2))


def grouped(tel_id, generator):
    counts = shower_light(generator)
    chosen = [p for first, last in lit(counts) for p in range(first, last + 1)]
    return write.grouped_sums(tel_id, counts.sum(axis=2), chosen)


def listed(tel_id, generator):
    counts = shower_light(generator)
    chosen = [(p, True, False) for first, last in lit(counts) for p in range(first, last + 1)]
    return write.listed_sums(tel_id, counts.sum(axis=2), chosen)


def both(tel_id, generator):
    """Sums beside samples, which win."""
    counts = shower_light(generator)
    return write.sums(tel_id, counts.sum(axis=2)) + write.samples(tel_id, counts)


def of_any_length(tel_id, generator):
    """Other lengths than that of the description, and others in the same event."""
    n_samples = int(generator.choice([12, SAMPLES, 25]))
    return write.samples(tel_id, shower_light(generator, n_samples=n_samples))


def one_run(counts_of, run=3, energy=1.0, effective=(15.5, 15.5, 15.5), n_showers=3):
    """A run of three telescopes, some showers used twice, a histogram at the end."""
    generator = np.random.default_rng(run)
    data = write.pack(70, write.pack(71, write.ints(0) + write.shorts(4) + b"test", 1, 0, False),
                      1, nested=True)  # fmt: skip
    data += write.run_header(run, list(TELESCOPES)) + write.simulation_header(n_showers, 2)
    size = (PIXELS, 2, SAMPLES)
    for tel_id, focus in zip(TELESCOPES, effective, strict=True):
        data += write.telescope(tel_id, *size, effective=focus, places=PLACES)
    for tel_id in TELESCOPES:
        data += write.calibration(tel_id, (2, PIXELS), PEDESTALS, FACTORS, n_slices=SAMPLES)
    for number in range(1, n_showers + 1):
        data += write.shower(number, energy)
        for event_id in (100 * number, 100 * number + 1):
            parts = {tel_id: counts_of(tel_id, generator) for tel_id in TELESCOPES}
            data += write.core(event_id, number) + write.array_event(event_id, parts)
    return data + write.pack(100, write.shorts(0), 2, 0)


# What is said, and its number: all slices but one of a pedestal, one of them, in photoelectrons.
SUMS = "charges are sums in 18 images: ctapipe takes one slice's pedestal off", 225.0
NOT_READ = "pixels are suppressed in 18 images: ctapipe takes them for", -15.0


@pytest.mark.parametrize(
    ("counts_of", "said"),
    [
        (whole_samples, []),
        (suppressed_samples, [NOT_READ]),
        (summed, [SUMS]),
        (grouped, [SUMS, NOT_READ]),
        (listed, [SUMS, NOT_READ]),
        (both, []),
        (of_any_length, []),
    ],
)
def test_counts_in_every_form(tmp_path, counts_of, said):
    path = write.write(tmp_path / "a.simtel", one_run(counts_of))
    found = compare_ctapipe(path)
    assert [row for row in found["judged"] if not row["passed"]] == []
    chains = found["chains"]
    assert chains["charge_within"] == 1.0
    assert chains["n_telescope_events"] == {"main": 18, "check": 18, "alone": 0}
    assert chains["n_reconstructed"]["main"] == 6
    assert chains["n_equal_events"] == 6
    assert chains["direction_deg"] < 0.01
    assert len(found["ctapipe_alone"]) == len(said)
    for line, (start, number) in zip(found["ctapipe_alone"], said, strict=True):
        assert line.startswith(start)
        assert float(re.search(r"(\S+) p\.e\.", line)[1]) == pytest.approx(number, rel=0.03)


def test_focal_lengths_that_some_telescopes_lack(tmp_path):
    for effective in ((15.5, np.nan, 0.0), (np.nan,) * 3):
        path = write.write(tmp_path / "a.simtel", one_run(whole_samples, effective=effective))
        found = compare_ctapipe(path)
        assert found["passed"]
        assert found["chains"]["n_reconstructed"] == {"main": 6, "check": 6, "alone": 0}
        assert found["chains"]["direction_deg"] < 0.01
        with SimtelReader(path) as reader:
            kinds = [reader.subarray.telescope_type(i) for i in TELESCOPES]
        expected = [15.5 if focus > 0.0 else 15.0 for focus in effective]
        assert [kind.focal_length_m for kind in kinds] == expected
    assert found["ctapipe_alone"] == []


def test_runs_after_each_other_and_showers_of_no_energy(tmp_path):
    first, second = one_run(whole_samples, 3, energy=0.0), one_run(summed, 4)
    path = write.write(tmp_path / "a.simtel", first, second)
    found = compare_ctapipe(path)
    assert [row for row in found["judged"] if not row["passed"]] == []
    assert found["chains"]["n_events"] == {"main": 12, "check": 12, "alone": 0}
    assert found["ctapipe_alone"][-1] == "2 runs: ctapipe reads the first"
    text = "\n".join(table_lines({"files": [found], "passed": found["passed"]}))
    assert "made plain to ctapipe: 2 runs: ctapipe reads the first" in text
    assert [part.read_bytes() for part in split_runs(path, tmp_path)] == [first, second]
    assert split_runs(write.write(path, first), tmp_path) == [path]
    assert split_runs(write.write(path, gzip.compress(first)), tmp_path) == [path]
    # eventio ends where a frame does inside an object.
    for pieces, whole in (([first], [path]), ([first[:5000], first[5000:]], None)):
        write.write(path, *map(zstandard.compress, pieces))
        parts = split_runs(path, tmp_path)
        assert parts == whole or [part.read_bytes() for part in parts] == [first]
    write.write(path, first, second)
    with SimtelReader(path) as reader:
        energies = np.concatenate([b.truth["true_energy_tev"] for b in reader.batches()])
        tables = reader.run_tables()
    assert energies.tolist() == [0.0] * 6 + [1.0] * 6
    assert tables["simulation_runs"]["n_showers"].tolist() == [3, 3]
    assert tables["thrown_events"]["n_thrown"].tolist() == [6]


def test_a_run_that_is_there_twice(tmp_path):
    path = write.write(tmp_path / "a.simtel", *[one_run(whole_samples, n_showers=1)] * 2)
    with pytest.raises(InputError, match=r"events: got 'event 100 of run 3, twice'"):
        compare_ctapipe(path)


def test_files_without_events(tmp_path):
    found = compare_ctapipe(write.write(tmp_path / "a.simtel", one_run(summed, n_showers=0)))
    assert found["passed"]
    assert found["chains"]["n_events"] == {"main": 0, "check": 0, "alone": 0}


def test_what_eventio_cannot_read_is_said(tmp_path):
    def reduced(tel_id, generator):
        counts = shower_light(generator).sum(axis=2)
        pixels = [(p, False, False) for p in range(PIXELS)]
        return write.reduced_sums(tel_id, counts, pixels, 0, reduction=1)

    path = write.write(tmp_path / "a.simtel", one_run(reduced))
    with pytest.raises(InputError, match="check chain"):
        compare_ctapipe(path)
