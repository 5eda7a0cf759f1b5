"""The instruments of this repository against independent facts about them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from iactflow.instrument.compare import diff_instruments, mirror_area_m2
from iactflow.instrument.digest import DIGEST_FILE
from iactflow.instrument.documents import Leaf, read_type, read_version
from iactflow.instrument.load import load_instrument
from iactflow.instrument.tables import read_table

ROOT = Path(__file__).resolve().parents[2] / "config" / "instruments"
VERSIONS = sorted(str(f.parent.relative_to(ROOT)) for f in ROOT.glob("*/*/instrument.yaml"))


@cache
def load(version):
    return load_instrument(ROOT / version)


def optics_of(version, tel_id):
    return next(t for t in load(version).telescopes if t.tel_id == tel_id).type.optics


def camera_of(version, tel_id):
    return next(t for t in load(version).telescopes if t.tel_id == tel_id).type.camera


def projected_area_m2(optics) -> float:
    """Mirror area seen from the axis: a facet halves the angle to the focus."""
    facets, length = optics.facets, optics.dish_shape_length_m
    r2 = facets.x_m**2 + facets.y_m**2
    parabolic = optics.shape == "parabolic"
    z = r2 / (4 * length) if parabolic else length - np.sqrt(length**2 - r2)
    tilt = np.arctan2(np.sqrt(r2), optics.focal_length_m - z) / 2
    factor = np.array([np.pi / 4, np.sqrt(3) / 2, 1.0, np.sqrt(3) / 2])[facets.shape]
    return float((factor * facets.diameter_m**2 * np.cos(tilt)).sum())


def test_all_versions_are_known():
    assert VERSIONS == [
        "ctao-north-alpha/6.0.0",
        "ctao-north-alpha/7.0.0",
        "ctao-south-lsts/7.0.0",
        "hess1/2006",
        "hess1/2006-2",
        "hess1u/phase2d3",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_version_is_frozen_and_named_by_its_folder(version):
    instrument = load(version)
    assert f"{instrument.name}/{instrument.version}" == version
    assert (ROOT / version / DIGEST_FILE).read_text() == f"{instrument.digest}\n"


def leaves(blocks):
    for value in blocks.values():
        if isinstance(value, dict):
            yield from leaves(value)
        elif isinstance(value, Leaf):
            yield value


@pytest.mark.parametrize("version", VERSIONS)
def test_every_value_names_its_source(version):
    blocks, chain = read_version(ROOT / version)
    found = list(leaves(blocks))
    for name in {t.type.name for t in load(version).telescopes}:
        found += leaves(read_type(name, chain))
    assert len(found) > 60
    for leaf in found:
        assert len(leaf.source) > 10, leaf.key
        assert not re.search(r"[{}]", leaf.source), leaf.key


def test_tables_are_small_and_used():
    """Less than 1 MB in all; no table that no document names."""
    files = [f for f in ROOT.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 1e6
    texts = {f.parent: "" for f in files if f.suffix == ".yaml"}
    for file in files:
        if file.suffix == ".yaml":
            texts[file.parent] += file.read_text()
    for table in ROOT.glob("*/*/tables/*"):
        assert f"tables/{table.name}" in texts[table.parent.parent]


@pytest.mark.parametrize("version", VERSIONS)
def test_tables_end_where_light_ends(version):
    """Curves are zero outside their table: the response must not be cut off inside it."""
    for telescope in load(version).telescopes:
        optics, camera = telescope.type.optics, telescope.type.camera
        efficiency = camera.quantum_efficiency
        lit = efficiency.x[efficiency.y > 0]
        assert optics.reflectivity.x[0] <= lit[0]
        assert optics.reflectivity.x[-1] >= lit[-1]
        assert efficiency.y[0] < 0.01
        assert efficiency.y[-1] < 0.02
        assert camera.light_guide.x[0] == 0.0
        edge = np.hypot(optics.facets.x_m, optics.facets.y_m).max() + 0.3
        assert camera.light_guide.x[-1] > np.degrees(np.arctan(edge / optics.focal_length_m)) - 5


@pytest.mark.parametrize("version", VERSIONS)
def test_normalisations(version):
    for telescope in load(version).telescopes:
        camera = telescope.type.camera
        for pulse in (camera.readout.pulse_high, camera.readout.pulse_low, camera.trigger.pulse):
            assert pulse.y.max() == pytest.approx(1.0, abs=1e-6)
        for spectrum in (camera.single_pe, camera.single_pe_afterpulse):
            assert spectrum.y.min() >= 0.0
            norm = np.trapezoid(spectrum.y, spectrum.x)
            mean = np.trapezoid(spectrum.x * spectrum.y, spectrum.x) / norm
            # The spectra of CTAO are quoted with mean 1 at 0.5 %.
            assert mean == pytest.approx(1.0, abs=6e-3)


@pytest.mark.parametrize("version", VERSIONS)
def test_sphere_holds_the_reflector(version):
    for telescope in load(version).telescopes:
        optics = telescope.type.optics
        r = np.hypot(optics.facets.x_m, optics.facets.y_m) + optics.facets.diameter_m / 2
        assert r.max() < optics.sphere_radius_m


def test_hess1():
    """Bernlohr et al. 2003: 380 facets of 60 cm, 107 m2; camera: 960 pixels, 5 deg, 0.16 deg."""
    array = load("hess1/2006")
    assert [t.name for t in array.telescopes] == ["CT1", "CT2", "CT3", "CT4"]
    optics, camera = optics_of("hess1/2006", 1), camera_of("hess1/2006", 1)
    facets = optics.facets
    assert len(facets.x_m) == 380
    assert mirror_area_m2(facets) == pytest.approx(107.4, abs=0.1)
    assert np.abs(facets.x_m).max() == pytest.approx(6.76, abs=0.01)
    assert np.abs(facets.y_m).max() == pytest.approx(6.01, abs=0.01)
    assert np.hypot(facets.x_m, facets.y_m).min() > 1.0
    distance = np.hypot(*(v[:, None] - v for v in (facets.x_m, facets.y_m)))
    np.fill_diagonal(distance, np.inf)
    # A hexagonal lattice of 62 cm in six sectors.
    assert distance.min() == pytest.approx(0.62, abs=1e-3)
    assert len(optics.masts) == 32
    assert len(camera.pixels.x_m) == 960
    assert camera.pixels.diameter_m / 15.0 == pytest.approx(np.radians(0.16), rel=0.03)
    assert camera.readout.mode == "charge"
    sectors = camera.trigger.groups
    assert sectors.shape == (38, 64)
    times = np.bincount(sectors[sectors >= 0], minlength=960)
    assert times.min() >= 1
    assert times.max() == 4
    north = [t.x_m for t in array.telescopes]
    west = [t.y_m for t in array.telescopes]
    sides = np.hypot(np.diff([*north, north[0]]), np.diff([*west, west[0]]))
    assert sides == pytest.approx(120.0, rel=0.01)


def test_comparators_of_hess1_are_faster():
    # Fitted in docs/validation/comparator_pulse.py; all else is that of 2006.
    old, new = camera_of("hess1/2006", 1), camera_of("hess1/2006-2", 1)
    widths, peaks = [], []
    for pulse in (old.readout.pulse_high, new.trigger.pulse):
        high = pulse.x[pulse.y > 0.5 * pulse.y.max()]
        widths.append(high[-1] - high[0])
        peaks.append(pulse.x[np.argmax(pulse.y)])
    assert widths[1] == pytest.approx(0.6 * widths[0], rel=1e-4)
    assert peaks[1] == pytest.approx(peaks[0], rel=1e-5)
    np.testing.assert_array_equal(new.readout.pulse_high.x, old.readout.pulse_high.x)
    assert new.trigger.threshold == old.trigger.threshold == 4.0


def test_hess1_detects_the_night_sky_that_it_should(data_dir):
    """The light budget closes: Benn & Ellison's sky makes the quoted rate per pixel."""
    optics, camera = optics_of("hess1/2006", 1), camera_of("hess1/2006", 1)
    path = data_dir / "instrument/ctao_north_prod6/nsb_spectrum_dark.ecsv"
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()[:1].isdigit()]
    wave, sky = np.array(rows, dtype=float).T  # nm; photons / (nm m2 ns sr)
    band = (wave >= 300) & (wave <= 650)
    assert np.trapezoid(sky[band], wave[band]) == pytest.approx(2.4e3, rel=0.01)
    efficiency = camera.collection_efficiency * camera.light_guide.y[0]
    for curve in (optics.reflectivity, camera.quantum_efficiency):
        efficiency = efficiency * np.interp(wave, curve.x, curve.y, 0.0, 0.0)
    solid_angle = np.sqrt(3) / 2 * camera.pixels.diameter_m**2 / optics.focal_length_m**2
    # 11 % of the light is lost to masts and camera.
    light = np.trapezoid(sky * efficiency, wave) * mirror_area_m2(optics.facets) * 0.89
    assert light * solid_angle == pytest.approx(camera.nsb_rate_ghz, rel=0.02)
    # Throughput for Cherenkov light, 1 / lambda^2: the muon efficiency of new mirrors, ~ 0.10.
    weight = ((wave >= 300) & (wave <= 600)) / wave**2
    assert 0.89 * (efficiency * weight).sum() / weight.sum() == pytest.approx(0.10, abs=0.01)


TYPES = [
    ("ctao-north-alpha/6.0.0", 1, "ctao_north_alpha_prod6:LST_LSTN-design_LSTN-design", 1.0),
    ("ctao-north-alpha/6.0.0", 5, "ctao_north_alpha_prod6:MST_MSTx-NectarCam_MSTx-NectarCam", 1.0),
    ("ctao-south-lsts/7.0.0", 1, "ctao_south_lst_prod7:LST_LSTS-design_LSTS-design", 1.0),
    # The simulation of HESS-1U had 381 facets, CT3 has 380.
    ("hess1u/phase2d3", 1, "hess_phase2d_ct1u:MST_HESS-1_HESS-1U", 380 / 381),
]


@pytest.mark.parametrize(("version", "tel_id", "name", "facets"), TYPES)
def test_headers_of_simtel_files(data_dir, version, tel_id, name, facets):
    facts = json.loads((data_dir / "instrument/telescope_types.json").read_text())[name]
    optics, camera = optics_of(version, tel_id), camera_of(version, tel_id)
    pixels, readout = camera.pixels, camera.readout
    assert projected_area_m2(optics) == pytest.approx(facts["mirror_area_m2"] * facets, rel=3e-3)
    assert len(optics.facets.x_m) == round(facts["n_mirror_tiles"] * facets)
    assert optics.focal_length_m == pytest.approx(facts["equivalent_focal_length_m"], rel=1e-6)
    effective = facts["effective_focal_length_m"]
    assert optics.effective_focal_length_m == pytest.approx(effective, rel=1e-5)
    assert len(pixels.x_m) == facts["n_pixels"]
    assert pixels.diameter_m == pytest.approx(facts["pixel_width_m"], rel=1e-6)
    assert pixels.rotation_deg == pytest.approx(facts["pix_rotation_deg"], abs=1e-6)
    field = np.degrees(2 * np.hypot(pixels.x_m, pixels.y_m).max() / optics.focal_length_m)
    assert field == pytest.approx(facts["fov_deg_diameter"], rel=1e-3)
    assert readout.n_samples == facts["n_samples"]
    assert readout.sampling_ghz == pytest.approx(facts["sampling_rate_GHz"], rel=1e-6)
    assert readout.n_gains == facts["n_channels"]


@pytest.mark.parametrize(
    ("version", "tel_id", "name"),
    [
        ("ctao-north-alpha/6.0.0", 1, "ctao_north_alpha_prod6__LST_LSTN-design_LSTN-design"),
        ("ctao-south-lsts/7.0.0", 1, "ctao_south_lst_prod7__LST_LSTS-design_LSTS-design"),
        ("hess1u/phase2d3", 1, "hess_phase2d_ct1u__MST_HESS-1_HESS-1U"),
    ],
)
def test_pixels_and_pulses_of_simtel_files(data_dir, version, tel_id, name):
    from astropy.table import Table

    camera = camera_of(version, tel_id)
    folder = data_dir / "instrument/cameras"
    geometry = Table.read(folder / f"{name}.camgeom.ecsv", format="ascii.ecsv")
    assert camera.pixels.x_m == pytest.approx(np.asarray(geometry["pix_x"]), abs=1e-6)
    assert camera.pixels.y_m == pytest.approx(np.asarray(geometry["pix_y"]), abs=1e-6)
    readout = Table.read(folder / f"{name}.camreadout.ecsv", format="ascii.ecsv")
    time = np.asarray(readout["reference_pulse_sample_time"])
    for channel, pulse in enumerate((camera.readout.pulse_high, camera.readout.pulse_low)):
        theirs = np.asarray(readout[f"reference_pulse_shape_channel{channel}"])
        shift = pulse.x[pulse.y.argmax()] - time[theirs.argmax()]
        # The header samples the pulse on a grid of its own.
        shifts = shift + np.arange(-0.05, 0.05, 0.005)
        worst = [np.abs(np.interp(time + s, pulse.x, pulse.y, 0, 0) - theirs).max() for s in shifts]
        assert min(worst) < 0.01


@pytest.mark.parametrize(
    ("version", "file"),
    [
        ("ctao-north-alpha/6.0.0", "ctao_north_alpha_4LST9MST.ecsv"),
        ("ctao-south-lsts/7.0.0", "ctao_south_lst_prod7.ecsv"),
    ],
)
def test_positions(data_dir, version, file):
    from astropy.table import Table

    table = Table.read(data_dir / "instrument/arrays" / file, format="ascii.ecsv")
    names = [n for n in table.colnames if re.fullmatch(r"pos(ition)?_[xyz]", n)]
    theirs = np.array([table[n] for n in names]).T
    ours = np.array([(t.x_m, t.y_m, t.z_m) for t in load(version).telescopes])
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_refinement_of_ctao_north():
    """7.0.0 lowers threshold and reflectivity, and so night sky, of the LSTs; another pulse."""
    lines = diff_instruments(load("ctao-north-alpha/6.0.0"), load("ctao-north-alpha/7.0.0"))
    changed = {re.sub(r"LSTN-0\d", "LST", line) for line in lines if "pulse" not in line}
    assert changed == {
        "types.LST.camera.trigger.threshold: 260.7 -> 200",
        "types.LST.camera.nsb_rate_ghz: 0.1868728 -> 0.183135344",
        "types.LST.camera.nsb_rate_ghz: 0.1932312 -> 0.189366576",
        "types.LST.optics.degraded_reflection: 0.8 -> 0.784",
    }


def test_analogue_sum_and_neighbours():
    lst = camera_of("ctao-north-alpha/6.0.0", 2).trigger
    assert (lst.kind, lst.groups.shape) == ("analogue_sum", (474, 21))
    # Twenty-one pixels of three modules: 40 p.e. in the header of a simtel file.
    assert lst.threshold / lst.amplitude == pytest.approx(40.1077, rel=1e-5)
    camera = camera_of("ctao-north-alpha/6.0.0", 5)
    assert camera.trigger.kind == "next_neighbour"
    x, y = camera.pixels.x_m, camera.pixels.y_m
    for group in camera.trigger.groups[::97]:
        members = group[group >= 0]
        apart = np.hypot(x[members[1:]] - x[members[0]], y[members[1:]] - y[members[0]])
        # The first pixel of a group is its centre, the others touch it.
        assert apart.max() < 1.05 * 0.05


@pytest.mark.parametrize("version", ["ctao-north-alpha/6.0.0", "ctao-south-lsts/7.0.0"])
def test_outer_pixels_of_the_lst_are_less_efficient(version):
    pixels = camera_of(version, 2).pixels
    outer = np.hypot(pixels.x_m, pixels.y_m) > 1.05
    assert pixels.relative_efficiency[outer].mean() == pytest.approx(0.949, abs=1e-3)
    assert pixels.relative_efficiency.max() == 1.0


def test_facets_of_the_lsts_differ():
    focal = [optics_of("ctao-north-alpha/6.0.0", i).facets.focal_length_m for i in (1, 2, 3, 4)]
    assert all(not np.array_equal(a, b) for i, a in enumerate(focal) for b in focal[:i])
    assert all(27.9 < f.min() < f.max() < 30.0 for f in focal)
    table = read_table(ROOT / "ctao-north-alpha/6.0.0/tables/facets-LSTN-03.ecsv")
    assert np.array_equal(table["focal_length_m"], focal[2])
