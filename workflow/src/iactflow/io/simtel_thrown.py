"""What was thrown in a run of sim_telarray, counted while its file is read.

The list of showers and re-uses in the file tells, where it is complete; else the histogram at its
end; else the header. Bins are those of all our productions: tenths of a decade of the energy, and
for diffuse particles tenths of the view cone. Light sources and noise alone are showers of 0 TeV,
which are counted but fall into no bin.
"""

from __future__ import annotations

import math

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.io.simtel_run import EVENT_HISTOGRAMS

__all__ = ["Thrown"]

BINS_PER_DECADE, VIEWCONE_BINS = 10, 10


class Thrown:
    """What was thrown in a run: counted while its events are read.

    Parameters
    ----------
    run, simulation : dict
        Headers.
    """

    def __init__(self, run: dict, simulation: dict):
        self.run, self.simulation = run, simulation
        self.bins: dict[tuple[int, int, int], int] = {}
        self.histograms: dict = {}
        self.n_events = self.n_showers = self.n_triggered = 0
        self.first = self.last = self.particle = None
        self.key = None

    def add_shower(self, shower: dict) -> None:
        """Count a shower; its events follow.

        Parameters
        ----------
        shower : dict
            As of `read_shower`.
        """
        angle, energy_tev = 0, shower["true_energy_tev"]
        if self._diffuse:
            azimuth, altitude = np.degrees(self.run["direction"])
            offset = separation_deg(
                azimuth, altitude, shower["true_az_deg"], shower["true_alt_deg"]
            )
            width = self.simulation["viewcone"][1] / VIEWCONE_BINS
            angle = min(int(offset / width), VIEWCONE_BINS - 1)
        number = shower["shower_id"]
        self.key = None
        if energy_tev > 0.0:
            energy = math.floor(math.log10(energy_tev) * BINS_PER_DECADE + 1e-9)
            self.key = shower["particle_id"], energy, angle
        self.first = number if self.first is None else min(self.first, number)
        self.last = number if self.last is None else max(self.last, number)
        self.particle = shower["particle_id"] if self.particle is None else self.particle
        self.n_showers += 1

    def add_event(self) -> None:
        """Count an event of the shower that came last."""
        if self.key is not None:
            self.bins[self.key] = self.bins.get(self.key, 0) + 1
        self.n_events += 1

    @property
    def _diffuse(self):
        return self.simulation["viewcone"][1] > 0.0

    def tables(self) -> dict[str, dict]:
        """Rows of ``simulation_runs`` and ``thrown_events``.

        Returns
        -------
        dict of str to dict of str to list
            Columns by table. Events are those that the file lists, if these are all; else those
            of its histogram; without one, those that its header announces along its power law.
        """
        entries = max((h[0] for h in self.histograms.values()), default=0)
        reuse = self.simulation["n_use"]
        announced = self.simulation["n_showers"] * reuse
        if self._lists_all(entries, announced):
            if self.n_showers and self.n_events % self.n_showers == 0:
                reuse = self.n_events // self.n_showers
            first, last = self.first or 0, self.last or 0
            run = self._run_row(self.n_showers, reuse, first, last)
            return {"simulation_runs": run, "thrown_events": self._thrown_rows(self.bins)}
        n_showers = entries // reuse if entries and reuse else self.simulation["n_showers"]
        first, last = min(self.first or 1, 1), max(self.last or 0, n_showers)
        bins = self._spread(self._of_histogram() if entries else self._of_header(announced))
        run = self._run_row(n_showers, reuse, first, last)
        return {"simulation_runs": run, "thrown_events": self._thrown_rows(bins)}

    def _lists_all(self, entries, announced):
        """Whether the file lists all events, not only those that triggered.

        The histogram tells; in a file without one, numbers without gaps and events that did not
        trigger do.
        """
        if entries or self.n_events >= announced:
            return self.n_events >= entries
        gapless = self.n_showers and self.last - self.first + 1 == self.n_showers
        whole = self.n_events == self.n_showers * self.simulation["n_use"]
        return bool(gapless and whole and self.n_triggered < self.n_events)

    def _of_histogram(self):
        """Events of tenths of a decade, from the file's histogram."""
        number = next(n for n in EVENT_HISTOGRAMS if n in self.histograms)
        entries, edges, counts = self.histograms[number]
        middles = 0.5 * (edges[1:] + edges[:-1])
        bins = np.floor(middles * BINS_PER_DECADE + 1e-9).astype(int)
        return entries, {b: counts[bins == b].sum() for b in np.unique(bins[counts > 0]).tolist()}

    def _of_header(self, n):
        """Events of tenths of a decade along the power law of the header."""
        low, high = self.simulation["energy"]
        if not low > 0.0:
            return n, {}
        first = math.floor(math.log10(low) * BINS_PER_DECADE + 1e-9)
        if high <= low * 1.0001:
            return n, {first: 1.0}
        last = math.ceil(math.log10(high) * BINS_PER_DECADE - 1e-6)
        edges = np.clip(10.0 ** (np.arange(first, last + 1) / BINS_PER_DECADE), low, high)
        power = 1.0 + self.simulation["index"]
        integral = np.log(edges) if abs(power) < 1e-6 else edges**power / power
        return n, dict(zip(range(first, last), np.diff(integral).tolist(), strict=True))

    def _spread(self, counted):
        """Whole events that sum to all, over energies and, of diffuse particles, solid angle."""
        total, energies = counted
        low, high = self.simulation["viewcone"]
        edges = np.linspace(0.0, high, VIEWCONE_BINS + 1) if self._diffuse else np.zeros(2)
        parts = -np.diff(np.cos(np.radians(np.maximum(edges, low)))) if self._diffuse else [1.0]
        cells = {(e, a): w * p for e, w in energies.items() for a, p in enumerate(parts)}
        weights = np.array(list(cells.values()))
        if not np.any(weights > 0.0):
            return {}
        # Rounding the sums from the lowest energy on keeps them within half an event.
        sums = np.cumsum(weights) * (total / weights.sum())
        whole = np.diff(np.round(sums).astype(np.int64), prepend=0)
        particle = self.particle or 0
        keys = [(particle, *cell) for cell in cells]
        return {key: n for key, n in zip(keys, whole.tolist(), strict=True) if n}

    def _run_row(self, n_showers, reuse, first, last):
        simulation, run = self.simulation, self.run
        azimuth, altitude = np.degrees(run["direction"]) if not run["tracks"] else (math.nan,) * 2
        return {
            "obs_id": [run["run"]],
            "particle_id": [self.particle or 0],
            "shower_id_min": [first],
            "shower_id_max": [last],
            "n_showers": [n_showers],
            "shower_reuse": [reuse],
            "energy_range_min_tev": [simulation["energy"][0]],
            "energy_range_max_tev": [simulation["energy"][1]],
            "spectral_index": [simulation["index"]],
            "pointing_alt_deg": [float(altitude)],
            "pointing_az_deg": [float(azimuth)],
            "min_viewcone_radius_deg": [simulation["viewcone"][0]],
            "max_viewcone_radius_deg": [simulation["viewcone"][1]],
            "min_scatter_range_m": [simulation["core"][0]],
            "max_scatter_range_m": [simulation["core"][1]],
            "observation_level_m": [simulation["height_m"]],
            "wavelength_min_nm": [simulation["wavelength"][0]],
            "wavelength_max_nm": [simulation["wavelength"][1]],
            "seed": [0],
        }

    def _thrown_rows(self, bins):
        rows = sorted(bins.items())
        energies = np.array([key[1] for key, _ in rows], dtype=np.float64)
        angles = np.array([key[2] for key, _ in rows], dtype=np.float64)
        width = self.simulation["viewcone"][1] / VIEWCONE_BINS
        lowest, highest = angles * width, (angles + 1.0) * width
        if not self._diffuse:
            lowest = highest = np.full(len(rows), self._offset_deg())
        return {
            "obs_id": [self.run["run"]] * len(rows),
            "particle_id": [key[0] for key, _ in rows],
            "energy_min_tev": (10.0 ** (energies / BINS_PER_DECADE)).tolist(),
            "energy_max_tev": (10.0 ** ((energies + 1) / BINS_PER_DECADE)).tolist(),
            "viewcone_min_deg": lowest.tolist(),
            "viewcone_max_deg": highest.tolist(),
            "n_thrown": [n for _, n in rows],
        }

    def _offset_deg(self):
        """Angle of a point source from the pointing."""
        if self.run["tracks"]:
            return 0.0
        azimuth, altitude = np.degrees(self.run["direction"])
        source = np.degrees([self.simulation["az"][0], self.simulation["alt"][0]])
        # Single precision of the angles, not an offset.
        offset = float(separation_deg(azimuth, altitude, *source))
        return offset if offset > 1e-4 else 0.0
