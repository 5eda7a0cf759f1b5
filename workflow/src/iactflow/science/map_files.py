"""Files of sky maps: the sums of a chunk of runs, and the finished map.

FITS (version 4.0, Pence et al. 2010, A&A 524, A42) with world coordinates (Calabretta & Greisen
2002, A&A 395, 1077) in every image.
"""

from __future__ import annotations

import numpy as np
from astropy.io import fits

from iactflow.errors import InputError
from iactflow.science.map_products import UNITS, SkyMap
from iactflow.science.maps import PSF_RADIUS_DEG, MapDefinition, MapSums

__all__ = ["read_sums", "write_sky_map", "write_sums"]

_RUN_COLUMNS = {
    "obs_id": ("K", None),
    "status": ("32A", None),
    "fov_norm": ("D", None),
    "n_events": ("K", None),
    "n_target_events": ("K", None),
    "livetime_s": ("D", "s"),
}
_COUNTED = ("n_on", "n_off", "n_runs")
_COMMENTS = {
    "COUNTS": "Events per pixel",
    "N_ON": "Events in the correlation disc",
    "ACCEPTANCE": "Expected background per pixel, field-of-view models scaled per run",
    "BACKGROUND": "Expected background in the correlation disc, ALPHA x N_OFF",
    "N_OFF": "Events in the rings, summed over runs",
    "ALPHA": "Acceptance of the correlation disc over that of the rings",
    "EXCESS": "N_ON - BACKGROUND",
    "SIGNIFICANCE": "Li & Ma 1983 eq. 17, signed",
    "EXPOSURE": "Effective area x livetime, averaged over a power law in the band",
    "FLUX": "Integral flux in the band of the excess in the correlation disc",
    "EXCLUSION": "1: outside exclusion regions, 0: inside",
}


def write_sums(path, definition: MapDefinition, sums: MapSums) -> None:
    """Write the sums over a chunk of runs.

    Parameters
    ----------
    path : str or Path
        FITS file.
    definition : MapDefinition
        The map.
    sums : MapSums
        Its sums.
    """
    hdus = [fits.PrimaryHDU(header=_primary_header(definition))]
    for name in MapSums.IMAGES:
        image = getattr(sums, name)
        image = image.astype(np.int64) if name in _COUNTED else image
        hdus.append(fits.ImageHDU(image, _image_header(definition), name=name.upper()))
    hdus.append(_run_table(sums.runs))
    columns = [
        fits.Column("RADIUS", "D", unit="deg", array=PSF_RADIUS_DEG),
        fits.Column("CONTAINED", "D", unit="m2 s", array=sums.contained_m2_s),
    ]
    hdus.append(fits.BinTableHDU.from_columns(columns, name="CONTAINMENT"))
    fits.HDUList(hdus).writeto(path, overwrite=True)


def read_sums(path, definition: MapDefinition) -> MapSums:
    """Read the sums over a chunk of runs.

    Parameters
    ----------
    path : str or Path
        FITS file that `write_sums` wrote.
    definition : MapDefinition
        The map that it must belong to.

    Returns
    -------
    MapSums
        Its sums.

    Raises
    ------
    InputError
        When the file is unreadable, lacks an extension, or belongs to another map.
    """
    try:
        with fits.open(path, memmap=False) as hdus:
            _check(path, hdus, definition)
            images = [hdus[name.upper()].data.astype(np.float64) for name in MapSums.IMAGES]
            contained = hdus["CONTAINMENT"].data["CONTAINED"].astype(np.float64)
            return MapSums(*images, contained, _read_runs(hdus["RUNS"].data))
    except (OSError, KeyError) as error:
        allowed = "the sums of a chunk of runs in FITS"
        raise InputError(path, "file", " ".join(str(error).split()), allowed) from error


def _check(path, hdus, definition):
    """Refuse the sums of another map: adding them would give a map of nothing."""
    found = hdus[0].header
    for key, wanted in _primary_header(definition).items():
        if found.get(key) != wanted:
            raise InputError(path, key, found.get(key), f"{wanted!r}, as the campaign has it")
    for name in MapSums.IMAGES:
        header = hdus[name.upper()].header
        for key, wanted in definition.geometry.header().items():
            if header.get(key) != wanted:
                raise InputError(path, key, header.get(key), f"{wanted!r}, as the campaign has it")
        if hdus[name.upper()].data.shape != (definition.geometry.n_pixels,) * 2:
            raise InputError(
                path, name.upper(), hdus[name.upper()].data.shape, "the campaign's map size"
            )


def write_sky_map(path, sky_map: SkyMap) -> None:
    """Write a finished map: one image extension a quantity, and the table RUNS.

    Parameters
    ----------
    path : str or Path
        FITS file.
    sky_map : SkyMap
        The map.
    """
    definition = sky_map.definition
    primary = _primary_header(definition)
    if np.isfinite(sky_map.psf68_deg):
        primary["PSF68"] = (sky_map.psf68_deg, "[deg] 68 % containment radius at the map centre")
    hdus = [fits.PrimaryHDU(header=primary)]
    for name, unit in UNITS.items():
        image = sky_map.images[name]
        header = _image_header(definition)
        if unit:
            header["BUNIT"] = unit
        header["COMMENT"] = _COMMENTS[name]
        image = image.astype(np.int64) if name in ("COUNTS", "N_OFF") else image
        hdus.append(fits.ImageHDU(image, header, name=name))
    hdus.append(_run_table(sky_map.runs))
    fits.HDUList(hdus).writeto(path, overwrite=True)


def _image_header(definition):
    header = fits.Header(definition.geometry.header())
    header["E_MIN"] = (definition.energy_min_tev, "[TeV] lower edge of the band")
    header["E_MAX"] = (definition.energy_max_tev, "[TeV] upper edge of the band")
    return header


def _primary_header(definition):
    ring = definition.ring
    header = fits.Header()
    header["BAND"] = (definition.band, "energy band, TeV")
    header["E_MIN"] = (definition.energy_min_tev, "[TeV] lower edge of the band")
    header["E_MAX"] = (definition.energy_max_tev, "[TeV] upper edge of the band")
    header["OFFMAX"] = (definition.offset_max_deg, "[deg] largest offset from the pointing")
    header["CORRRAD"] = (definition.correlation_radius_deg, "[deg] correlation radius")
    header["INDEX"] = (definition.spectral_index, "index of the power law of the exposure")
    header["RINNER"] = (ring["inner_radius_deg"], "[deg] inner radius of the ring")
    header["RWIDTH"] = (ring["width_deg"], "[deg] width of the ring")
    header["RADAPT"] = (ring["adaptive"], "does the ring grow next to exclusion regions")
    header["RINNMAX"] = (ring["inner_radius_max_deg"], "[deg] largest inner radius, if it grows")
    header["RMINAREA"] = (ring["min_area_fraction"], "area of the ring to be kept, if it grows")
    header["ONRAD"] = (definition.on_radius_deg, "[deg] circle of the target, for N_TARGET_EVENTS")
    header["RA_OBJ"] = (definition.target_ra_deg, "[deg] right ascension of the target")
    header["DEC_OBJ"] = (definition.target_dec_deg, "[deg] declination of the target")
    header["NEXCL"] = (len(definition.exclusion), "number of exclusion regions")
    for index, circle in enumerate(definition.exclusion, start=1):
        header[f"EXCLRA{index}"] = (circle["ra_deg"], "[deg] exclusion region")
        header[f"EXCLDE{index}"] = (circle["dec_deg"], "[deg] exclusion region")
        header[f"EXCLRD{index}"] = (circle["radius_deg"], "[deg] exclusion region")
    return header


def _run_table(runs):
    columns = [
        fits.Column(name.upper(), form, unit=unit, array=np.array([run[name] for run in runs]))
        for name, (form, unit) in _RUN_COLUMNS.items()
    ]
    return fits.BinTableHDU.from_columns(columns, nrows=len(runs), name="RUNS")


def _read_runs(table):
    columns = {name: table[name.upper()].tolist() for name in _RUN_COLUMNS}
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
