"""Ring background of a sky map, with a fixed or an adaptive ring.

Berge, Funk & Hinton 2007, A&A 466, 1219, section 3.1 (ring around the trial position); the
adaptive ring of the H.E.S.S. Galactic Plane Survey (2018, A&A 612, A1, section 3.1) grows where
exclusion regions leave too little of it. Distances are counted in pixels of the tangent plane.
"""

from __future__ import annotations

import numpy as np

from iactflow.science import map_kernels as kernels

__all__ = ["RingBackground"]


class RingBackground:
    """Sums over the ring of every pixel.

    Parameters
    ----------
    ring : dict
        Keys of `iactflow.campaign.schema_products.Ring`.
    pixel_deg : float
        Pixel size, deg.
    source_free : ndarray of bool, shape (ny, nx)
        Pixels outside the exclusion regions.
    """

    def __init__(self, ring: dict, pixel_deg: float, source_free: np.ndarray) -> None:
        inner = ring["inner_radius_deg"] / pixel_deg
        width = ring["width_deg"] / pixel_deg
        self.rows = kernels.ring_rows(inner, inner + width)
        self.choice = None
        if ring["adaptive"]:
            widest = max(ring["inner_radius_max_deg"] / pixel_deg, inner)
            self._choose(inner, widest, width, ring["min_area_fraction"], source_free)

    def _choose(self, inner, widest, width, least, source_free):
        """Give each pixel the smallest ring that keeps enough of its area.

        The inner radius grows in steps of one pixel; where no ring keeps enough, the widest is
        taken.
        """
        radii = np.arange(inner, widest + 1e-9)
        rings = [kernels.ring_rows(radius, radius + width) for radius in radii]
        excluded = np.where(source_free, 0.0, 1.0)
        choice = np.full(source_free.shape, len(rings) - 1)
        for index in reversed(range(len(rings))):
            outer, hole = rings[index]
            area = np.sum(2 * outer + 1) - np.sum(2 * hole[hole >= 0] + 1)
            free = 1.0 - kernels.ring_sum(excluded, outer, hole) / area
            choice[free >= least] = index
        reach = rings[-1][0].size // 2
        padded = np.full((2, len(rings), 2 * reach + 1), -1)
        for index, pair in enumerate(rings):
            margin = reach - pair[0].size // 2
            for side, rows in enumerate(pair):
                padded[side, index, margin : margin + rows.size] = rows
        self.rows, self.choice = (padded[0], padded[1]), choice

    def sums(self, n_on, acceptance, window) -> tuple[np.ndarray, np.ndarray]:
        """Counts and acceptance in the ring of every pixel of a window.

        Parameters
        ----------
        n_on, acceptance : ndarray, shape (ky, kx)
            Counts and acceptance outside the exclusion regions.
        window : tuple of slice
            Rows and columns of the map that they stand for.

        Returns
        -------
        n_off, acceptance_off : ndarray, shape (ky, kx)
            Sums over the rings.
        """
        if self.choice is None:
            return tuple(kernels.ring_sum(image, *self.rows) for image in (n_on, acceptance))
        choice = np.ascontiguousarray(self.choice[window])
        return tuple(
            kernels.adaptive_ring_sum(image, *self.rows, choice) for image in (n_on, acceptance)
        )
