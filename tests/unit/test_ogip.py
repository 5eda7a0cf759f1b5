"""OGIP files: round trip, gammapy's reading of them, broken files."""

from __future__ import annotations

from dataclasses import fields, replace

import fitsio
import numpy as np
import pytest
from reference_targets import reference_runs, reference_targets

from iactflow.errors import InputError
from iactflow.io.gadf import read_observation
from iactflow.science.dataset import SpectrumDataset, definitions, extract
from iactflow.science.ogip import read_ogip, write_ogip


@pytest.fixture
def dataset():
    rng = np.random.default_rng(9)
    edisp = rng.uniform(0, 1, (7, 5))
    edisp[0] = 0
    return SpectrumDataset(
        name="42",
        energy_edges_tev=np.geomspace(0.1, 10, 6),
        energy_true_edges_tev=np.geomspace(0.05, 20, 8),
        n_on=np.array([3.0, 0, 7, 1, 0]),
        n_off=np.array([40.0, 12, 3, 0, 1]),
        acceptance=np.ones(5),
        acceptance_off=np.full(5, 7.25),
        exposure_cm2_s=rng.uniform(1e10, 1e12, 7),
        edisp=edisp,
        mask_safe=np.array([False, True, True, True, False]),
        livetime_s=1581.7367646954954,
        ontime_s=1687.0,
        time_ref_mjd=51910.00074287037,
        gti_start_s=np.array([100.0, 1200.0]),
        gti_stop_s=np.array([1000.0, 1987.0]),
    )


def test_round_trip(tmp_path, dataset):
    path = write_ogip(dataset, tmp_path / "obs_42")
    assert path == tmp_path / "obs_42" / "pha_obs42.fits"
    back = read_ogip(path)
    for field in fields(SpectrumDataset):
        ours, theirs = getattr(dataset, field.name), getattr(back, field.name)
        if field.name in ("livetime_s", "exposure_cm2_s"):
            np.testing.assert_allclose(theirs, ours, rtol=1e-14)
        elif field.name == "time_ref_mjd":
            assert theirs == pytest.approx(ours, abs=1e-10)
        else:
            np.testing.assert_array_equal(theirs, ours, err_msg=field.name)


def test_headers_are_those_of_ogip(tmp_path, dataset):
    path = write_ogip(dataset, tmp_path)
    for name, table, classes in (
        ("pha", "SPECTRUM", ("OGIP", "SPECTRUM", "TOTAL")),
        ("bkg", "SPECTRUM", ("OGIP", "SPECTRUM", "BKG")),
        ("arf", "SPECRESP", ("OGIP", "RESPONSE", "SPECRESP")),
        ("rmf", "MATRIX", ("OGIP", "RESPONSE", "RSP_MATRIX")),
        ("rmf", "EBOUNDS", ("OGIP", "RESPONSE", "EBOUNDS")),
    ):
        header = fitsio.read_header(str(tmp_path / f"{name}_obs42.fits"), ext=table)
        assert tuple(header[k] for k in ("HDUCLASS", "HDUCLAS1", "HDUCLAS2")) == classes
    header = fitsio.read_header(str(path), ext="SPECTRUM")
    assert header["BACKFILE"] == "bkg_obs42.fits"
    assert header["DETCHANS"] == 5
    matrix = fitsio.read(str(tmp_path / "rmf_obs42.fits"), ext="MATRIX")
    assert matrix["MATRIX"].dtype == ">f8"


@pytest.mark.parametrize(
    ("change", "named"),
    [({"n_on": np.array([0.5, 0, 0, 0, 0])}, "COUNTS"), ({"livetime_s": 0.0}, "EXPOSURE")],
)
def test_what_ogip_cannot_hold_is_named(tmp_path, dataset, change, named):
    with pytest.raises(InputError, match=rf"pha_obs42\.fits: {named}"):
        write_ogip(replace(dataset, **change), tmp_path)


@pytest.mark.parametrize("missing", ["pha", "bkg", "arf", "rmf"])
def test_a_missing_or_broken_file_is_named(tmp_path, dataset, missing):
    path, broken = write_ogip(dataset, tmp_path), tmp_path / f"{missing}_obs42.fits"
    whole = broken.read_bytes()
    broken.unlink()
    with pytest.raises(InputError, match=rf"{missing}_obs42\.fits: file: got 'nothing'"):
        read_ogip(path)
    broken.write_bytes(whole[:3000])
    with pytest.raises(InputError, match=rf"{missing}_obs42\.fits: "):
        read_ogip(path)


def test_a_missing_column_is_named(tmp_path, dataset):
    path = write_ogip(dataset, tmp_path)
    arf = tmp_path / "arf_obs42.fits"
    with fitsio.FITS(str(arf), "rw", clobber=True) as file:
        file.write([np.ones(7)], names=["AREA"], extname="SPECRESP")
    with pytest.raises(InputError, match=r"pha_obs42\.fits: .*ENERG_LO"):
        read_ogip(path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["crab", "msh1552"])
def test_gammapy_reads_the_same_data_set(tmp_path, data_dir, dr1, name):
    import astropy.units as u
    from gammapy.datasets import SpectrumDatasetOnOff
    from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
    from gammapy_spectra import gammapy_dataset

    target = reference_targets(data_dir)[name]
    run, path = next(iter(reference_runs(data_dir, dr1, name).items()))
    ours = extract(read_observation(path), target, *definitions(target)["default"])
    read = SpectrumDatasetOnOff.read(write_ogip(ours, tmp_path))
    assert read.name == str(run)
    np.testing.assert_array_equal(read.counts.data.ravel(), ours.n_on)
    np.testing.assert_array_equal(read.counts_off.data.ravel(), ours.n_off)
    np.testing.assert_array_equal(read.acceptance.data.ravel(), ours.acceptance)
    np.testing.assert_array_equal(read.acceptance_off.data.ravel(), ours.acceptance_off)
    np.testing.assert_array_equal(read.mask_safe.data.ravel(), ours.mask_safe)
    # gammapy holds what it read in single precision.
    np.testing.assert_allclose(read.edisp.get_edisp_kernel().data, ours.edisp, atol=1e-7)
    exposure = read.exposure.quantity.to_value("cm2 s").ravel()
    np.testing.assert_allclose(exposure, ours.exposure_cm2_s, rtol=1e-13)
    assert read.gti.time_sum.to_value("s") == pytest.approx(ours.ontime_s)
    assert read.gti.time_start[0].tt.mjd == pytest.approx(
        ours.time_ref_mjd + ours.tstart_s / 86400, abs=1e-9
    )
    made = gammapy_dataset(data_dir, dr1, name, run).dataset.copy(name="made")
    spectrum = PowerLawSpectralModel(index=2.6, amplitude=3e-11 * u.Unit("cm-2 s-1 TeV-1"))
    for data in (read, made):
        data.models = [SkyModel(spectral_model=spectrum, datasets_names=[data.name])]
    assert made.stat_sum() > 10
    assert read.stat_sum() == pytest.approx(made.stat_sum(), rel=1e-6)
