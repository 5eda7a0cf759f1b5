"""The one error that bad input raises."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    """Bad input: a configuration, file, run list or range that cannot be used.

    Its text is one line that names the file, the key, the value and what is allowed. Command
    lines and the Snakefile print it without a traceback and exit non-zero.

    Parameters
    ----------
    file : str or Path
        The file that holds the bad input.
    key : str
        The key, column, header keyword or HDU at fault.
    value : object
        What was found there.
    allowed : str
        What would have been accepted, for a human reader.
    """

    def __init__(self, file, key, value, allowed):
        self.file, self.key, self.value, self.allowed = str(file), str(key), value, str(allowed)
        super().__init__(f"{self.file}: {self.key}: got {value!r}; allowed: {self.allowed}")

    def __reduce__(self):
        return type(self), (self.file, self.key, self.value, self.allowed)
