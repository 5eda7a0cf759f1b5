"""Block of event lists that are made of reconstructed data."""

from __future__ import annotations

from pydantic import Field

from iactflow.campaign.schema_base import Block, Name, Positive

__all__ = ["EventLists"]


class EventLists(Block):
    """DL3 event lists of reconstructed data: cuts, directions on the sky, live time, responses."""

    samples: list[Name] = Field(min_length=1, description="samples of the role data, on the sky")
    target_name: str = Field("unknown", min_length=1, description="what the runs point near")
    telescope: str = Field("unknown", min_length=1, description="name of the array in headers")
    gap_max_s: Positive = Field(
        10.0, description="a longer time without any trigger ends a good time interval, s"
    )
    dead_time_per_event_s: float | None = Field(
        None, ge=0, description="dead time after a trigger, s; null: the least time between two"
    )
    pointing_age_max_s: Positive = Field(
        10.0, description="largest age of the pointing at an event, s"
    )
    pointing_spread_max_deg: Positive = Field(
        0.1, description="largest distance of pointings of a run from their mean on the sky, deg"
    )
    responses: list[str] = Field(
        [], description="GADF files of responses, by their conditions; none: the campaign's own"
    )
    responses_reach_deg: Positive = Field(
        5.0, description="how far runs may point beyond the outermost responses, deg"
    )
