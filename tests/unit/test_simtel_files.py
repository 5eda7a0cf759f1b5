"""Files of sim_telarray written for the purpose: forms that real files of today seldom have."""

from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
import pytest
import simtel_samples as write
import zstandard

from iactflow.calibration.apply import calibrate
from iactflow.calibration.settings import ExtractionSettings
from iactflow.errors import InputError
from iactflow.io.simtel import SimtelReader

GENERATOR = np.random.default_rng(21)
SAMPLES, SUMS = (19, 2, 8), (32, 1, 4)
TELESCOPES = {1: SAMPLES, 3: SUMS, 150: SAMPLES}


def event(event_id, seed, tel_ids=(1, 3, 150), **options):
    """An array event and its counts by telescope."""
    generator = np.random.default_rng(seed)
    counts = {t: write.counts(generator, (2, 19, 8)) for t in tel_ids if t != 3}
    parts = {t: write.samples(t, c) for t, c in counts.items()}
    if 3 in tel_ids:
        counts[3] = write.counts(generator, (1, 32)) * 50
        parts[3] = write.sums(3, counts[3])
    return write.array_event(event_id, {t: parts[t] for t in tel_ids}, **options), counts


def read(path, **options):
    """All batches and tables of a file."""
    with SimtelReader(path, **options) as reader:
        batches = list(reader.batches())
        return reader, batches, reader.run_tables()


def whole(run=7, n_showers=2, histogram=b"", **options):
    """Bytes of a run of two showers at two cores each, of which three events triggered."""
    data = write.start(run, TELESCOPES, n_showers, 2, **options)
    counts = {}
    for number in (1, 2):
        data += write.shower(number, 0.5 * number)
        for event_id in (100 * number, 100 * number + 1):
            data += write.core(event_id, number)
            if event_id != 101:
                light = np.arange(19) % 4
                packed = write.photoelectrons(0, light)
                data += write.pack(1204, packed, 0, event_id, nested=True)
                tel_ids = (1, 3, 150) if event_id != 201 else (150,)
                packed, counts[event_id] = event(event_id, event_id, tel_ids)
                data += packed
    return data + histogram, counts


def compare(batches, counts):
    """Every count where it belongs; numbers of events seen."""
    seen = []
    for batch in batches:
        for camera in batch.cameras:
            for k, tel_id, adc in zip(camera.event_index, camera.tel_id, camera.adc, strict=True):
                expected = counts[int(batch.event_id[k])][int(tel_id)]
                np.testing.assert_array_equal(adc.reshape(expected.shape), expected)
        seen += batch.event_id.tolist()
    return seen


def test_samples_and_sums_lie_in_their_types(tmp_path):
    data, counts = whole()
    reader, batches, tables = read(write.write(tmp_path / "a.simtel", data), true_images=True)
    assert compare(batches, counts) == [100, 200, 201]
    kinds = reader.subarray.types
    assert [t.camera.n_samples for t in kinds] == [8, 1]
    assert [c.adc.dtype for c in batches[0].cameras] == [np.uint16, np.uint32]
    assert np.isnan(kinds[1].camera.sampling_rate_ghz)
    assert reader.subarray.type_index.tolist() == [0, 1, 0]
    images = batches[0].cameras[0].true_image
    np.testing.assert_array_equal(images[0], np.arange(19) % 4)
    assert (images[1] == -1).all()
    # Of sums the pedestal stands as it is taken off, whatever number of slices is written beside.
    assert (batches[0].coefficients[1].pedestal_adu == 20.0).all()
    assert (batches[0].coefficients[3].pedestal_adu == 100.0).all()
    assert [batches[0].coefficients[i].n_summed for i in (1, 3)] == [1, 5]
    assert (batches[0].coefficients[3].pedestal_std_adu == 3.0).all()
    deviation = batches[0].coefficients[1].pedestal_std_adu[0, 0]
    assert deviation == pytest.approx(3.0 / np.sqrt(5.0), rel=1e-6)
    assert batches[0].coefficients[1].unusable[:, 2].all()
    assert tables["simulation_runs"]["n_showers"] == [2]
    assert tables["thrown_events"]["n_thrown"].sum() == 4
    assert batches[0].truth["reuse_id"].tolist() == [0, 0, 1]


@pytest.mark.parametrize("form", ["plain", "gzip", "members", "zstd", "frames"])
def test_compression_does_not_matter(tmp_path, form):
    data, counts = whole()
    middle = len(data) // 2
    packed = {
        "plain": lambda: data,
        "gzip": lambda: gzip.compress(data) + b"\0" * 512,
        "members": lambda: gzip.compress(data[:middle]) + gzip.compress(data[middle:]),
        "zstd": lambda: zstandard.compress(data),
        "frames": lambda: zstandard.compress(data[:middle]) + zstandard.compress(data[middle:]),
    }[form]()
    path = write.write(tmp_path / "a.simtel.any", packed)
    assert compare(read(path)[1], counts) == [100, 200, 201]
    with pytest.raises(InputError, match=r"cut|description|header|damaged"):
        read(write.write(path, packed[: len(packed) * 2 // 3]))


def test_batches_of_any_size_hold_the_same(tmp_path):
    data, counts = whole()
    path = write.write(tmp_path / "a.simtel", data)
    for size in (1, 2000, 1 << 20):
        reader, batches, _ = read(path, batch_bytes=size)
        assert compare(batches, counts) == [100, 200, 201]
        assert len(batches) == {1: 3, 2000: 2, 1 << 20: 1}[size]
    with reader:
        assert compare(list(reader.batches()), counts) == [100, 200, 201]


def test_suppressed_pixels_are_not_read_out(tmp_path):
    counts = write.counts(GENERATOR, (2, 19, 8))
    events = [write.array_event(100, {1: write.samples(1, counts)})]
    events += [write.array_event(100, {1: write.suppressed_samples(1, counts, [(2, 5), (9, 9)])})]
    data = write.start(1, {1: SAMPLES}) + write.shower(1) + write.core(100, 1)
    path = write.write(tmp_path / "a.simtel", data, *events)
    (camera,) = read(path)[1][0].cameras
    assert camera.read_out[0].all()
    assert np.flatnonzero(camera.read_out[1, 0]).tolist() == [2, 3, 4, 5, 9]
    listed = camera.read_out[1][..., None]
    np.testing.assert_array_equal(camera.adc[1], counts * listed)
    assert read(write.write(path, data, events[0]))[1][0].cameras[0].read_out is None


def test_events_of_other_lengths_than_described(tmp_path):
    """Of a type for each length a camera batch, events in their order."""
    lengths = [(8, 12), (12, 5), (8, 8)]
    counts, data = {}, write.start(1, {1: SAMPLES, 150: SAMPLES}, 1, 3) + write.shower(1)
    for event_id, pair in zip((100, 101, 102), lengths, strict=True):
        counts[event_id] = {
            tel_id: write.counts(GENERATOR, (2, 19, n))
            for tel_id, n in zip((1, 150), pair, strict=True)
        }
        parts = {tel_id: write.samples(tel_id, c) for tel_id, c in counts[event_id].items()}
        data += write.core(event_id, 1) + write.array_event(event_id, parts)
    reader, batches, _ = read(write.write(tmp_path / "a.simtel", data))
    assert compare(batches, counts) == [100, 101, 102]
    assert [c.adc.shape[-1] for c in batches[0].cameras] == [5, 8, 12]
    assert [c.event_index.tolist() for c in batches[0].cameras] == [[1], [0, 2, 2], [0, 1]]
    assert [t.camera.n_samples for t in reader.subarray.types] == [8]
    images = [
        calibrate(c, reader.subarray.types[0], batches[0].coefficients, ExtractionSettings())
        for c in batches[0].cameras
    ]
    assert [image.image_pe.shape for image in images] == [(1, 19), (3, 19), (2, 19)]


def test_samples_after_charges_are_refused(tmp_path):
    """What a file's first events have tells what its cameras give."""
    counts = write.counts(GENERATOR, (2, 19, 8))
    data = write.start(1, {1: SAMPLES}, 1, 2) + write.shower(1)
    for event_id, packed in ((100, write.sums(1, counts[..., 0])), (101, write.samples(1, counts))):
        data += write.core(event_id, 1) + write.array_event(event_id, {1: packed})
    reader, batches, _ = read(write.write(tmp_path / "a.simtel", data))
    assert [len(batch) for batch in batches] == [1, 1]
    for batch, match in zip(batches, ("", "charges, as the first"), strict=True):
        arguments = batch.cameras[0], reader.subarray.types[0], batch.coefficients
        if match:
            with pytest.raises(InputError, match=match):
                calibrate(*arguments, ExtractionSettings())
        else:
            assert calibrate(*arguments, ExtractionSettings()).image_pe.shape == (1, 19)


def test_the_gain_of_a_sum_is_chosen_by_its_light(tmp_path):
    """Sums of 40 samples whose pedestals alone are beyond the threshold of a sample."""
    counts = np.full((2, 19), 40 * 200)
    counts[:, 4] += [3799, 380]
    counts[:, 9] += [3801, 381]
    packed = write.array_event(100, {1: write.sums(1, counts)})
    data = write.start(1, {1: (19, 2, 40)}) + write.calibration(1, (2, 19), 200.0, 0.05, 40)
    data += write.shower(1) + write.core(100, 1) + packed
    reader, batches, _ = read(write.write(tmp_path / "a.simtel", data))
    (camera,) = batches[0].cameras
    found = calibrate(
        camera, reader.subarray.types[0], batches[0].coefficients, ExtractionSettings()
    )
    assert np.flatnonzero(found.channel[0]).tolist() == [9]
    expected = np.zeros(19)
    expected[[4, 9]] = 0.05 * 3799, 0.05 * 381
    np.testing.assert_allclose(found.image_pe[0], expected, rtol=1e-5, atol=1e-3)


def test_showers_without_energy_fall_into_no_bin(tmp_path):
    """Light sources and noise: counted, and their events are those of showers."""
    data = write.start(1, {1: SAMPLES}, 2, 1, energies=(0.0, 0.0))
    for number in (1, 2):
        data += write.shower(number, 0.0) + write.core(100 * number, number)
        data += event(100 * number, 1, (1,))[0]
    _, (batch,), tables = read(write.write(tmp_path / "a.simtel", data))
    assert batch.event_type.tolist() == [32, 32]
    assert batch.truth["true_energy_tev"].tolist() == [0.0, 0.0]
    assert tables["simulation_runs"]["n_showers"].tolist() == [2]
    assert tables["thrown_events"]["n_thrown"].tolist() == []
    announced = write.start(1, {1: SAMPLES}, 900, 1, energies=(0.0, 0.0)) + write.shower(9, 0.0)
    announced += write.core(900, 9) + event(900, 1, (1,))[0]
    tables = read(write.write(tmp_path / "b.simtel", announced))[2]
    assert tables["simulation_runs"]["n_showers"].tolist() == [900]
    assert tables["thrown_events"]["n_thrown"].tolist() == []


def test_a_new_calibration_begins_a_batch(tmp_path):
    data = write.start(1, {1: SAMPLES}) + write.shower(1) + write.core(100, 1)
    packed, _ = event(100, 1, (1,))
    same = write.calibration(1, (2, 19), 20.0, 0.05)
    other = write.calibration(1, (2, 19), 21.0, 0.05)
    path = write.write(tmp_path / "a.simtel", data, packed, same, packed, other, packed)
    batches = read(path)[1]
    assert [len(batch) for batch in batches] == [2, 1]
    pedestals = [batch.coefficients[1].pedestal_adu[0, 0] for batch in batches]
    assert pedestals == [20.0, 21.0]
    assert batches[0].coefficients[1].time_shift_ns[0, 0] == -0.25


def test_calibration_events_and_their_light(tmp_path):
    light = write.pack(1204, write.photoelectrons(0, np.arange(19)), 0, 1, False, True)
    data = write.start(1, {1: SAMPLES})
    for kind in (0, 1, 2, 3, 7):
        data += write.pack(2034, light, 0, kind, nested=True)
        packed = write.array_event(5, {1: write.samples(1, np.full((2, 19, 8), 30))}, top=False)
        data += write.pack(2028, packed, 0, kind, nested=True)
    packed, _ = event(100, 1, (1,))
    data += packed + write.shower(1) + write.core(100, 1) + packed
    path = write.write(tmp_path / "a.simtel", data)
    (batch,) = read(path, true_images=True)[1]
    assert batch.event_type.tolist() == [3, 2, 1, 0, 15, 15, 32]
    np.testing.assert_array_equal(batch.cameras[0].true_image[2], np.arange(19))
    assert np.isnan(batch.truth["true_energy_tev"][:6]).all()
    assert batch.truth["true_energy_tev"][6] == 1.0
    assert batch.truth["particle_id"].tolist() == [0] * 6 + [1]


def test_runs_after_each_other(tmp_path):
    first, counts = whole(7)
    second, _ = whole(8)
    path = write.write(tmp_path / "a.simtel", first, second)
    _, batches, tables = read(path)
    assert compare(batches, counts) == [100, 200, 201] * 2
    assert np.concatenate([b.obs_id for b in batches]).tolist() == [7] * 3 + [8] * 3
    assert tables["simulation_runs"]["obs_id"].tolist() == [7, 8]
    assert tables["thrown_events"]["n_thrown"].sum() == 8
    other = write.start(9, {1: SAMPLES}) + write.shower(1) + write.core(100, 1)
    path = write.write(path, first, other, event(100, 1, (1,))[0])
    with pytest.raises(InputError, match="same telescopes"):
        read(path)


def test_where_a_source_is_followed_the_telescopes_tell_the_pointing(tmp_path):
    data = write.start(1, {1: SAMPLES}, tracks=True) + write.shower(1) + write.core(100, 1)
    (batch,) = read(write.write(tmp_path / "a.simtel", data, event(100, 1, (1,))[0]))[1]
    assert batch.pointing_alt_deg[0] == pytest.approx(np.degrees(1.2), abs=1e-5)
    assert batch.pointing_az_deg[0] == pytest.approx(np.degrees(0.3), abs=1e-5)


@pytest.mark.parametrize(
    ("seconds", "offset"),
    [(0, 8.000082), (1_483_228_799, 36), (1_483_228_800, 37), (2**31 - 1, 37)],
)
def test_times_count_leap_seconds(tmp_path, seconds, offset):
    """Those of IERS bulletin C: the 37th second came with 2017; before 1972 the clocks drifted."""
    data = write.start(1, {1: SAMPLES}) + write.shower(1) + write.core(100, 1)
    packed, _ = event(100, 1, (1,), time=(seconds, 250))
    (batch,) = read(write.write(tmp_path / "a.simtel", data, packed))[1]
    quarters = round((batch.time_s[0] - seconds) * 4_000_000_000 + int(batch.time_qns[0]))
    assert quarters == round(offset * 4e9) + 1000


def histogram(counts, entries):
    """Histogram 6: events over core distance and log10 of the energy, 20 bins from -1 to 1."""
    title = b"Events"
    data = b"F" + write.shorts(len(title)) + title + b"\0" + write.ints(6) + write.shorts(1, 20)
    data += write.ints(entries, entries)
    for low, high in ((0.0, 500.0), (-1.0, 1.0)):
        data += write.ints(0, 0) + write.floats(low, high, 0, 0)
    data += write.floats(np.zeros(10), counts)
    return write.pack(100, write.shorts(1) + data, 2, 0)


def test_files_of_triggered_events_alone_tell_what_was_thrown(tmp_path):
    """By the histogram; without one along the power law of the header."""
    counts = np.zeros(20)
    counts[3], counts[12] = 30, 10
    data, _ = whole(n_showers=20, histogram=histogram(counts, 40))
    path = write.write(tmp_path / "a.simtel", data)
    thrown = read(path)[2]["thrown_events"]
    assert thrown["n_thrown"].tolist() == [30, 10]
    np.testing.assert_allclose(thrown["energy_min_tev"], [10**-0.7, 10**0.2])
    triggered = write.start(1, {1: SAMPLES}, 500, 20, viewcone=5.0) + write.shower(9)
    triggered += write.core(900, 9) + event(900, 1, (1,))[0]
    tables = read(write.write(path, triggered))[2]
    thrown = tables["thrown_events"]
    assert tables["simulation_runs"]["n_showers"] == [500]
    assert thrown["n_thrown"].sum() == 10_000
    # dN/dE as E^-2 from 0.1 to 10 TeV: nine tenths of 1 / 0.99 lie below 1 TeV.
    below = thrown["n_thrown"][thrown["energy_max_tev"] < 1.001].sum()
    assert below == pytest.approx(10_000 * 9.0 / 9.9, abs=1)
    inner = thrown["n_thrown"][thrown["viewcone_max_deg"] < 2.501].sum()
    assert inner == pytest.approx(2_500, rel=0.01)


def test_forty_thousand_pixels_within_their_memory(tmp_path):
    size = (40_000, 1, 16)
    counts = np.random.default_rng(3).integers(1, 40, (1, 40_000, 16))
    data = write.start(1, {1: size}) + write.shower(1) + write.core(100, 1)
    packed = write.array_event(100, {1: write.samples(1, counts)})
    path = write.write(tmp_path / "a.simtel", data, *[packed] * 60)
    tracemalloc.start()
    n = 0
    with SimtelReader(path) as reader:
        for batch in reader.batches():
            np.testing.assert_array_equal(batch.cameras[0].adc[-1], counts)
            n += len(batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 60
    assert peak < 150e6


def test_a_length_that_nothing_fills_is_refused_at_once(tmp_path):
    data, _ = whole()
    huge = write.pack(9999, b"1234")[:12] + (0x3FFFFFFF).to_bytes(4, "little")
    with pytest.raises(InputError, match="cut"):
        read(write.write(tmp_path / "a.simtel", data, huge))
    huge = huge[:4] + (2010).to_bytes(4, "little") + huge[8:]
    with pytest.raises(InputError, match="at most"):
        read(write.write(tmp_path / "a.simtel", data, huge))


def test_suppressed_pixels_that_would_fill_memory_are_refused(tmp_path):
    size = (40_000, 2, 8)
    data = write.start(1, {1: size}) + write.shower(1) + write.core(100, 1)
    packed = write.suppressed_samples(1, np.full((*size[1::-1], 8), 20), [(2, 2)])
    packed = packed[:18] + (30_000).to_bytes(2, "little") + packed[20:]
    path = write.write(tmp_path / "a.simtel", data, write.array_event(100, {1: packed}))
    with pytest.raises(InputError, match="counts of 9600000000 bytes"):
        read(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "empty"),
        (b"no data of a telescope at all", "sync marker"),
        (b"\xd4\x1f\x8a\x37" + b"\0" * 40, "big-endian"),
        (b"\x28\xb5\x2f\xfd", "cut"),
        (write.pack(70), "no header of a run"),
    ],
)
def test_what_is_no_file_of_sim_telarray(tmp_path, content, match):
    with pytest.raises(InputError, match=match):
        SimtelReader(write.write(tmp_path / "a.simtel", content))


def test_tables_are_known_at_the_end(tmp_path):
    data, _ = whole()
    with (
        SimtelReader(write.write(tmp_path / "a.simtel", data)) as reader,
        pytest.raises(RuntimeError),
    ):
        reader.run_tables()
