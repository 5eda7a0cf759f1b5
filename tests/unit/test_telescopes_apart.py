"""What a telescope sees and records does not depend on which others take part."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from iactflow.campaign.schema_simulation import Cascade, Production
from iactflow.instrument.load import load_instrument
from iactflow.telescope.detector import EventKey
from iactflow.telescope.stages import setup as stage
from iactflow.telescope.stages.showers import simulate

RUN = 30
THROUGHPUTS = {1: 0.8, 2: 0.9, 3: 0.6, 4: 1.3}
SETTINGS = {
    "particle": "gamma",
    "observations": {"conditions": "runs.tsv"},
    "n_showers": 2,
    "energy_min_tev": 0.3,
    "energy_max_tev": 0.5,
    "offset_deg": 0.5,
    "core_radius_max_m": 100.0,
}


@pytest.fixture
def make_setup(request, tmp_path, monkeypatch):
    """Set-up of the telescopes that take part; the mirrors of the first end at 450 nm."""
    root = request.config.rootpath / "config"
    folders = (root / "instruments/hess1/2006", root / "atmospheres")
    files = [str(p) for f in folders for p in sorted(f.rglob("*")) if p.is_file()]
    hess = load_instrument(folders[0], check=False)
    first = hess.telescopes[0]
    curve = first.type.optics.reflectivity
    blue = replace(curve, y=np.where(curve.x < 450.0, curve.y, 0.0))
    optics = replace(first.type.optics, reflectivity=blue)
    first = replace(first, type=replace(first.type, name="blue", optics=optics))
    array = replace(hess, telescopes=(first, *hess.telescopes[1:]))
    monkeypatch.setattr(stage, "load_instrument", lambda folder: array)
    lines = ["obs_id tel_id altitude_deg azimuth_deg start_utc participating throughput"]
    for tel_id, throughput in THROUGHPUTS.items():
        lines.append(f"{RUN} {tel_id} 70 180 2006-07-29T21:00:00 1 {throughput}")
    table = tmp_path / "runs.tsv"
    table.write_text("\n".join(line.replace(" ", "\t") for line in lines) + "\n")

    def make(tel_ids):
        block = Production.model_validate({**SETTINGS, "tel_ids": tel_ids}).model_dump(mode="json")
        shower = {"backend": "iactflow", "cascade": Cascade().model_dump()}
        settings = {"name": "gamma", **block, "shower": shower}
        inputs = SimpleNamespace(instrument=files, conditions=[str(table)])
        params = SimpleNamespace(settings=settings, seed=11, showers=(1, 2))
        return stage.make_setup(inputs, params, SimpleNamespace(run=str(RUN)))

    return make


def test_light_of_a_telescope_is_its_own(make_setup):
    part, whole = make_setup([1, 3]), make_setup(None)
    detectors = [stage.make_detector(setup) for setup in (part, whole)]
    n_photons = 0
    for few, all_of_them in zip(simulate(part), simulate(whole), strict=True):
        key = EventKey(11, "gamma", RUN, few.thrown.shower_id, 0)
        first = [next(iter(shower.photons)) for shower in (few, all_of_them)]
        for tel_id in (1, 3):
            photons = [light[tel_id] for light in first]
            np.testing.assert_array_equal(*photons)
            electrons = [d.photoelectrons(tel_id, photons[0], key) for d in detectors]
            np.testing.assert_array_equal(electrons[0].pixel, electrons[1].pixel)
            np.testing.assert_array_equal(electrons[0].time_ns, electrons[1].time_ns)
            n_photons += len(photons[0])
    assert n_photons > 1000


def test_more_than_nominal_throughput_is_drawn(make_setup):
    setup = make_setup(None)
    tables = stage.make_detector(setup).tables
    assert {t: tables[t].acceptance for t in tables} == {1: 0.8, 2: 0.9, 3: 0.6, 4: 1.0}
    yields = {t: setup.light.photons_per_m[kind] for t, kind in setup.kinds.items()}
    assert yields[2] == yields[3]
    assert yields[4] == pytest.approx(1.3 * yields[3], rel=1e-12)
