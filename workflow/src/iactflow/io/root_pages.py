"""Pages of packed columns, read straight into memory that is used again.

uproot reads any column of an RNTuple, by way of two copies in fresh memory; a packed column is one
stretch of the file for each cluster, stored as it is.
"""

from __future__ import annotations

import os

import awkward
import numpy as np
import uproot

from iactflow.io.buffers import BufferPool

__all__ = ["read_words"]


def read_words(
    descriptor: int, ntuple: uproot.models.RNTuple, name: str, cluster: int, pool: BufferPool
) -> awkward.Array:
    """Variable-length column of words of 16 bits, of one cluster.

    Parameters
    ----------
    descriptor : int
        The file, open for reading.
    ntuple : uproot.models.RNTuple.Model_ROOT_3a3a_RNTuple
        Table.
    name : str
        Column.
    cluster : int
        Cluster.
    pool : BufferPool
        Where the words go.

    Returns
    -------
    awkward.Array
        Rows of words.

    Raises
    ------
    ValueError
        If the column is none of words, or its pages are compressed, cut or do not hold its rows.
    """
    fields = [record.field_name for record in ntuple.field_records]
    field = fields.index(name)
    owner = {record.field_id: i for i, record in enumerate(ntuple.column_records)}
    content = next(
        i
        for i, record in enumerate(ntuple.field_records)
        if record.parent_field_id == field and i != field
    )
    start = ntuple.read_cluster_range(owner[field], cluster, cluster + 1)
    pages = ntuple.page_link_list[cluster][owner[content]].pages
    total = sum(page.num_elements for page in pages)
    if int(start[-1]) != total or np.any(np.diff(start) < 0):
        raise ValueError(f"{int(start[-1])} words in rows, {total} in pages")
    # A damaged size is found before room for it is made.
    if any(page.locator.num_bytes != 2 * page.num_elements for page in pages):
        raise ValueError("compressed pages")
    if 2 * total > os.fstat(descriptor).st_size:
        raise ValueError(f"{total} words are more than the file")
    words, place = pool.take(total, np.uint16), 0
    for page in pages:
        part = words[place : place + page.num_elements]
        if os.preadv(descriptor, [part.view(np.uint8)], page.locator.offset) != part.nbytes:
            raise ValueError("cut page")
        place += page.num_elements
    offsets = awkward.index.Index64(start.astype(np.int64))
    return awkward.Array(
        awkward.contents.ListOffsetArray(offsets, awkward.contents.NumpyArray(words))
    )
