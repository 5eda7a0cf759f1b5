"""Conversion of sim_telarray configurations: the committed numbers are those of the model files."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import yaml
from test_instrument import ROOT, camera_of, load, optics_of

from iactflow.cli import main
from iactflow.errors import InputError
from iactflow.instrument.build import build_telescope_type
from iactflow.instrument.digest import flatten
from iactflow.instrument.documents import read_type
from iactflow.instrument.simtel import convert_simtel, read_simtel_config
from iactflow.instrument.simtel_tables import copy_camera, copy_curve, thin

SPHERE = (12.5, "test")


@pytest.fixture(scope="module")
def model(data_dir):
    return data_dir / "instrument" / "ctao_north_prod6"


def rows(path, width):
    numbers = []
    for line in path.read_text().splitlines():
        words = line.partition("#")[0].partition("%")[0].split()
        if words:
            numbers.append([float(w) for w in words[:width]])
    return np.array(numbers).T


@pytest.mark.parametrize(
    ("config", "name", "tel_id", "radius"),
    [
        ("CTA-North-LSTN-01-6.0.0_test_file.cfg", "LSTN-01", 1, 12.5),
        ("CTA-North-LSTN-04-6.0.0_test_file.cfg", "LSTN-04", 4, 12.5),
        ("CTA-North-MSTN-07-6.0.0_test_file.cfg", "MSTN-NectarCam", 11, 9.15),
    ],
)
def test_committed_numbers_are_those_of_the_model(model, tmp_path, config, name, tel_id, radius):
    file = convert_simtel(model / config, tmp_path, name, "test", (radius, "test"))
    ours = flatten(build_telescope_type(name, read_type(name, [tmp_path]), file))
    telescopes = {t.tel_id: t.type for t in load("ctao-north-alpha/6.0.0").telescopes}
    committed = flatten(telescopes[tel_id])
    assert ours.keys() == committed.keys()
    for key, value in committed.items():
        np.testing.assert_array_equal(ours[key], value, err_msg=key)


def test_units_of_the_configuration(model):
    values = read_simtel_config(model / "CTA-North-MSTN-01-6.0.0_test_file.cfg")
    optics = optics_of("ctao-north-alpha/6.0.0", 5)
    assert float(values["focal_length"]) == 100 * optics.focal_length_m
    assert float(values["mirror_offset"]) == 100 * optics.mirror_offset_m
    assert (
        float(values["fadc_mhz"])
        == 1000 * camera_of("ctao-north-alpha/6.0.0", 5).readout.sampling_ghz
    )
    sigma, zenith, cosine, sine = map(float, values["mirror_align_random_vertical"].split())
    tilt = optics.align_vertical
    assert (tilt.sigma_deg, tilt.zenith_deg, tilt.cosine_deg, tilt.sine_deg) == (
        sigma, zenith, cosine, sine,
    )  # fmt: skip


def test_low_gain_follows_high_gain_where_it_says_so():
    """NectarCAM: fadc_lg_max_signal = -1 means that of the high gain."""
    readout = camera_of("ctao-north-alpha/6.0.0", 5).readout
    assert readout.max_signal_low == readout.max_signal_high == 4095
    lst = camera_of("ctao-north-alpha/6.0.0", 1).readout
    assert (lst.max_signal_high, lst.max_signal_low) == (4249, 4288)


@pytest.mark.parametrize(
    ("file", "tel_id", "attribute"),
    [
        ("ref_LST1_2022_04_01.dat", 1, "optics.reflectivity"),
        ("ref_MST-North-MLT_2022_06_28.dat", 5, "optics.reflectivity"),
        ("qe_lst1_20200318_high+low.dat", 1, "camera.quantum_efficiency"),
        ("qe_R12992-100-05c.dat", 5, "camera.quantum_efficiency"),
        ("transmission_lst_window_No7-10_ave.dat", 1, "camera.window"),
        ("CTA-LST_lightguide_eff_2020-04-12_average.dat", 1, "camera.light_guide"),
        ("NectarCAM_lightguide_efficiency_POP_131019.dat", 5, "camera.light_guide"),
    ],
)
def test_thinned_curves_are_the_full_ones(model, file, tel_id, attribute):
    x, y = rows(model / file, 2)
    part, _, name = attribute.partition(".")
    optics, camera = (f("ctao-north-alpha/6.0.0", tel_id) for f in (optics_of, camera_of))
    curve = getattr({"optics": optics, "camera": camera}[part], name)
    assert len(curve.x) < len(x) or len(x) < 100
    assert np.abs(np.interp(x, curve.x, curve.y) - y).max() <= 1.01e-3 * y.max()


@pytest.mark.parametrize(
    ("file", "tel_id"),
    [("spe_LST_2022-04-27_AP2.0e-4.dat", 1), ("spe_afterpulse_pdf_NectarCam_18122019.dat", 5)],
)
def test_single_photoelectron_spectra_keep_their_moments(model, file, tel_id):
    """Mean, excess noise and after-pulses above 4 p.e. survive the thinning."""
    charge, *columns = rows(model / file, 3)
    camera = camera_of("ctao-north-alpha/6.0.0", tel_id)

    def moments(x, y):
        norm, mean = np.trapezoid(y, x), np.trapezoid(x * y, x)
        square = np.trapezoid(x**2 * y, x)
        return mean / norm, square * norm / mean**2

    for full, thinned in zip(columns, (camera.single_pe, camera.single_pe_afterpulse), strict=True):
        assert moments(thinned.x, thinned.y) == pytest.approx(moments(charge, full), rel=2e-3)
    fine = np.linspace(4, charge[-1], 20000)
    tails = [
        np.trapezoid(np.interp(fine, x, y), fine)
        for x, y in (
            (charge, columns[1]),
            (camera.single_pe_afterpulse.x, camera.single_pe_afterpulse.y),
        )
    ]
    assert tails[1] == pytest.approx(tails[0], rel=0.02)


def test_thin_keeps_what_is_needed():
    x = np.linspace(0, 10, 1001)
    bent = np.abs(x - 4.0)
    assert x[thin(x, bent[np.newaxis], 1e-6)] == pytest.approx([0, 4, 10])
    curves = np.array([np.exp(-x), np.sin(x)])
    kept = thin(x, curves, 1e-3)
    assert 10 < len(kept) < 200
    for curve in curves:
        worst = np.abs(np.interp(x, x[kept], curve[kept]) - curve).max()
        assert worst <= 1e-3 * np.abs(curve).max()


def test_overrides_stand_in_the_source(model, tmp_path):
    convert_simtel(
        model / "CTA-North-LSTN-02-6.0.0_test_file.cfg", tmp_path, "LSTN-02", "test", SPHERE,
        overrides={"asum_threshold": "200.0"},
    )  # fmt: skip
    document = yaml.safe_load((tmp_path / "LSTN-02.yaml").read_text())
    assert document["camera"]["trigger"]["threshold"] == 200.0
    assert document["source"].endswith(", but asum_threshold = 200.0")


def test_bad_configurations_are_refused(model, tmp_path):
    config = tmp_path / "a.cfg"
    with pytest.raises(InputError, match="no such file"):
        read_simtel_config(config)
    config.write_text("% nothing = 1\n")
    with pytest.raises(InputError, match="name = value"):
        read_simtel_config(config)
    text = (model / "CTA-North-LSTN-02-6.0.0_test_file.cfg").read_text()
    for old, new, key in (
        ("fadc_mhz = 1024.0", "", "fadc_mhz"),
        ("fadc_mhz = 1024.0", "fadc_mhz = fast", "fadc_mhz"),
        ("mirror_list = mirror", "mirror_list = none", "no such file"),
    ):
        config.write_text(text.replace(old, new))
        with pytest.raises(InputError, match=key):
            convert_simtel(config, tmp_path, "LSTN-02", "test", SPHERE, tables=model)


def test_bad_camera_is_refused(model, tmp_path):
    (tmp_path / "tables").mkdir()
    camera = tmp_path / "camera.dat"
    text = (model / "camera_CTA-MST-NectarCam_20191120_majority-3nn.dat").read_text()
    for old, new in (("MajorityTrigger", "DigitalSumTrigger"), ("of +7 ", "of 7 ")):
        assert old in text
        camera.write_text(text.replace(old, new))
        with pytest.raises(InputError, match="trigger"):
            copy_camera(camera, tmp_path, "MST", "test")
    (tmp_path / "curve.dat").write_text("300\n400\n")
    with pytest.raises(InputError, match="rows of at least 2 numbers"):
        copy_curve(tmp_path / "curve.dat", tmp_path, "test", "x", "y")


def test_command_line_converts(model, tmp_path, capsys):
    version = tmp_path / "ctao-north-alpha" / "mine"
    shutil.copytree(ROOT / "ctao-north-alpha" / "7.0.0", version)
    (version / "digest.txt").unlink()
    shutil.copytree(ROOT / "ctao-north-alpha" / "6.0.0", version.parent / "6.0.0")
    config = str(model / "CTA-North-LSTN-01-6.0.0_test_file.cfg")
    sphere = ["--sphere-radius-m", "12.5", "--sphere-source", "test"]
    words = ["instrument", "convert", config, str(version), "--name", "LSTN-01", *sphere]
    assert main([*words, "--source", "test"]) == 0
    assert "LSTN-01.yaml" in capsys.readouterr().out
    assert main(["instrument", "diff", str(version.parent / "6.0.0"), str(version)]) == 1
    out = capsys.readouterr().out
    assert "LSTN-01" not in out
    assert "types.LSTN-02.camera.trigger.threshold: 260.7 -> 200" in out
