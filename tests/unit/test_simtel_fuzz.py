"""Damaged files of sim_telarray: one clear error, or the content of the undamaged file."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import simtel_samples as write
import zstandard

from iactflow.errors import InputError
from iactflow.io.simtel import SimtelReader

N_REAL, N_CUTS, N_FLIPS, N_LENGTHS = 40, 40, 300, 120
GENERATOR = np.random.default_rng(22)


def small_file():
    """A run of two telescopes, one with samples and one with sums, and an event in every form."""
    generator = np.random.default_rng(23)
    data = write.start(3, {1: (19, 2, 8), 3: (40, 2, 4)}, 1, 4) + write.shower(1)
    ranges, pixels = [(2, 7), (11, 11)], [1, 5, 17, 39]
    marked = [(p, p == 5, p == 17) for p in pixels]
    suppressed = write.suppressed_samples
    for event_id in range(100, 104):
        light = write.photoelectrons(0, np.arange(19))
        samples, sums = write.counts(generator, (2, 19, 8)), np.full((2, 40), 120)
        parts = {
            100: (write.samples(1, samples), write.sums(3, sums)),
            101: (suppressed(1, samples, ranges), write.grouped_sums(3, sums, pixels)),
            102: (suppressed(1, samples, ranges, [(4, 5)]), write.listed_sums(3, sums, marked)),
            103: (write.samples(1, samples[..., :5]), write.reduced_sums(3, sums, marked, 1)),
        }[event_id]
        data += write.core(event_id, 1) + write.pack(1204, light, 0, event_id, nested=True)
        data += write.array_event(event_id, dict(zip((1, 3), parts, strict=True)))
    return data


def content(path):
    """All that a reader says of a file, or None for an InputError."""
    try:
        with SimtelReader(path, true_images=True) as reader:
            batches = list(reader.batches())
            tables = reader.run_tables()
    except InputError as caught:
        error = caught
    else:
        error = None
    if error is not None:
        assert str(path) in str(error)
        assert "byte" in error.key
        return None
    found = [reader.subarray.tel_ids, reader.subarray.positions_m]
    for batch in batches:
        found += [batch.obs_id, batch.event_id, batch.time_s, batch.event_type]
        found += [*batch.truth.values(), batch.pointing_alt_deg]
        for camera in batch.cameras:
            found += [camera.tel_id, camera.event_index, camera.adc, camera.true_image]
            found += [camera.pointing_alt_deg, camera.pointing_az_deg]
        for known in batch.coefficients.values():
            found += [known.pedestal_adu, known.pe_per_adu]
    return found + [column for table in tables.values() for column in table.values()]


def same(one, other):
    """Whether two contents are equal."""
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def flipped(data, generator, n=1):
    """Some bits of a file, turned."""
    damaged = bytearray(data)
    for place in generator.integers(0, len(data), n).tolist():
        damaged[place] ^= 1 << int(generator.integers(8))
    return bytes(damaged)


def test_real_files_that_are_cut_or_flipped(tmp_path, data_dir):
    """Frames with checksums: every damage that changes anything is an error."""
    data = (data_dir / "sim" / "aux_traces_2029.simtel.zst").read_bytes()
    path = tmp_path / "a.simtel.zst"
    whole = content(write.write(path, data))
    assert whole is not None
    for k in range(N_REAL):
        cut = data[: int(GENERATOR.integers(1, len(data)))]
        assert content(write.write(path, cut)) is None
        found = content(write.write(path, flipped(data, GENERATOR, 1 + k % 3)))
        assert found is None or same(found, whole)


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress]
)
def test_compressed_files_that_are_flipped(tmp_path, pack):
    data = pack(small_file())
    path = tmp_path / "a.simtel.any"
    whole = content(write.write(path, data))
    for _ in range(N_REAL):
        found = content(write.write(path, flipped(data, GENERATOR)))
        assert found is None or same(found, whole)


def test_every_cut_of_the_stream(tmp_path):
    """A cut is an error, but at the end of an object behind the headers: a shorter valid file."""
    data = small_file()
    path = tmp_path / "a.simtel"
    marker = np.uint32(write.SYNC).tobytes()
    ends = {k for k in range(len(data)) if data[k : k + 4] == marker}
    for end in GENERATOR.integers(1, len(data), N_CUTS).tolist():
        assert content(write.write(path, data[:end])) is None or end in ends


def test_flipped_bits_of_the_stream(tmp_path):
    """No checksum here: what is read has the shape and the telescopes of the undamaged."""
    data = small_file()
    path = tmp_path / "a.simtel"
    whole = content(write.write(path, data))
    n_errors = 0
    for _ in range(N_FLIPS):
        found = content(write.write(path, flipped(data, GENERATOR)))
        n_errors += found is None
        if found is not None:
            assert all(np.all(array < 2**32) for array in found if array.dtype.kind == "u")
    assert whole is not None
    assert n_errors > N_FLIPS // 10


def objects(data, start, end, top):
    """Places of the lengths of all objects, those inside others too."""
    while start < end:
        begin = start + (16 if top else 12)
        word = int.from_bytes(data[begin - 4 : begin], "little")
        yield begin - 4
        length = word & 0x3FFFFFFF
        if word >> 30 & 1:
            yield from objects(data, begin, begin + length, False)
        start = begin + length


def test_wrong_lengths(tmp_path):
    """Lengths too small, too large, and as large as can be, of every kind of object."""
    data = small_file()
    path = tmp_path / "a.simtel"
    whole = content(write.write(path, data))
    places = list(objects(data, 0, len(data), True))
    for place in GENERATOR.choice(places, N_LENGTHS).tolist():
        word = int.from_bytes(data[place : place + 4], "little")
        length = word & 0x3FFFFFFF
        wrong = [0, length - 4, length + 4, 0x3FFFFFFF, int(GENERATOR.integers(1 << 30))]
        new = max(int(GENERATOR.choice(wrong)), 0)
        damaged = (
            data[:place] + (word & ~0x3FFFFFFF | new).to_bytes(4, "little") + data[place + 4 :]
        )
        found = content(write.write(path, damaged))
        # Nothing is read of the history: damage inside it changes nothing.
        assert found is None or same(found, whole)


def test_bytes_of_no_meaning(tmp_path):
    """Noise behind a marker, and noise in the place of objects."""
    data = small_file()
    path = tmp_path / "a.simtel"
    marker = np.uint32(write.SYNC).tobytes()
    for _ in range(N_REAL):
        noise = GENERATOR.integers(0, 256, 400).astype(np.uint8).tobytes()
        assert content(write.write(path, marker + noise)) is None
        place = int(GENERATOR.integers(len(data) - 400))
        content(write.write(path, data[:place] + noise + data[place + 400 :]))
