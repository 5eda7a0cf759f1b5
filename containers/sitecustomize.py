"""Imported by every Python of the image: only what is in the image can be imported.

Snakemake binds the launching side's Python path into the container and appends it to ``sys.path``
of a script. A package that the image lacks would silently be taken from there, and an optional
one would change what runs from one host to the next.
"""

import sys


class _Nothing:
    """Finder of a folder in which nothing is found."""

    @staticmethod
    def find_spec(name, target=None):
        """Find nothing."""
        return None


def _hide(path):
    """Return the finder of a path of the launching side; refuse to know any other path."""
    if path.startswith("/mnt/snakemake_searchpaths/"):
        return _Nothing
    raise ImportError(path)


sys.path_hooks.insert(0, _hide)
