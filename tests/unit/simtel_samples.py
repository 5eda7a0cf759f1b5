"""Small files of sim_telarray, written object by object."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

SYNC = 0xD41F8A37


def pack(kind, content=b"", version=0, identifier=0, top=True, nested=False, extended=False):
    """An object; at the top level with its marker."""
    content = content + b"\0" * (-len(content) % 4)
    words = [kind | version << 20 | extended << 17, identifier & 0xFFFFFFFF]
    words.append(len(content) | nested << 30)
    words += [0] if extended else []
    return struct.pack("<I", SYNC) * top + struct.pack(f"<{len(words)}I", *words) + content


def unsigned_vint(value):
    """Count of variable length."""
    n = next(n for n in range(1, 8) if value < 1 << 7 * n)
    data = bytearray(value.to_bytes(n, "big"))
    data[0] |= (0xFF << (9 - n)) & 0xFF
    return bytes(data)


def vint(value):
    """Signed number of variable length."""
    value = int(value)
    return unsigned_vint(value << 1 if value >= 0 else (-value - 1) << 1 | 1)


def differences(values):
    """A trace as differences."""
    return b"".join(vint(step) for step in np.diff(np.asarray(values, np.int64), prepend=0))


def floats(*values):
    """Single-precision numbers."""
    return np.concatenate([np.ravel(v) for v in values]).astype("<f4").tobytes()


def ints(*values):
    """32-bit numbers."""
    return struct.pack(f"<{len(values)}i", *values)


def shorts(*values):
    """16-bit numbers."""
    return struct.pack(f"<{len(values)}h", *values)


def adc_id(tel_id, mode):
    """Identifier of the objects of counts."""
    return mode | tel_id << 12


def samples(tel_id, counts, top=False):
    """Samples of shape (channels, pixels, samples), all of them."""
    n_channels, n_pixels, n_samples = counts.shape
    data = ints(n_pixels) + shorts(n_channels, n_samples)
    data += b"".join(differences(trace) for trace in counts.reshape(-1, n_samples))
    return pack(2013, data, 3, adc_id(tel_id, 0), top)


def _ranges(ranges):
    """List of ranges of pixels; a range of one pixel is written in short."""
    short = [vint(a) + vint(b) if a != b else vint(-a - 1) for a, b in ranges]
    return vint(len(ranges)) + b"".join(short)


def suppressed_samples(tel_id, counts, ranges, low=None, top=False):
    """Samples of ranges of pixels; with a list of its own for the low gain in version 4."""
    n_channels, n_pixels, n_samples = counts.shape
    data = ints(n_pixels) + shorts(n_channels, n_samples) + _ranges(ranges)
    data += b"" if low is None else _ranges(low)
    for channel, listed in zip(counts, (ranges, low or ranges), strict=False):
        for first, last in listed:
            data += b"".join(differences(trace) for trace in channel[first : last + 1])
    version, mode = (3, 0x01) if low is None else (4, 0x21)
    return pack(2013, data, version, adc_id(tel_id, mode), top)


def sums(tel_id, counts, top=False):
    """Sums of shape (channels, pixels), all of them."""
    data = ints(counts.shape[1]) + shorts(len(counts))
    data += b"".join(differences(channel) for channel in counts)
    return pack(2012, data, 3, adc_id(tel_id, 0), top)


def grouped_sums(tel_id, counts, pixels, top=False):
    """Sums of some pixels, by groups of 16."""
    data = ints(counts.shape[1]) + shorts(len(counts))
    for group in range(0, counts.shape[1], 16):
        chosen = [p for p in pixels if group <= p < group + 16]
        data += struct.pack("<H", sum(1 << p - group for p in chosen))
        data += b"".join(differences(channel[chosen]) for channel in counts[::-1])
    return pack(2012, data, 3, adc_id(tel_id, 1), top)


def listed_sums(tel_id, counts, pixels, top=False):
    """Sums of listed pixels: (pixel, with low gain, with 8 bits only); the list is known."""
    data = ints(counts.shape[1]) + shorts(len(counts), len(pixels))
    for pixel, low, narrow in pixels:
        data += struct.pack("<H", pixel | (not low) << 13 | narrow << 14)
    if len(counts) > 1:
        data += differences(counts[1, [p for p, low, narrow in pixels if low and not narrow]])
    data += differences(counts[0, [p for p, _, narrow in pixels if not narrow]])
    data += bytes(int(counts[0, p]) for p, _, narrow in pixels if narrow)
    return pack(2012, data, 3, adc_id(tel_id, 0x402), top)


def reduced_sums(tel_id, counts, pixels, suppression, version=3, reduction=2, scale=(0, 1)):
    """Sums of pixels: (pixel, with low gain, with 8 bits only), as sim_telarray's library does.

    Suppression 0 has all pixels, 1 bits of those that are there, 2 a list; 8 bits are of the sum
    less an offset, divided by a scale.
    """
    offset, factor = scale
    head = ints(counts.shape[1]) + shorts(len(counts))
    if reduction == 2:
        head = b"".join(map(vint, (1, *scale))) * (version == 4) + head + shorts(*scale)

    def values(chosen):
        low = [p for p, has, _ in chosen if has]
        high = [p for p, has, narrow in chosen if has or not narrow]
        small = [p for p, has, narrow in chosen if narrow and not has]
        data = differences(counts[1, low]) if len(counts) > 1 else b""
        data += differences(counts[0, high])
        return data + bytes(int((counts[0, p] - offset) // factor) for p in small)

    def bits(chosen, group):
        return struct.pack("<H", sum(1 << p - group for p in chosen))

    if suppression == 2:
        place = 21 if version == 4 else 13
        words = [p | (not low) << place | narrow << place + 1 for p, low, narrow in pixels]
        pack_word = vint if version == 4 else lambda word: struct.pack("<H", word)
        size = unsigned_vint(len(words)) if version == 4 else shorts(len(words))
        head += size + b"".join(map(pack_word, words)) + values(pixels)
    else:
        for group in range(0, counts.shape[1], 16):
            chosen = [row for row in pixels if group <= row[0] < group + 16]
            head += bits([p for p, *_ in chosen], group) if suppression else b""
            if chosen or not suppression:
                head += bits([p for p, low, _ in chosen if low], group)
                head += bits([p for p, _, narrow in chosen if narrow], group) * (reduction == 2)
            head += values(chosen)
    mode = suppression | reduction << 5 | (suppression == 2) << 10
    return pack(2012, head, version, adc_id(tel_id, mode), top=False)


def photoelectrons(tel_index, counts):
    """Photoelectrons of the pixels of a telescope, counted from 0."""
    lit = np.flatnonzero(counts)
    data = ints(int(counts.sum()), len(counts)) + shorts(0) + ints(len(lit))
    for pixel in lit.tolist():
        data += vint(pixel) + ints(int(counts[pixel])) + floats(np.zeros(counts[pixel]))
    return pack(1208, data, 3, tel_index, top=False)


def trigger(event_id, tel_ids, time=(1_700_000_000, 250)):
    """Trigger information: all telescopes triggered and were read out."""
    n = len(tel_ids)
    data = ints(*time, *time, 1, 1) + shorts(n, *tel_ids) + floats(np.arange(n) * 1.5)
    data += shorts(n, *tel_ids) + b"".join(unsigned_vint(1) for _ in tel_ids)
    return pack(2009, data, 2, event_id, top=False)


def numbered(tel_id):
    """Telescope in the type of an object: hundreds become thousands."""
    return tel_id % 100 + 1000 * (tel_id // 100)


def array_event(event_id, telescopes, top=True, direction=(0.3, 1.2), time=(1_700_000_000, 250)):
    """Array event of objects of counts by telescope."""
    data = trigger(event_id, list(telescopes), time)
    for tel_id, counts in telescopes.items():
        header = pack(2011, ints(1, event_id, *time, 0, 0) + shorts(1), 0, tel_id, top=False)
        data += pack(2200 + numbered(tel_id), header + counts, 0, event_id, top=False, nested=True)
    for tel_id in telescopes:
        data += pack(2100 + numbered(tel_id), floats(direction), 0, tel_id | 0x100, top=False)
    return pack(2010, data, 0, event_id, top, nested=True)


def hexagons(n_pixels, pitch=0.05):
    """Places of pixels around the middle of a camera, rows along x."""
    row, column = np.mgrid[-60:61, -60:61].reshape(2, -1)
    x, y = pitch * (column + 0.5 * row), pitch * row * np.sqrt(0.75)
    nearest = np.argsort(np.round(x**2 + y**2, 9), kind="stable")[:n_pixels]
    return x[nearest], y[nearest]


def telescope(tel_id, n_pixels, n_channels, n_samples, effective=15.5, places=None):
    """Description of a telescope; pixels on a line, or at their places."""
    side = np.arange(n_pixels) * 0.05
    x, y = (side, side[::-1]) if places is None else places
    camera = ints(n_pixels) + floats(15.0, effective, x, y)
    camera += vint(0) + vint(1) + vint(1) + vint(1) + floats(0.00216, 0.05) + ints(380)
    camera += floats(107.0, 0.1)
    pixels = ints(1, 0, 3, n_pixels, *range(n_pixels), 1, 0, 1) + shorts(0, n_samples)
    pixels += floats(1.0) + ints(n_samples) + vint(1) + vint(4) + floats(0.5)
    pixels += np.array([0, 1, 0.5, 0], "<f2").tobytes() + ints(3)
    organisation = ints(n_pixels, 1, n_channels, 0) + b"\0" * (n_pixels * (2 + 6 * n_channels))
    organisation += b"\0" * (2 * n_pixels)
    other = ints(*[0] * 6) + ints(0) + ints(*[0] * 10)
    return b"".join(
        (
            pack(2002, camera, 5, tel_id),
            pack(2003, organisation, 1, tel_id),
            pack(2004, pixels, 3, tel_id),
            pack(2005, ints(0, 1, 2), 0, tel_id),
            pack(2006, other, 0, tel_id),
            pack(2008, shorts(0, 0) + floats(np.zeros(12)), 0, tel_id),
            pack(2007, ints(0, 0), 0, tel_id),
        )
    )


def calibration(tel_id, shape, pedestal, factor, n_slices=5):
    """Monitoring and laser data of a telescope; pedestals per slice."""
    n_channels, n_pixels = shape
    values = np.full(shape, pedestal * n_slices), np.full(shape, 3.0)
    sizes = b"".join(vint(n) for n in (0, n_pixels, 1, n_channels))
    data = shorts(4, 4) + ints(1, 1, 0) + sizes + ints(1, 0)
    data += shorts(n_slices) + floats(*values)
    laser = struct.pack("<Hh", n_pixels, n_channels) + ints(1) + floats(np.full(shape, factor))
    laser += floats(np.zeros(2 * n_channels), np.full(shape, 0.25))
    return pack(2022, data, 1, 0x400 | tel_id) + pack(2023, laser, 2, tel_id)


def run_header(run, tel_ids, tracks=False):
    """Header of a run."""
    n = len(tel_ids)
    data = ints(run, 1_700_000_000, -1, int(tracks), 0) + floats(0.3, 1.2, 0, 0, 0, 0, 0) + ints(n)
    data += shorts(*tel_ids) + floats(np.arange(3 * n) * 10.0) + ints(2, 1) + shorts(0, 0)
    return pack(2000, data, 2, run)


def simulation_header(n_showers, n_use, viewcone=0.0, energies=(0.1, 10.0)):
    """Header of a simulation."""
    data = ints(*[0] * 6) + floats(1835.0) + ints(n_showers, n_use, 1)
    data += floats(0.0, 500.0, 1.2, 1.2, 0.3, 0.3) + ints(viewcone > 0)
    data += floats(0.0, viewcone, *energies, -2.0, 20, 0, 0, -1) + ints(*[0] * 4)
    return pack(2001, data + floats(5.0, 300.0, 600.0) + ints(0, 0), 4)


def shower(number, energy=1.0, particle=0):
    """A shower."""
    data = ints(particle) + floats(energy, 0.31, 1.21, 0.0, 20e3, 300.0, 9e3, 300.0, 300.0)
    return pack(2020, data + shorts(0), 1, number)


def core(event_id, number, x=10.0, y=-20.0):
    """A re-use of a shower."""
    return pack(2021, ints(number) + floats(x, y), 1, event_id)


def start(run, telescopes, n_showers=2, n_use=2, **options):
    """Headers, descriptions and calibration; telescopes: pixels, channels, samples by number."""
    data = pack(70, pack(71, ints(0) + shorts(4) + b"test", 1, 0, top=False), 1, nested=True)
    data += run_header(run, list(telescopes), options.pop("tracks", False))
    data += simulation_header(n_showers, n_use, **options)
    data += b"".join(telescope(t, *size) for t, size in telescopes.items())
    return data + b"".join(
        calibration(t, (size[1], size[0]), 20.0, 0.05) for t, size in telescopes.items()
    )


def write(path: Path, *parts: bytes) -> Path:
    """Write a file."""
    path.write_bytes(b"".join(parts))
    return path


def counts(generator, shape, level=20):
    """Noise with a few bright values."""
    values = generator.integers(level - 15, level + 15, shape)
    bright = generator.random(shape) < 0.05
    return values + bright * generator.integers(100, 40_000, shape)
