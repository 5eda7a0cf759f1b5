"""Files of responses: round trip, gammapy opens them, broken ones are refused."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from gammapy.irf import load_irf_dict_from_file

from iactflow.errors import InputError
from iactflow.io.gadf_responses import ResponseFile, read_responses, write_responses
from iactflow.io.observation import (
    Background2D,
    EffectiveArea,
    EnergyDispersion,
    PointSpread3Gauss,
    PointSpreadKing,
    RadMax,
)
from iactflow.response.parametrised import responses
from iactflow.response.psf_fits import tabulate
from iactflow.response.signal import widened

ENERGY = np.geomspace(0.1, 10.0, 5)
OFFSET = np.array([0.0, 1.0, 2.0])
SHAPE = (2, 4)
CARDS = {"ZENITH": (20.0, "deg"), "NSB": 1.0, "NODE": "zen20"}


def filled(low, high, *shape):
    return np.linspace(low, high, int(np.prod(shape or SHAPE))).reshape(shape or SHAPE)


KING = PointSpreadKing(ENERGY, OFFSET, filled(1.5, 3.0), filled(0.03, 0.1))
WIDTHS = filled(0.03, 0.05), filled(0.1, 0.15), filled(0.3, 0.4)
AMPLITUDES = filled(0.1, 0.3), filled(0.01, 0.02)
SCALE = 1.0 / (
    2.0 * np.pi * np.radians(1.0) ** 2
    * (WIDTHS[0] ** 2 + AMPLITUDES[0] * WIDTHS[1] ** 2 + AMPLITUDES[1] * WIDTHS[2] ** 2)
)  # fmt: skip
GAUSS = PointSpread3Gauss(
    ENERGY, OFFSET, SCALE, WIDTHS[0], AMPLITUDES[0], WIDTHS[1], AMPLITUDES[1], WIDTHS[2]
)
AREA = EffectiveArea(ENERGY, OFFSET, filled(1e3, 1e5), 0.2, 9.0)
DISPERSION = EnergyDispersion(ENERGY, np.linspace(0.5, 1.5, 6), OFFSET, filled(0.5, 1.5, 2, 5, 4))
RATE = Background2D(ENERGY, np.array([0.0, 0.5, 1.0, 2.0]), filled(1e-6, 1e-4, 4, 3))
RAD_MAX = RadMax(ENERGY, OFFSET, filled(0.1, 0.2))


def assert_same(found, written):
    for name, value in vars(written).items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("psf", [KING, GAUSS])
def test_full_enclosure_responses_come_back(tmp_path, psf):
    path = tmp_path / "irf.fits"
    write_responses(path, ResponseFile(AREA, DISPERSION, psf, RATE), CARDS)
    found = read_responses(path)
    for name, written in zip(ResponseFile._fields, (AREA, DISPERSION, psf, RATE), strict=False):
        assert type(getattr(found, name)) is type(written)
        assert_same(getattr(found, name), written)
    assert found.rad_max is None
    assert not found.point_like
    assert found.cards == {"ZENITH": 20.0, "NSB": 1.0}


def test_point_like_responses_come_back(tmp_path):
    path = tmp_path / "irf.fits"
    write_responses(path, ResponseFile(AREA, DISPERSION, None, None, RAD_MAX, True), CARDS)
    found = read_responses(path)
    assert found.point_like
    assert found.psf is found.bkg is None
    assert_same(found.rad_max, RAD_MAX)
    loaded = load_irf_dict_from_file(path)
    assert loaded["aeff"].is_pointlike
    assert loaded["edisp"].is_pointlike
    np.testing.assert_allclose(loaded["rad_max"].data.T, RAD_MAX.rad_max_deg, rtol=1e-6)


def test_tables_of_a_run_come_back(tmp_path):
    path = tmp_path / "irf.fits.gz"
    made = responses(20.0)
    write_responses(path, ResponseFile(made.aeff, made.edisp, made.psf, made.bkg), CARDS)
    found = read_responses(path)
    for name in ("aeff", "edisp", "psf"):
        assert_same(getattr(found, name), getattr(made, name))
    np.testing.assert_allclose(found.bkg.rate_per_s_mev_sr, made.bkg.rate_per_s_mev_sr, rtol=1e-6)


@pytest.mark.parametrize("psf", [KING, GAUSS])
def test_gammapy_takes_profiles_for_what_they_are(tmp_path, psf):
    path = tmp_path / "irf.fits"
    write_responses(path, ResponseFile(AREA, DISPERSION, psf, RATE), CARDS)
    loaded = load_irf_dict_from_file(path)
    energy = np.sqrt(ENERGY[1:] * ENERGY[:-1]) * u.TeV
    for radius in (0.1, 0.3):
        table = tabulate(psf, np.array([0.0, radius]))
        inside = table.value_per_sr[0] * 2 * np.pi * (1 - np.cos(np.radians(radius)))
        theirs = loaded["psf"].containment(
            rad=radius * u.deg, energy_true=energy[None, :], offset=[[0.5], [1.5]] * u.deg
        )
        np.testing.assert_allclose(inside, np.asarray(theirs), rtol=2e-3)
    rate = loaded["bkg"].evaluate(energy=energy[2], offset=0.75 * u.deg)
    expected = RATE.rate_per_s_mev_sr[2, 1]
    assert rate.to_value("s-1 MeV-1 sr-1") == pytest.approx(expected, rel=1e-6)


def test_gammapy_finds_one_offset_flat_where_it_is_valid(tmp_path):
    path = tmp_path / "irf.fits"
    one = EffectiveArea(ENERGY, np.array([0.25, 0.75]), filled(1e3, 1e5, 1, 4))
    write_responses(path, ResponseFile(widened(one), None, None, None), CARDS)
    aeff = load_irf_dict_from_file(path)["aeff"]
    found = aeff.evaluate(energy_true=1.0 * u.TeV, offset=[0.2, 0.25, 0.4, 0.75, 0.8] * u.deg)
    found = found.to_value(u.m**2)
    assert not found[[0, 4]].any()
    assert found[1] > 0.0
    np.testing.assert_allclose(found[1:4], found[1])
    np.testing.assert_array_equal(aeff.axes["offset"].edges.value, [0.25, 0.5, 0.75])


def test_files_without_responses_are_refused(tmp_path):
    with pytest.raises(InputError, match="an existing GADF file"):
        read_responses(tmp_path / "nothing.fits")
    path = tmp_path / "empty.fits"
    fits.HDUList([fits.PrimaryHDU()]).writeto(path)
    with pytest.raises(InputError, match="a file with instrument responses"):
        read_responses(path)
    path.write_bytes(b"SIMPLE  = nothing")
    with pytest.raises(InputError, match="a complete, uncorrupted GADF file"):
        read_responses(path)


def test_other_profiles_are_refused(tmp_path):
    path = tmp_path / "irf.fits"
    write_responses(path, ResponseFile(None, None, KING, None), CARDS)
    with fits.open(path, mode="update") as file:
        file[1].header["HDUCLAS4"] = "PSF_MOFFAT"
    with pytest.raises(InputError, match="PSF_TABLE or PSF_3GAUSS or PSF_KING"):
        read_responses(path)
