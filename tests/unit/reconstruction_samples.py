"""A reader of invented events: straight tracks of light through two kinds of small cameras."""

from __future__ import annotations

import numpy as np

from iactflow.errors import InputError
from iactflow.io.batches import CameraBatch, Coefficients, EventBatch
from iactflow.io.subarray import Camera, Subarray, TelescopeType

TEL_IDS = np.array([1, 2, 3, 5])
POSITIONS_M = np.array([[60.0, 0, 0], [0, 60.0, 0], [-60.0, 0, 0], [0, -60.0, 0]])
POINTING = (70.0, 180.0)
FOCAL_M = 10.0


def square_camera(n_side: int, n_samples: int) -> Camera:
    """Camera of square pixels, a quarter of a degree wide."""
    step_m = np.radians(0.25) * FOCAL_M
    axis = (np.arange(n_side) - (n_side - 1) / 2) * step_m
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis, indexing="ij"))
    pulse = np.exp(-0.5 * ((np.arange(20) - 10) / 1.5) ** 2)[None, :]
    return Camera(
        name=f"square-{n_side}",
        pixel_x_m=x,
        pixel_y_m=y,
        pixel_area_m2=np.full(len(x), step_m**2),
        pixel_shape="square",
        pixel_rotation_deg=0.0,
        n_channels=1,
        n_samples=n_samples,
        sampling_rate_ghz=np.nan if n_samples == 1 else 1.0,
        pulse=np.empty((1, 0)) if n_samples == 1 else pulse,
        pulse_step_ns=1.0,
    )


def subarray() -> Subarray:
    """Four telescopes of two types: one sends charges, one waveforms."""
    cameras = (square_camera(16, 1), square_camera(20, 30))
    types = tuple(
        TelescopeType(name, camera, FOCAL_M, FOCAL_M, 100.0)
        for name, camera in zip(("charges", "waveforms"), cameras, strict=True)
    )
    type_index = np.array([0, 0, 1, 1])
    return Subarray("cross", TEL_IDS, POSITIONS_M, types, type_index, 1800.0, np.nan, np.nan)


def image_of(kind: TelescopeType, centre_deg: tuple[float, float], angle_deg: float, size: float):
    """Gaussian ellipse (0.4 by 0.15 deg), in photoelectrons."""
    dx = kind.pixel_lon_deg - centre_deg[0]
    dy = kind.pixel_lat_deg - centre_deg[1]
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    along, across = c * dx + s * dy, c * dy - s * dx
    shape = np.exp(-0.5 * ((along / 0.4) ** 2 + (across / 0.15) ** 2))
    return size * shape / shape.sum()


def coefficients_of(camera: Camera) -> Coefficients:
    """One count per photoelectron above a pedestal of 100 counts."""
    shape = (1, camera.n_pixels)
    return Coefficients(
        np.full(shape, 100.0, np.float32),
        np.full(shape, 1.0 if camera.n_samples == 1 else 0.1, np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, bool),
        np.ones(shape, np.float32),
    )


class FakeReader:
    """Events whose images point at the camera's centre, the core being at the array's.

    Parameters
    ----------
    n_events : int
        Events; every fifth has no telescope.
    batch_size : int
        Events in a batch.
    is_simulation : bool
        Whether there is truth.
    cut_after : int, optional
        Batches after which the file turns out to be cut.
    """

    def __init__(self, n_events=12, batch_size=5, is_simulation=True, cut_after=None):
        self.n_events, self.batch_size, self.cut_after = n_events, batch_size, cut_after
        self.is_simulation, self.subarray = is_simulation, subarray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def batches(self):
        for i, start in enumerate(range(0, self.n_events, self.batch_size)):
            if i == self.cut_after:
                raise InputError("fake.simtel", "byte 100", "cut", "a whole file")
            yield self._batch(np.arange(start, min(start + self.batch_size, self.n_events)))

    def _batch(self, events: np.ndarray) -> EventBatch:
        array = self.subarray
        seen = np.flatnonzero(events % 5 != 4)
        cameras = tuple(self._camera(i, events, seen) for i in range(len(array.types)) if len(seen))
        n = len(events)
        known = {i: coefficients_of(array.telescope_type(i).camera) for i in TEL_IDS.tolist()}
        return EventBatch(
            obs_id=np.full(n, 7),
            event_id=100 * (events + 1),
            time_s=np.full(n, 1_000_000_000) + events,
            time_qns=np.zeros(n, np.uint32),
            event_type=np.full(n, 32, np.uint8),
            pointing_alt_deg=np.full(n, POINTING[0]),
            pointing_az_deg=np.full(n, POINTING[1]),
            cameras=cameras,
            coefficients=known,
            truth=self._truth(events) if self.is_simulation else {},
        )

    def _camera(self, index: int, events: np.ndarray, seen: np.ndarray) -> CameraBatch:
        kind = self.subarray.types[index]
        tel_ids = TEL_IDS[self.subarray.type_index == index]
        camera = kind.camera
        event_index, tel_id = (
            values.ravel() for values in np.meshgrid(seen, tel_ids, indexing="ij")
        )
        images = []
        for event, tel in zip(events[event_index], tel_id, strict=True):
            # A core at the centre: the image lies on the far side of the telescope's position.
            x, y, _ = POSITIONS_M[tel == TEL_IDS][0]
            angle = np.degrees(np.arctan2(x * np.sin(np.radians(POINTING[0])), y))
            centre = tuple(np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]))
            images.append(image_of(kind, centre, angle, 300.0 + 40.0 * event))
        pulse = np.ones(1) if camera.n_samples == 1 else np.eye(camera.n_samples)[12] * 10.0
        counts = np.round(np.array(images)[:, None, :, None] * pulse + 100.0)
        n = len(tel_id)
        return CameraBatch(
            type_index=index,
            event_index=event_index,
            tel_id=tel_id,
            adc=counts.astype(np.uint16),
            read_out=None,
            pointing_alt_deg=np.full(n, POINTING[0]),
            pointing_az_deg=np.full(n, POINTING[1]),
            time_offset_ns=np.zeros(n),
            true_image=np.round(images).astype(np.int32) if self.is_simulation else None,
        )

    @staticmethod
    def _truth(events: np.ndarray) -> dict[str, np.ndarray]:
        n = len(events)
        numbers = {
            "true_energy_tev": 1.0 + 0.1 * events,
            "true_alt_deg": np.full(n, POINTING[0]),
            "true_az_deg": np.full(n, POINTING[1]),
            "true_h_first_int_m": np.full(n, 2e4, np.float32),
            "true_x_max_g_cm2": np.full(n, 300.0, np.float32),
            "true_core_x_m": np.zeros(n),
            "true_core_y_m": np.zeros(n),
        }
        labels = {"shower_id": events + 1, "reuse_id": np.zeros(n, np.int32)}
        return {**labels, "particle_id": np.ones(n, np.int32), **numbers}

    def run_tables(self):
        if not self.is_simulation:
            return {}
        run = {"obs_id": np.array([7]), "particle_id": np.array([1], np.int32)}
        one = {
            **run,
            "shower_id_min": np.array([1]),
            "shower_id_max": np.array([self.n_events]),
            "n_showers": np.array([self.n_events]),
            "shower_reuse": np.array([1], np.int32),
            "energy_range_min_tev": np.array([0.1]),
            "energy_range_max_tev": np.array([10.0]),
            "spectral_index": np.array([-2.0]),
            "pointing_alt_deg": np.array([POINTING[0]]),
            "pointing_az_deg": np.array([POINTING[1]]),
            "min_viewcone_radius_deg": np.array([0.0]),
            "max_viewcone_radius_deg": np.array([0.0]),
            "min_scatter_range_m": np.array([0.0]),
            "max_scatter_range_m": np.array([0.0]),
            "observation_level_m": np.array([1800.0]),
            "wavelength_min_nm": np.array([300.0], np.float32),
            "wavelength_max_nm": np.array([600.0], np.float32),
            "seed": np.array([1], np.uint64),
        }
        thrown = {
            **run,
            "energy_min_tev": np.array([0.1]),
            "energy_max_tev": np.array([10.0]),
            "viewcone_min_deg": np.array([0.0]),
            "viewcone_max_deg": np.array([0.0]),
            "n_thrown": np.array([self.n_events]),
        }
        return {"simulation_runs": one, "thrown_events": thrown}
