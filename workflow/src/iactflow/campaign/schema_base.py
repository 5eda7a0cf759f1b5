"""What all blocks of the campaign file share: strictness, names, directions, axes, times."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z0-9][a-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME, description="lower-case letters, digits, '-' and '_'")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
RightAscension = Annotated[float, Field(ge=0, lt=360, description="right ascension, ICRS, deg")]
Declination = Annotated[float, Field(ge=-90, le=90, description="declination, ICRS, deg")]


class Block(BaseModel):
    """A block of the campaign file: unknown keys are errors, numbers are never strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="after")
    def _ranges_ascend(self):
        for lower in type(self).model_fields:
            if "_min_" not in lower:
                continue
            upper = lower.replace("_min_", "_max_")
            low, high = getattr(self, lower), getattr(self, upper, None)
            if low is not None and high is not None and low >= high:
                raise ValueError(f"{lower} ({low:g}) must be below {upper} ({high:g})")
        return self


class Position(Block):
    """A direction on the sky."""

    ra_deg: RightAscension = Field(description="right ascension, ICRS, deg")
    dec_deg: Declination = Field(description="declination, ICRS, deg")


class Circle(Position):
    """A circular region on the sky."""

    radius_deg: Positive = Field(description="radius, deg")


class EnergyAxis(Block):
    """Logarithmic energy bins."""

    energy_min_tev: Positive = Field(description="lower edge of the first bin, TeV")
    energy_max_tev: Positive = Field(description="upper edge of the last bin, TeV")
    n_bins: int = Field(gt=0, le=2000, description="number of bins, equal in log energy")


class SafeRange(Block):
    """Which energies of a run are used; the conditions are combined."""

    file_threshold: bool = Field(
        True, description="energies inside LO_THRES and HI_THRES of the run's AEFF table"
    )
    effective_area_min_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="energies above the one where the effective area reaches this fraction of its "
        "maximum at the source's offset; 0 switches the condition off",
    )


def check_time(key: str, value: str | None) -> None:
    """Refuse a time that is no UTC time in ISO 8601.

    Parameters
    ----------
    key : str
        Named in the error.
    value : str or None
        The time; None is none to check.

    Raises
    ------
    ValueError
        If it cannot be read, or names a zone. pydantic turns it into an error of the block.
    """
    if value is None:
        return
    try:
        time = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{key}: {value!r} is no ISO 8601 time ({error})") from None
    if time.tzinfo is not None:
        raise ValueError(f"{key}: {value!r}: times are UTC, write them without a zone")


def check_edges(name: str, edges: list[float]) -> None:
    """Refuse edges that are one alone, or do not ascend.

    Parameters
    ----------
    name : str
        Key, named in the error.
    edges : list of float
        Edges of adjacent bands; empty: one band.

    Raises
    ------
    ValueError
        If they cannot be used. pydantic turns it into an error of the block.
    """
    ascending = all(a < b for a, b in itertools.pairwise(edges))
    if len(edges) == 1 or not ascending:
        raise ValueError(f"{name} {edges}: give two or more ascending edges, or none for one band")
