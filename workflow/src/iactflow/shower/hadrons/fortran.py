"""Event generators in Fortran, as the package chromo compiles them: loaded once, silent, keyed.

chromo (Dembinski, Fedynitch, Prosekin, PoS(ICRC2023) 189, doi:10.22323/1.444.0189) wraps the
generators' subroutines and common blocks. Its own classes make an event record of every event; here
the subroutines are called and the common blocks read directly, which takes a tenth of the time.
All random numbers of its Fortran come from the bit generator of numpy whose address a common block
holds, normal deviates by the ziggurat of numpy: nothing is kept from one number to the next.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import tempfile
from functools import cache
from types import ModuleType

import numpy as np

__all__ = ["draw_from", "load_library"]

STANDARD_OUTPUT = 6
# Numbers by which chromo's Fortran knows the kind of a bit generator.
_BIT_GENERATORS = {"PCG64": 1, "PCG64DXSM": 1, "MT19937": 3, "Philox": 4, "SFC64": 5}


def draw_from(library: ModuleType, generator: np.random.Generator) -> None:
    """Make a generator the source of a library's random numbers.

    Parameters
    ----------
    library : module
        Extension module of chromo.
    generator : numpy.random.Generator
        Must outlive the calls that follow.
    """
    bits = generator.bit_generator
    library.npy.bitgen = bits.ctypes.bit_generator.value
    library.npy.gen_id = _BIT_GENERATORS.get(type(bits).__name__, 0)


@cache
def load_library(name: str) -> ModuleType:
    """Extension module of chromo, its Fortran's standard output sent to nowhere.

    Parameters
    ----------
    name : str
        Name below ``chromo.models``, such as ``_sib23d``.

    Returns
    -------
    module
        Not initialised.
    """
    library = importlib.import_module(f"chromo.models.{name}")
    # The runtime library has its own buffer: file descriptors alone would not do.
    library.chromo_openlogfile(os.devnull, STANDARD_OUTPUT)
    return library


@contextlib.contextmanager
def in_empty_folder():
    """Work in an empty folder: for initialisations that look for files, and leave some."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield
