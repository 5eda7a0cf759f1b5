"""Waveforms with as few bits as they need, in a layout that is unpacked with vector instructions.

What is left of a waveform over its least sample is small numbers, but where there is light. They
are packed in blocks of 1024 with a common number of bits w, in the vertical layout of D. Lemire and
L. Boytsov, Software: Practice and Experience 45 (2015) 1 (section 4): a block is 64 lanes of 16
values, values k of all lanes stand side by side, and each lane is a string of 16 w bits in w words
of 16 bits. Packed waveforms are as long as with zstd, whose decompression takes ten times as long.

Words of an event of R waveforms (channels times pixels) of S samples; B = ceil(R S / 1024):

    R       least sample of each waveform
    B       bits w of each block
    64 w    of every block, one after the other: value 64 k + l has the bits k w ... k w + w - 1 of
            lane l, whose word q is word 64 q + l of the block; zeros fill the last block
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = ["BLOCK", "gather_rows", "pack_waveforms", "unpack_waveforms"]

LANES = 64
#: Values of a block.
BLOCK = 16 * LANES
_WORD = 16
_FIFTEEN = np.uint16(15)


@jit
def pack_waveforms(adc):
    """Pack the waveforms of a telescope event.

    Parameters
    ----------
    adc : ndarray of uint16, shape (n_rows, n_samples)
        Samples; rows are channels times pixels.

    Returns
    -------
    ndarray of uint16, shape (n_words,)
        Words, as the module says.
    """
    n_rows, n_samples = adc.shape
    n_blocks = (n_rows * n_samples + BLOCK - 1) // BLOCK
    rest = np.zeros(n_blocks * BLOCK, dtype=np.uint16)
    words = np.zeros(n_rows + n_blocks + rest.size, dtype=np.uint16)
    for row in range(n_rows):
        least = adc[row].min()
        words[row] = least
        for s in range(n_samples):
            rest[row * n_samples + s] = adc[row, s] - least
    place = n_rows + n_blocks
    for block in range(n_blocks):
        values = rest[block * BLOCK : (block + 1) * BLOCK]
        largest, bits = values.max(), 0
        while largest >> bits:
            bits += 1
        words[n_rows + block] = bits
        for k in range(_WORD):
            first, shift = k * bits // _WORD, k * bits % _WORD
            for lane in range(LANES):
                value = np.int64(values[k * LANES + lane]) << shift
                words[place + first * LANES + lane] |= np.uint16(value & 0xFFFF)
                if shift + bits > _WORD:
                    words[place + (first + 1) * LANES + lane] |= np.uint16(value >> _WORD)
        place += bits * LANES
    return words[:place]


@jit_leaf
def _unpack_block(words, bits, values):
    """Values of a block of words."""
    mask = np.uint16((1 << bits) - 1)
    for k in range(_WORD):
        at, shift = k * bits // _WORD * LANES, k * bits % _WORD
        low, row = words[at : at + LANES], values[k * LANES : (k + 1) * LANES]
        # Masks tell the compiler that words of 16 bits are enough.
        down, up = np.uint16(shift) & _FIFTEEN, np.uint16(_WORD - shift) & _FIFTEEN
        if shift + bits <= _WORD:
            for lane in range(LANES):
                row[lane] = np.uint16(low[lane] >> down) & mask
        else:
            high = words[at + LANES : at + 2 * LANES]
            for lane in range(LANES):
                both = np.uint16(low[lane] >> down) | np.uint16(high[lane] << up)
                row[lane] = both & mask


@jit_leaf
def _is_whole(words, n_rows, n_samples):
    """Whether the words are those of so many waveforms."""
    n_blocks = (n_rows * n_samples + BLOCK - 1) // BLOCK
    size = n_rows + n_blocks
    if words.size < size:
        return False
    for block in range(n_blocks):
        if words[n_rows + block] > _WORD:
            return False
        size += np.int64(words[n_rows + block]) * LANES
    return words.size == size


@jit_leaf
def _high_gain_is_enough(words, n_rows, n_samples, n_high, threshold):
    """Whether all waveforms of the high gain were read, and no sample passes the threshold.

    The bits of a block bound its samples: what this says no to may still pass.
    """
    for row in range(n_high):
        if words[row] == 0:
            return False
        first, last = row * n_samples // BLOCK, ((row + 1) * n_samples - 1) // BLOCK
        for block in range(first, last + 1):
            if words[row] + (1 << np.int64(words[n_rows + block])) - 1 > threshold:
                return False
    return True


@jit_leaf
def _unpack_event(words, n_rows, n_samples, n_wanted, last, adc):
    """Samples of the first rows of one event, whose words are whole."""
    n_values = n_rows * n_samples
    n_blocks = (n_values + BLOCK - 1) // BLOCK
    place, row = n_rows + n_blocks, 0
    for block in range((n_wanted * n_samples + BLOCK - 1) // BLOCK):
        bits, first = np.int64(words[n_rows + block]), block * BLOCK
        whole = first + BLOCK <= n_values
        values = adc[first : first + BLOCK] if whole else last
        _unpack_block(words[place : place + bits * LANES], bits, values)
        if not whole:
            for i in range(n_values - first):
                adc[first + i] = last[i]
        place += bits * LANES
        # Waveforms that are whole by now, while they are in the fastest memory.
        while row < n_wanted and (row + 1) * n_samples <= first + BLOCK:
            least, samples = words[row], adc[row * n_samples : (row + 1) * n_samples]
            for s in range(n_samples):
                samples[s] += least
            row += 1
    adc[n_wanted * n_samples :] = 0


@jit
def unpack_waveforms(words, start, n_samples, n_high, threshold, adc, row_lit):
    """Unpack the waveforms of telescope events.

    Parameters
    ----------
    words : ndarray of uint16, shape (n_words,)
        Words of all events.
    start : ndarray of int64, shape (n, 2)
        First word of each event, and the one after its last.
    n_samples : int
        Samples of a waveform.
    n_high : int
        Rows of the high gain, which come first; as many as there are rows: no other is left out.
    threshold : float
        Other rows of an event are left out (zero, and without count) where all of these were read
        and certainly have no sample above the threshold.
    adc : ndarray of uint16, shape (n, n_rows * n_samples)
        Filled with the samples.
    row_lit : ndarray of bool, shape (n, n_rows)
        Filled: whether a waveform has any count. All of those that were read out have.

    Returns
    -------
    int
        First event whose words are not those of so many waveforms; -1 if there is none.
    """
    n_rows = row_lit.shape[1]
    last = np.empty(BLOCK, dtype=np.uint16)
    for i in range(start.shape[0]):
        event = words[start[i, 0] : start[i, 1]]
        if not _is_whole(event, n_rows, n_samples):
            return i
        n_wanted = n_rows
        if n_high < n_rows and _high_gain_is_enough(event, n_rows, n_samples, n_high, threshold):
            n_wanted = n_high
        _unpack_event(event, n_rows, n_samples, n_wanted, last, adc[i])
        row_lit[i, n_wanted:] = False
        for row in range(n_wanted):
            row_lit[i, row] = (
                event[row] > 0 or adc[i, row * n_samples : (row + 1) * n_samples].any()
            )
    return -1


@jit
def gather_rows(values, start, rows):
    """Copy stretches of equal length out of an array.

    Parameters
    ----------
    values : ndarray, shape (n_values,)
        Values of all stretches.
    start : ndarray of int64, shape (n,)
        First value of each; none reaches beyond the end.
    rows : ndarray, shape (n, length)
        Filled.
    """
    for i in range(start.size):
        stretch = values[start[i] : start[i] + rows.shape[1]]
        for j in range(rows.shape[1]):
            rows[i, j] = stretch[j]
