"""Cuts on reconstructed events: shapes, gammaness, direction, multiplicity, by bands.

Named cuts are those of H.E.S.S. (Aharonian et al. 2006, A&A 457, 899, table 1) on mean scaled
width and length and on the squared distance from the source. The least size and the largest
distance of images that belong to them are settings of the reconstruction
(``reconstruction.stereo``), not cuts on events.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from iactflow.campaign.json_product import read_json
from iactflow.errors import InputError

__all__ = [
    "PRESETS",
    "CutBand",
    "Cuts",
    "band_places",
    "cuts_from_settings",
    "read_cuts",
    "select",
]

INFINITY = float("inf")
#: Largest zenith angle of the last band.
HORIZON_DEG = 90.0


@dataclass(frozen=True)
class CutBand:
    """Cuts in a band of reconstructed energy and zenith angle; None: no such cut.

    Parameters
    ----------
    energy_min_tev, energy_max_tev : float
        Band of the reconstructed energy, the upper edge not inside.
    zenith_min_deg, zenith_max_deg : float
        Band of the zenith angle of the pointing, the upper edge not inside.
    mean_scaled_width_min, mean_scaled_width_max : float or None
        Limits of the mean scaled width.
    mean_scaled_length_min, mean_scaled_length_max : float or None
        Limits of the mean scaled length.
    gammaness_min : float or None
        Least gammaness.
    theta2_max_deg2 : float or None
        Largest squared distance from the source, deg2.
    multiplicity_min : int or None
        Least number of telescopes.
    offset_max_deg : float or None
        Largest distance of the reconstructed direction from the pointing, deg.
    """

    energy_min_tev: float = 0.0
    energy_max_tev: float = INFINITY
    zenith_min_deg: float = 0.0
    zenith_max_deg: float = HORIZON_DEG
    mean_scaled_width_min: float | None = None
    mean_scaled_width_max: float | None = None
    mean_scaled_length_min: float | None = None
    mean_scaled_length_max: float | None = None
    gammaness_min: float | None = None
    theta2_max_deg2: float | None = None
    multiplicity_min: int | None = None
    offset_max_deg: float | None = None


#: Names of the cuts of a band, without its limits.
CUT_NAMES = tuple(field.name for field in fields(CutBand))[4:]
_SHAPES = {"mean_scaled_width_min": -2.0, "mean_scaled_length_min": -2.0}
_SHAPES["mean_scaled_length_max"] = 2.0
#: Named cuts of H.E.S.S.
PRESETS: dict[str, CutBand] = {
    "standard": CutBand(**_SHAPES, mean_scaled_width_max=0.9, theta2_max_deg2=0.0125),
    "hard": CutBand(**_SHAPES, mean_scaled_width_max=0.7, theta2_max_deg2=0.01),
    "loose": CutBand(**_SHAPES, mean_scaled_width_max=1.2, theta2_max_deg2=0.04),
}


@dataclass(frozen=True)
class Cuts:
    """Cuts of a campaign.

    Parameters
    ----------
    name : str
        Name: that of a preset, ``custom`` or ``optimised``.
    bands : tuple of CutBand
        Bands of zenith angle and, inside each, of energy, ascending without gaps. Events beyond
        the outermost take those of the nearest.
    """

    name: str
    bands: tuple[CutBand, ...]

    def __post_init__(self) -> None:
        """Check that the bands are ascending and without gaps."""
        zeniths = sorted({(b.zenith_min_deg, b.zenith_max_deg) for b in self.bands})
        groups = {zenith: [] for zenith in zeniths}
        for band in self.bands:
            zenith = band.zenith_min_deg, band.zenith_max_deg
            groups[zenith].append((band.energy_min_tev, band.energy_max_tev))
        for key, ranges in {"zenith_deg": zeniths, **groups}.items():
            ends = [ranges[0][0], *(high for _, high in ranges)] if ranges else []
            joined = ranges == list(itertools.pairwise(ends))
            if not ranges or not joined or any(low >= high for low, high in ranges):
                raise InputError("cuts", f"bands, {key}", ranges, "ascending bands without gaps")

    def as_dict(self) -> dict:
        """Cuts as plain values.

        Returns
        -------
        dict
            ``name`` and ``bands``, without open limits and cuts that are not set.
        """
        default = CutBand()
        return {
            "name": self.name,
            "bands": [
                {
                    field.name: getattr(band, field.name)
                    for field in fields(band)
                    if getattr(band, field.name) != getattr(default, field.name)
                }
                for band in self.bands
            ],
        }

    @classmethod
    def from_dict(cls, content: Mapping, file: str | Path = "cuts") -> Cuts:
        """Cuts from plain values.

        Parameters
        ----------
        content : mapping
            As of `as_dict`; other keys are passed over, those of bands too.
        file : str or Path, optional
            Named in errors.

        Returns
        -------
        Cuts
            Cuts.

        Raises
        ------
        InputError
            If a key is missing or bands do not ascend.
        """
        for key in ("name", "bands"):
            if key not in content:
                raise InputError(file, key, None, "name and bands")
        names = {field.name for field in fields(CutBand)}
        bands = [{k: v for k, v in band.items() if k in names} for band in content["bands"]]
        return cls(str(content["name"]), tuple(CutBand(**band) for band in bands))


def cuts_from_settings(settings: Mapping) -> Cuts:
    """Cuts of the block ``cuts`` of a campaign.

    Parameters
    ----------
    settings : mapping
        Keys of `iactflow.campaign.schema_cuts.Cuts`.

    Returns
    -------
    Cuts
        A preset, with what the block sets in its place; where it has bands, what these set in
        place of that.
    """
    preset = settings.get("preset")
    base = PRESETS[preset] if preset else CutBand()
    own = {k: settings[k] for k in CUT_NAMES if settings.get(k) is not None}
    base = replace(base, **own)
    bands = [
        replace(base, **{k: v for k, v in band.items() if v is not None})
        for band in settings.get("bands", [])
    ]
    order = sorted(bands, key=lambda band: (band.zenith_min_deg, band.energy_min_tev))
    changed = bool(own or bands)
    return Cuts("custom" if changed or not preset else preset, tuple(order or [base]))


def read_cuts(path: str | Path) -> Cuts:
    """Read the cuts of a campaign.

    Parameters
    ----------
    path : str or Path
        Product ``cuts.json`` of the rule ``optimise_cuts``.

    Returns
    -------
    Cuts
        Cuts.

    Raises
    ------
    InputError
        If the file is broken.
    """
    return Cuts.from_dict(read_json(path), path)


def band_places(cuts: Cuts, energy_tev: np.ndarray, zenith_deg: np.ndarray) -> np.ndarray:
    """Find the bands that events belong to.

    Parameters
    ----------
    cuts : Cuts
        Cuts.
    energy_tev, zenith_deg : ndarray of float64, shape (n,)
        Reconstructed energy; zenith angle of the pointing.

    Returns
    -------
    ndarray of int64, shape (n,)
        Places in ``cuts.bands``; the nearest for what lies beyond all.
    """
    place = np.zeros(len(energy_tev), dtype=np.int64)
    zeniths = sorted({(b.zenith_min_deg, b.zenith_max_deg) for b in cuts.bands})
    inner = np.array([high for _, high in zeniths[:-1]])
    at = np.searchsorted(inner, zenith_deg, side="right")
    for i, zenith in enumerate(zeniths):
        bands = [
            n for n, b in enumerate(cuts.bands) if (b.zenith_min_deg, b.zenith_max_deg) == zenith
        ]
        edges = np.array([cuts.bands[n].energy_max_tev for n in bands[:-1]])
        mine = at == i
        # NaN sorts behind all edges; its event fails below.
        place[mine] = np.array(bands)[np.searchsorted(edges, energy_tev[mine], side="right")]
    return place


def _limits(cuts: Cuts, name: str, place: np.ndarray, open_limit: float) -> np.ndarray | None:
    values = [getattr(band, name) for band in cuts.bands]
    if all(value is None for value in values):
        return None
    return np.array([open_limit if v is None else float(v) for v in values])[place]


def select(
    events: Mapping[str, np.ndarray],
    cuts: Cuts,
    zenith_deg: float | None = None,
    with_direction: bool = False,
) -> np.ndarray:
    """Events that pass cuts.

    Parameters
    ----------
    events : mapping of str to ndarray, each of shape (n,)
        ``is_valid``, ``energy_tev``, and what the cuts look at: ``mean_scaled_width``,
        ``mean_scaled_length``, ``gammaness``, ``multiplicity``, ``offset_deg``; with the cut on the
        direction ``theta_deg``; ``zenith_deg`` where cuts have bands of it.
    cuts : Cuts
        Cuts.
    zenith_deg : float, optional
        Zenith angle of the pointing of all events, in place of the column.
    with_direction : bool, optional
        Whether the cut on the distance from the source is made: for responses of point-like
        sources and for sensitivities, not for the acceptance of the whole field.

    Returns
    -------
    ndarray of bool, shape (n,)
        Valid events with an energy inside all limits; a quantity that is not a number fails.

    Raises
    ------
    InputError
        If a column is missing.
    """
    needed = {
        "mean_scaled_width_min": ("mean_scaled_width", -INFINITY),
        "mean_scaled_width_max": ("mean_scaled_width", INFINITY),
        "mean_scaled_length_min": ("mean_scaled_length", -INFINITY),
        "mean_scaled_length_max": ("mean_scaled_length", INFINITY),
        "gammaness_min": ("gammaness", -INFINITY),
        "multiplicity_min": ("multiplicity", -INFINITY),
        "offset_max_deg": ("offset_deg", INFINITY),
        **({"theta2_max_deg2": ("theta_deg", INFINITY)} if with_direction else {}),
    }

    def column(name):
        if name not in events:
            raise InputError("cuts", "events", f"no column {name}", "the columns that cuts need")
        return np.asarray(events[name])

    energy_tev = column("energy_tev")
    zenith = np.full(len(energy_tev), np.nan if zenith_deg is None else float(zenith_deg))
    if zenith_deg is None and len({b.zenith_min_deg for b in cuts.bands}) > 1:
        zenith = column("zenith_deg")
    place = band_places(cuts, energy_tev, zenith)
    passed = column("is_valid").astype(bool) & np.isfinite(energy_tev)
    for name, (quantity, open_limit) in needed.items():
        limit = _limits(cuts, name, place, open_limit)
        if limit is None:
            continue
        value = column(quantity) ** (2 if name == "theta2_max_deg2" else 1)
        # Comparisons with what is not a number are false: such events fail, where there is a cut.
        inside = value >= limit if open_limit < 0.0 else value <= limit
        passed &= inside | np.isinf(limit)
    return passed
