"""A run in memory: events, good time intervals and responses, in float64 and named units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

__all__ = [
    "Background2D",
    "Background3D",
    "EffectiveArea",
    "EnergyDispersion",
    "Observation",
    "PointSpread",
    "PointSpread3Gauss",
    "PointSpreadKing",
    "RadMax",
]


class _WithOffsets:
    """Responses that are given at offsets: bin centres unless the file gives points."""

    def __post_init__(self):
        if self.offset_nodes_deg is None:
            centres = 0.5 * (self.offset_edges_deg[1:] + self.offset_edges_deg[:-1])
            object.__setattr__(self, "offset_nodes_deg", centres)


@dataclass(frozen=True)
class EffectiveArea(_WithOffsets):
    """Effective area against true energy and offset.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    offset_edges_deg : ndarray of shape (k + 1,)
        Edges in offset from the pointing, deg.
    area_m2 : ndarray of shape (k, m)
        Effective area, m2.
    lo_thres_tev, hi_thres_tev : float or None
        Safe energy range that the file states (LO_THRES, HI_THRES), TeV; None where it is silent.
    offset_nodes_deg : ndarray of shape (k,), optional
        Offsets that the values belong to, deg; default: the bin centres.
    """

    energy_edges_tev: np.ndarray
    offset_edges_deg: np.ndarray
    area_m2: np.ndarray
    lo_thres_tev: float | None = None
    hi_thres_tev: float | None = None
    offset_nodes_deg: np.ndarray | None = None


@dataclass(frozen=True)
class EnergyDispersion(_WithOffsets):
    """Probability density of the migration, reconstructed over true energy.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    migra_edges : ndarray of shape (j + 1,)
        Edges in migration.
    offset_edges_deg : ndarray of shape (k + 1,)
        Edges in offset, deg.
    matrix : ndarray of shape (k, j, m)
        Density per unit migration.
    offset_nodes_deg : ndarray of shape (k,), optional
        Offsets that the values belong to, deg; default: the bin centres.
    """

    energy_edges_tev: np.ndarray
    migra_edges: np.ndarray
    offset_edges_deg: np.ndarray
    matrix: np.ndarray
    offset_nodes_deg: np.ndarray | None = None


@dataclass(frozen=True)
class PointSpread(_WithOffsets):
    """Point spread function: radially symmetric density of the reconstructed direction.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    offset_edges_deg : ndarray of shape (k + 1,)
        Edges in offset, deg.
    rad_edges_deg : ndarray of shape (r + 1,)
        Edges in the distance from the true direction, deg.
    value_per_sr : ndarray of shape (r, k, m)
        Density, sr-1.
    offset_nodes_deg : ndarray of shape (k,), optional
        Offsets that the values belong to, deg; default: the bin centres.
    """

    energy_edges_tev: np.ndarray
    offset_edges_deg: np.ndarray
    rad_edges_deg: np.ndarray
    value_per_sr: np.ndarray
    offset_nodes_deg: np.ndarray | None = None


@dataclass(frozen=True)
class PointSpread3Gauss(_WithOffsets):
    """Point spread function as a sum of three Gaussians (PSF_3GAUSS).

    The density at the distance r is ``scale * (exp(-r^2 / (2 sigma_1^2)) + ampl_2 exp(-r^2 /
    (2 sigma_2^2)) + ampl_3 exp(-r^2 / (2 sigma_3^2)))``.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    offset_edges_deg : ndarray of shape (k + 1,)
        Edges in offset, deg.
    scale_per_sr : ndarray of shape (k, m)
        Density of the first Gaussian at its centre, sr-1.
    sigma_1_deg, sigma_2_deg, sigma_3_deg : ndarray of shape (k, m)
        Widths, deg; zero where there is no Gaussian.
    ampl_2, ampl_3 : ndarray of shape (k, m)
        Central densities of the others relative to the first.
    offset_nodes_deg : ndarray of shape (k,), optional
        Offsets that the values belong to, deg; default: the bin centres.
    """

    HDU_CLASS: ClassVar[str] = "PSF_3GAUSS"
    COLUMNS: ClassVar[dict[str, tuple[str, str]]] = {
        "scale_per_sr": ("SCALE", "sr-1"),
        "sigma_1_deg": ("SIGMA_1", "deg"),
        "ampl_2": ("AMPL_2", ""),
        "sigma_2_deg": ("SIGMA_2", "deg"),
        "ampl_3": ("AMPL_3", ""),
        "sigma_3_deg": ("SIGMA_3", "deg"),
    }

    energy_edges_tev: np.ndarray
    offset_edges_deg: np.ndarray
    scale_per_sr: np.ndarray
    sigma_1_deg: np.ndarray
    ampl_2: np.ndarray
    sigma_2_deg: np.ndarray
    ampl_3: np.ndarray
    sigma_3_deg: np.ndarray
    offset_nodes_deg: np.ndarray | None = None


@dataclass(frozen=True)
class PointSpreadKing(_WithOffsets):
    """Point spread function as a King profile (PSF_KING).

    The density at the distance r is ``(1 - 1 / gamma) / (2 pi sigma^2) * (1 + r^2 / (2 gamma
    sigma^2))^-gamma``.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    offset_edges_deg : ndarray of shape (k + 1,)
        Edges in offset, deg.
    gamma : ndarray of shape (k, m)
        Index, above 1; zero where there is no profile.
    sigma_deg : ndarray of shape (k, m)
        Width, deg; zero where there is no profile.
    offset_nodes_deg : ndarray of shape (k,), optional
        Offsets that the values belong to, deg; default: the bin centres.
    """

    HDU_CLASS: ClassVar[str] = "PSF_KING"
    COLUMNS: ClassVar[dict[str, tuple[str, str]]] = {
        "gamma": ("GAMMA", ""),
        "sigma_deg": ("SIGMA", "deg"),
    }

    energy_edges_tev: np.ndarray
    offset_edges_deg: np.ndarray
    gamma: np.ndarray
    sigma_deg: np.ndarray
    offset_nodes_deg: np.ndarray | None = None


@dataclass(frozen=True)
class RadMax(_WithOffsets):
    """Largest distance from the source of events of point-like responses (RAD_MAX_2D).

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges in reconstructed energy, TeV.
    offset_edges_deg : ndarray of shape (k + 1,)
        Edges in offset, deg.
    rad_max_deg : ndarray of shape (k, n)
        Largest distance, deg.
    offset_nodes_deg : ndarray of shape (k,), optional
        Offsets that the values belong to, deg; default: the bin centres.
    """

    energy_edges_tev: np.ndarray
    offset_edges_deg: np.ndarray
    rad_max_deg: np.ndarray
    offset_nodes_deg: np.ndarray | None = None


@dataclass(frozen=True)
class Background2D:
    """Rate of background events, symmetric around the pointing (BKG_2D).

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges in reconstructed energy, TeV.
    offset_edges_deg : ndarray of shape (k + 1,)
        Edges in offset from the pointing, deg.
    rate_per_s_mev_sr : ndarray of shape (n, k)
        Rate, s-1 MeV-1 sr-1.
    """

    energy_edges_tev: np.ndarray
    offset_edges_deg: np.ndarray
    rate_per_s_mev_sr: np.ndarray


@dataclass(frozen=True)
class Background3D:
    """Rate of background events in the field of view.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges in reconstructed energy, TeV.
    x_edges_deg, y_edges_deg : ndarray of shape (i + 1,), (j + 1,)
        Edges of the field-of-view coordinates DETX and DETY, deg.
    rate_per_s_mev_sr : ndarray of shape (n, j, i)
        Rate, s-1 MeV-1 sr-1.
    fov_alignment : {"RADEC", "ALTAZ"}
        Axes that DETX and DETY are parallel to; RADEC where the file is silent.
    """

    energy_edges_tev: np.ndarray
    x_edges_deg: np.ndarray
    y_edges_deg: np.ndarray
    rate_per_s_mev_sr: np.ndarray
    fov_alignment: str = "RADEC"


@dataclass(frozen=True)
class Observation:
    """One run: pointing, times, events, responses.

    Parameters
    ----------
    obs_id : int
        Number of the run.
    ra_pnt_deg, dec_pnt_deg, zenith_deg : float
        Pointing, ICRS, and its zenith angle, deg.
    livetime_s, ontime_s : float
        Sum of the good time intervals with and without the dead-time correction (DEADC), s.
    time_ref_mjd : float
        Reference of all times below, MJD in TT.
    time_system : str
        Time system of the file (TIMESYS).
    tstart_s, tstop_s : float
        Start and stop of the run, s since the reference.
    event_time_s, event_ra_deg, event_dec_deg, event_energy_tev : ndarray of shape (n,)
        Events as the file lists them; direction ICRS. Stop times may be rounded down (in H.E.S.S.
        DL3 DR1 to full seconds), so that some events follow the last good time interval by less
        than the rounding: they are real events of the run and are kept.
    gti_start_s, gti_stop_s : ndarray of shape (k,)
        Good time intervals, s since the reference.
    aeff, edisp, psf, bkg : EffectiveArea, EnergyDispersion, PointSpread, Background3D or None
        Responses; None when they were not asked for.
    """

    obs_id: int
    ra_pnt_deg: float
    dec_pnt_deg: float
    zenith_deg: float
    livetime_s: float
    ontime_s: float
    time_ref_mjd: float
    time_system: str
    tstart_s: float
    tstop_s: float
    event_time_s: np.ndarray
    event_ra_deg: np.ndarray
    event_dec_deg: np.ndarray
    event_energy_tev: np.ndarray
    gti_start_s: np.ndarray
    gti_stop_s: np.ndarray
    aeff: EffectiveArea | None = None
    edisp: EnergyDispersion | None = None
    psf: PointSpread | None = None
    bkg: Background3D | None = None
