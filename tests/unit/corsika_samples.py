"""Small CORSIKA IACT files for tests, written block by block in the eventio format."""

from __future__ import annotations

import struct

import numpy as np

SYNC = struct.pack("<I", 0xD41F8A37)
ONLY_BLOCKS = 1 << 30


def block(kind, payload, identity=0, version=0, top=True, nested=False):
    """A block with its header."""
    length = len(payload) | (ONLY_BLOCKS if nested else 0)
    header = struct.pack("<IiI", kind | version << 20, identity, length)
    return (SYNC if top else b"") + header + payload


def words(values):
    """A header of 273 words; `values` by word number from 1."""
    content = np.zeros(273, dtype="<f4")
    for number, value in values.items():
        content[number - 1] = value
    return struct.pack("<i", 273) + content.tobytes()


def numbered(changes):
    """Values by number of the word, from w<number>."""
    return {int(key[1:]): value for key, value in changes.items()}


def run_header(level_cm=180000.0, run=4, **changes):
    layers = {255: -186.5562, 256: -94.919, 257: 0.61289, 258: 0.0, 259: 0.01128292}
    layers |= {260: 1222.6562, 261: 1144.9069, 262: 1305.5948, 263: 540.1778, 264: 1.0}
    layers |= {265: 994186.38, 266: 878153.55, 267: 636143.04, 268: 772170.16, 269: 1.0e9}
    return block(1200, words({2: run, 4: 7.75, 5: 1, 6: level_cm, **layers, **numbered(changes)}))


def card(text):
    lines = text.splitlines()
    payload = struct.pack("<i", len(lines))
    for line in lines:
        payload += struct.pack("<h", len(line)) + line.encode()
    return block(1212, payload)


def telescopes(spheres_cm):
    columns = np.asarray(spheres_cm, dtype="<f4").T
    return block(1201, struct.pack("<i", len(spheres_cm)) + columns.tobytes())


EVENT = {
    2: 1,
    3: 1,
    4: 500.0,
    7: -2.0e6,
    11: np.radians(30.0),
    12: np.radians(50.0),
    47: 1,
    48: 180000.0,
    61: 0.3,
    62: 0.3,
    63: 0.02,
    64: 0.02,
    71: 20.0,
    72: -10.0,
    77: 0.0,
    85: 5.0,
    93: np.radians(-40.0),
    96: 300.0,
    97: 600.0,
    98: 2,
    158: 1.1e7,
}


def event_header(**changes):
    return block(1202, words(EVENT | numbered(changes)))


def offsets(x_cm, y_cm, weights=None):
    columns = [x_cm, y_cm] + ([] if weights is None else [weights])
    payload = struct.pack("<if", len(x_cm), 0.0)
    payload += b"".join(np.asarray(column, dtype="<f4").tobytes() for column in columns)
    return block(1203, payload, version=0 if weights is None else 1)


def photons(array, telescope, bunches, top=False):
    rows = np.asarray(bunches, dtype="<f4").reshape(-1, 8)
    payload = struct.pack("<hhfi", array, telescope, float(rows[:, 6].sum()), len(rows))
    return block(1205, payload + rows.tobytes(), array * 1000 + telescope, top=top)


def reuse(array, bunches):
    """Bunches per telescope of a re-use."""
    payload = b"".join(photons(array, tel, rows) for tel, rows in bunches.items())
    return block(1204, payload, array, nested=True)


def event_end():
    return block(1209, words({2: 1}))


def run_end():
    return block(1210, struct.pack("<ifff", 3, 0.0, 4.0, 1.0))


# x, y (cm), cx, cy, time (ns), height (cm), photons, wavelength (nm)
BUNCH = (100.0, -50.0, 0.1, -0.2, 12.5, 1.0e6, 4.9, -410.0)


def sample(text="FIXHEI 0. 0\n", **changes):
    """A complete file: one shower, two re-uses, two telescopes."""
    return b"".join(
        [
            run_header(),
            card(text),
            telescopes([(0.0, 0.0, 500.0, 600.0), (12000.0, -3000.0, 400.0, 600.0)]),
            event_header(**changes),
            offsets([1000.0, -2000.0], [500.0, 0.0]),
            reuse(0, {0: [BUNCH], 1: [BUNCH, BUNCH]}),
            reuse(1, {0: []}),
            event_end(),
            run_end(),
        ]
    )
