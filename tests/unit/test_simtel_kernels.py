"""Kernels of the simtel reader against slow twins, analytic cases and eventio."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import simtel_samples as write

from iactflow.io import simtel_kernels as kernels
from iactflow.io.simtel_charges import decode_charges
from iactflow.io.simtel_walk import walk_array_event

GENERATOR = np.random.default_rng(20)
SHAPE = (2, 37, 11)


def content(packed):
    """Content of an object that is not at the top level, as bytes of the kernels."""
    return np.frombuffer(packed[12:], dtype=np.uint8)


def decode(packed, shape, function=kernels.decode_samples, dtype=np.uint16):
    """Decode the only object of counts; error, counts, pixels read out."""
    data = content(packed)
    mode = int.from_bytes(packed[4:8], "little") & 0x7FF
    skip = 8 if len(shape) == 3 else 6
    out, read_out = np.full(shape, 7, dtype), np.zeros(shape[:2], bool)
    error, _ = function(data, skip, len(data), mode, out, read_out)
    return error, out, read_out


def slow_trace(data, n):
    """Values of a trace, bit string by bit string."""
    values, value, data = [], 0, list(data)
    for _ in range(n):
        ones = len(f"{data[0]:08b}".split("0")[0])
        bits = "".join(f"{byte:08b}" for byte in data[: ones + 1])[ones + 1 :]
        number, data = int(bits, 2), data[ones + 1 :]
        value += -(number + 1) // 2 if number % 2 else number // 2
        values.append(value)
    return values


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ([0x00, 0x02, 0x01], [0, 1, 0]),
        ([0x7E, 0x7F], [63, -1]),
        ([0x80, 0x80], [64]),
        ([0xBF, 0xFF], [-8192]),
        ([0xC0, 0x40, 0x00], [8192]),
        ([0xE0, 0x20, 0x00, 0x00], [1048576]),
        ([0xF0, 0x10, 0x00, 0x00, 0x00], [134217728]),
    ],
)
def test_numbers_of_known_length(data, values):
    data = np.array(data, dtype=np.uint8)
    out = np.zeros(len(values), dtype=np.int64)
    place, _ = kernels.read_trace(data, 0, len(data), out, len(values))
    assert place == len(data)
    assert out.tolist() == values == slow_trace(data, len(values))


def test_samples_are_those_of_a_slow_twin():
    for _ in range(20):
        counts = write.counts(GENERATOR, SHAPE)
        packed = write.samples(5, counts)
        error, out, read_out = decode(packed, SHAPE)
        assert error == kernels.FINE
        assert read_out.all()
        np.testing.assert_array_equal(out, counts)
        slow = slow_trace(content(packed)[8:], SHAPE[2])
        assert slow == counts[0, 0].tolist()


def test_suppressed_samples_leave_zeros():
    counts = write.counts(GENERATOR, SHAPE)
    ranges = [(0, 0), (3, 7), (20, 20), (35, 36)]
    error, out, read_out = decode(write.suppressed_samples(5, counts, ranges), SHAPE)
    listed = np.zeros(SHAPE[1], dtype=bool)
    for first, last in ranges:
        listed[first : last + 1] = True
    assert error == kernels.FINE
    np.testing.assert_array_equal(read_out, np.broadcast_to(listed, SHAPE[:2]))
    np.testing.assert_array_equal(out, counts * listed[:, None])
    np.testing.assert_array_equal(out, eventio_counts(write.suppressed_samples, counts, ranges))


def eventio_counts(writer, *arguments):
    """What eventio makes of the same object."""
    from eventio.base import read_header
    from eventio.simtel.objects import ADCSamples, ADCSums

    packed = writer(5, *arguments)
    stream = BytesIO(packed)
    header = read_header(stream, offset=0)
    kind = ADCSamples if header.type == ADCSamples.eventio_type else ADCSums
    return kind(header, stream).parse()


@pytest.mark.parametrize("n_channels", [1, 2])
def test_sums_in_all_their_forms_are_those_of_eventio(n_channels):
    shape = (n_channels, 45)
    for _ in range(5):
        counts = write.counts(GENERATOR, shape) * 5
        chosen = np.flatnonzero(GENERATOR.random(shape[1]) < 0.3).tolist()
        low = GENERATOR.random(len(chosen)) < 0.5
        narrow = (counts[0, chosen] < 256) & (GENERATOR.random(len(chosen)) < 0.7)
        listed = list(zip(chosen, low.tolist(), narrow.tolist(), strict=True))
        for writer, arguments in (
            (write.sums, ()),
            (write.grouped_sums, (chosen,)),
        ):
            packed = writer(5, counts, *arguments)
            error, out, _ = decode(packed, shape, decode_charges, np.uint32)
            assert error == kernels.FINE
            np.testing.assert_array_equal(out, eventio_counts(writer, counts, *arguments))
        packed = write.listed_sums(5, counts, listed)
        error, out, read_out = decode(packed, shape, decode_charges, np.uint32)
        assert error == kernels.FINE
        np.testing.assert_array_equal(out[0, chosen], counts[0, chosen])
        np.testing.assert_array_equal(np.flatnonzero(read_out[0]), chosen)
        if n_channels == 2:
            with_low = [p for p, has, small in listed if has and not small]
            np.testing.assert_array_equal(np.flatnonzero(read_out[1]), with_low)
            np.testing.assert_array_equal(out[1, with_low], counts[1, with_low])


def walked(packed, shape, function, dtype):
    """Decode counts of telescope 5 in an array event; error, counts, pixels read out."""
    data = np.frombuffer(write.array_event(1, {5: packed})[16:], dtype=np.uint8)
    rows, tracking = np.zeros((1, 8), np.int64), np.zeros((1, 3), np.int64)
    assert walk_array_event(data, rows, tracking, np.zeros(4, np.int64))[2] == kernels.FINE
    _, _, start, end, mode, n_pixels, n_channels, n_samples = rows[0].tolist()
    assert (n_channels, n_pixels, n_samples)[: len(shape)] == shape
    out, read_out = np.full(shape, 7, dtype), np.zeros(shape[:2], bool)
    error, _ = function(data, start, end, mode, out, read_out)
    return error, out, read_out


@pytest.mark.parametrize("suppression", [0, 1, 2])
@pytest.mark.parametrize("reduction", [1, 2])
@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_sums_without_low_gains_and_of_eight_bits(suppression, reduction, version, n_channels):
    """As the library of sim_telarray writes them; eventio reads none of these."""
    shape, scale = (n_channels, 45), (30, 4)
    counts = write.counts(GENERATOR, shape, 60) * 3
    there = GENERATOR.random(shape[1]) < (0.4 if suppression else 2.0)
    low = (counts[0] > 500) & (n_channels == 2)
    narrow = (counts[0] < 900) & ~low & (reduction == 2)
    pixels = [(p, bool(low[p]), bool(narrow[p])) for p in np.flatnonzero(there).tolist()]
    packed = write.reduced_sums(5, counts, pixels, suppression, version, reduction, scale)
    error, out, read_out = walked(packed, shape, decode_charges, np.uint32)
    assert error == kernels.FINE
    np.testing.assert_array_equal(read_out[0], there)
    exact = there & ~narrow
    np.testing.assert_array_equal(out[0], np.where(exact, counts[0], out[0] * there))
    rounded = (counts[0] - scale[0]) // scale[1] * scale[1] + scale[0]
    np.testing.assert_array_equal(out[0, there & narrow], rounded[there & narrow])
    assert narrow.any() == (reduction == 2)
    if n_channels == 2:
        np.testing.assert_array_equal(read_out[1], there & low)
        np.testing.assert_array_equal(out[1], counts[1] * (there & low))
    data = np.frombuffer(packed[12:], dtype=np.uint8)
    mode = int.from_bytes(packed[4:8], "little") & 0x7FF | (version == 4) << 11
    skip = 9 if version == 4 and reduction == 2 else 6
    for end in range(skip, len(data) - 4, 5):
        # No cut is taken for an event, wherever it is.
        assert decode_charges(data[:end], skip, end, mode, out, read_out)[0] != kernels.FINE


def test_lists_of_large_cameras():
    """Pixels beyond those whose numbers leave room for marks."""
    shape = (1, 9000)
    counts = np.arange(9000, dtype=np.int64)[None] + 50
    listed = [(p, False, False) for p in (3, 8190, 8193, 8999)]
    data = write.ints(9000) + write.shorts(1, 4)
    data += np.array([p for p, *_ in listed], "<u2").tobytes()
    data += write.differences(counts[0, [p for p, *_ in listed]])
    packed = write.pack(2012, data, 3, write.adc_id(5, 0x402), top=False)
    error, out, read_out = walked(packed, shape, decode_charges, np.uint32)
    assert error == kernels.FINE
    assert np.flatnonzero(read_out[0]).tolist() == [3, 8190, 8193, 8999]
    np.testing.assert_array_equal(out, counts * read_out)
    many = [(p, False, False) for p in range(200)]
    packed = write.reduced_sums(5, counts, many, 2, 4)
    error, out, read_out = walked(packed, shape, decode_charges, np.uint32)
    assert error == kernels.FINE
    np.testing.assert_array_equal(out, counts * (np.arange(9000) < 200))


def test_samples_whose_low_gain_has_a_list_of_its_own():
    counts = write.counts(GENERATOR, SHAPE)
    packed = write.suppressed_samples(5, counts, [(0, 6), (20, 20)], low=[(3, 4), (20, 20)])
    error, out, read_out = walked(packed, SHAPE, kernels.decode_samples, np.uint16)
    assert error == kernels.FINE
    assert np.flatnonzero(read_out[0]).tolist() == [*range(7), 20]
    assert np.flatnonzero(read_out[1]).tolist() == [3, 4, 20]
    np.testing.assert_array_equal(out, counts * read_out[..., None])


def test_every_cut_of_samples_is_found():
    """Whatever is missing at the end, the kernel says so and reads nothing behind it."""
    counts = write.counts(GENERATOR, SHAPE)
    data = content(write.samples(5, counts))
    out, read_out = np.zeros(SHAPE, np.uint16), np.zeros(SHAPE[:2], bool)
    used = 8 + sum(len(write.differences(t)) for t in counts.reshape(-1, SHAPE[2]))
    for end in range(8, used, 7):
        error, _ = kernels.decode_samples(data[:end].copy(), 8, end, 0, out, read_out)
        assert error == kernels.CUT
    longer = np.concatenate([data, np.zeros(8, np.uint8)])
    error, _ = kernels.decode_samples(longer, 8, len(longer), 0, out, read_out)
    assert error == kernels.LEFT_OVER


@pytest.mark.parametrize("value", [-1, 65536])
def test_samples_out_of_range_are_found(value):
    counts = np.full(SHAPE, 20)
    counts[1, 30, 5] = value
    assert decode(write.samples(5, counts), SHAPE)[0] == kernels.RANGE


def test_pixels_out_of_range_are_found():
    counts = np.full((2, 50, 11), 20)
    packed = write.suppressed_samples(5, counts, [(3, 4), (36, 40)])
    assert decode(packed, SHAPE)[0] == kernels.PIXELS


def test_photoelectrons_are_counted():
    counts = GENERATOR.poisson(0.4, 300)
    data = content(write.photoelectrons(2, counts))
    out = np.full(300, 9, dtype=np.int32)
    assert kernels.decode_photoelectrons(data, 0, len(data), 3, out)[0] == kernels.FINE
    np.testing.assert_array_equal(out, counts)
    assert kernels.decode_photoelectrons(data, 0, 200, 3, out)[0] == kernels.CUT
    assert kernels.decode_photoelectrons(data, 0, len(data), 3, out[:-1])[0] == kernels.PIXELS


def test_walk_finds_telescopes_and_refuses_what_contradicts():
    counts = write.counts(GENERATOR, SHAPE)
    event = write.array_event(5, {2: write.samples(2, counts), 4: write.sums(4, counts[:, :, 0])})
    data = np.frombuffer(event[16:], dtype=np.uint8).copy()
    rows, tracking = np.zeros((4, 8), np.int64), np.zeros((4, 3), np.int64)
    place = np.zeros(4, np.int64)
    n, n_tracking, error, _ = walk_array_event(data, rows, tracking, place)
    assert (n, n_tracking, error) == (2, 2, kernels.FINE)
    assert rows[:2, [0, 1, 5, 6, 7]].tolist() == [[2, 1, 37, 2, 11], [4, 2, 37, 2, 1]]
    assert walk_array_event(data, rows[:1], tracking, place)[2] == kernels.TOO_MANY
    other = write.array_event(5, {2: write.samples(3, counts)})
    data = np.frombuffer(other[16:], dtype=np.uint8)
    assert walk_array_event(data, rows, tracking, place)[2] == kernels.FOREIGN
