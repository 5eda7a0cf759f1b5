"""Light of a muon in a band of wavelengths (Frank & Tamm, C. R. Acad. Sci. URSS 14 (1937) 109)."""

from __future__ import annotations

from iactflow.errors import InputError
from iactflow.shower.air import FINE_STRUCTURE

__all__ = ["BAND_NM", "band_light", "convert_band"]

#: Band to which efficiencies refer unless another is given, as in ctapipe.
BAND_NM = (300.0, 600.0)


def band_light(band_nm: tuple[float, float]) -> float:
    """Light of a band: (alpha / 2) (1 / lambda_1 - 1 / lambda_2).

    Parameters
    ----------
    band_nm : tuple of two float
        Wavelengths.

    Returns
    -------
    float
        Photons per metre and radian of azimuth over sin(2 theta).

    Raises
    ------
    InputError
        If the band has no width.
    """
    low, high = band_nm
    if not 0.0 < low < high:
        raise InputError("muons", "band_nm", band_nm, "0 < lower < upper")
    return 0.5 * FINE_STRUCTURE * 1e9 * (1.0 / low - 1.0 / high)


def convert_band(efficiency, from_nm: tuple[float, float], to_nm: tuple[float, float]):
    """Refer the same photoelectrons to the photons of another band.

    Parameters
    ----------
    efficiency : float or ndarray
        Photoelectrons per photon of the first band.
    from_nm, to_nm : tuple of two float
        Bands.

    Returns
    -------
    float or ndarray
        Photoelectrons per photon of the second band.

    Raises
    ------
    InputError
        If a band has no width.
    """
    return efficiency * band_light(from_nm) / band_light(to_nm)
