"""From photons at a telescope to raw camera data: optics, camera, read-out, trigger."""
