"""Keys of the block ``storage``: raw data and products that lie at sites, frozen productions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from iactflow.campaign.schema_base import Block, Name

__all__ = ["Storage", "StoredInputs", "StoredOutputs"]

Folder = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")
]


class StoredInputs(Block):
    """Raw data at storage elements, known from a catalogue."""

    storage_elements: list[Name] = Field(
        min_length=1,
        description="where replicas lie; the first is preferred, the others stand in for it",
    )
    folder: Folder = Field(description="their folder below the base path of every storage element")
    catalogue: str = Field(
        min_length=1,
        description="table of the files in it, relative to the campaign file: tab-separated "
        "columns file, size_bytes, adler32",
    )

    @model_validator(mode="after")
    def _each_once(self):
        names = self.storage_elements
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise ValueError(f"storage_elements: {double} stands twice")
        return self


class StoredOutputs(Block):
    """Products that are stored at a site instead of the working folder."""

    storage_element: Name = Field(description="where they go")
    folder: Folder = Field(description="folder below its base path; results/ goes into it")
    products: list[Literal["photons", "simulations"]] = Field(
        ["simulations"],
        min_length=1,
        description="photons: those kept at the telescopes; simulations: raw data of productions",
    )


class Storage(Block):
    """What lies at computing sites, behind XRootD, and productions that are read, not simulated."""

    sites: str = Field(
        "config/sites.yaml",
        min_length=1,
        description="file of computing sites; one beside the campaign file goes first",
    )
    inputs: StoredInputs | None = Field(
        None, description="raw data that the patterns of events.<name>.files are held against first"
    )
    outputs: StoredOutputs | None = Field(None, description="products that are stored at a site")
    frozen: dict[Name, str] = Field(
        {},
        description="manifests by production, as iactflow freeze writes them, relative to the "
        "campaign file: these productions are read from where their manifest says, never simulated",
    )

    @model_validator(mode="after")
    def _something_lies_there(self):
        if self.inputs is None and self.outputs is None and not self.frozen:
            raise ValueError("give inputs, outputs or frozen")
        return self
