"""Sky maps: what a run adds, chunks, products, statistics, errors."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from map_samples import AREA_M2, LIVETIME_S, effective_area, flat_background, make_run, target

from iactflow.errors import InputError
from iactflow.science import map_kernels as kernels
from iactflow.science.map_files import read_sums, write_sums
from iactflow.science.map_products import fit_normal, make_products, summarise
from iactflow.science.maps import MapDefinition, MapFiller, MapSums
from iactflow.science.ring_background import RingBackground
from iactflow.science.stages.sky_maps import make_sky_map
from iactflow.science.statistics import li_ma_significance

BAND = "1-10"
OFFSETS = [(0.4, 0.0), (-0.4, 0.0), (0.0, 0.4), (0.0, -0.4), (0.7, 0.3)]


def fill(runs, settings=None):
    definition = MapDefinition.from_target(settings or target(), BAND)
    filler = MapFiller(definition)
    for run in runs:
        filler.add(run)
    return filler


def sky_map(runs, settings=None):
    filler = fill(runs, settings)
    return make_products(filler.definition, filler.sums)


@pytest.fixture(scope="module")
def runs():
    return [make_run(i + 1, offset, n_source=60) for i, offset in enumerate(OFFSETS)]


@pytest.fixture(scope="module")
def five_runs(runs):
    return sky_map(runs)


def test_counts_are_the_events_after_the_cuts(runs):
    filler = fill(runs[:1])
    run, sums = runs[0], filler.sums
    geometry = filler.definition.geometry
    column, row = (
        np.rint(p).astype(int) for p in geometry.pixels(run.event_ra_deg, run.event_dec_deg)
    )
    keep = (column >= 0) & (column < 60) & (row >= 0) & (row < 60)
    keep &= (run.event_energy_tev >= 1.0) & (run.event_energy_tev < 10.0)
    expected = np.zeros((60, 60))
    np.add.at(expected, (row[keep], column[keep]), 1)
    towards = np.array(
        [
            np.cos(np.radians(run.dec_pnt_deg)) * np.cos(np.radians(run.ra_pnt_deg)),
            np.cos(np.radians(run.dec_pnt_deg)) * np.sin(np.radians(run.ra_pnt_deg)),
            np.sin(np.radians(run.dec_pnt_deg)),
        ]
    )
    within = np.degrees(np.arccos(geometry.vectors @ towards)) < 1.5
    np.testing.assert_array_equal(sums.n_on, expected * within)
    assert sums.runs[0]["n_events"] == sums.n_on.sum()


def test_acceptance_is_scaled_to_the_counts_outside_the_exclusion(runs):
    filler = fill(runs[:1])
    free = filler.source_free
    sums = filler.sums
    assert sums.acceptance[free].sum() == pytest.approx(sums.n_on[free].sum(), rel=1e-6)
    # The flat model times solid angle: the same everywhere but for the projection.
    inside = sums.n_runs > 0
    density = sums.acceptance[inside] / filler.definition.geometry.solid_angle_sr[inside]
    assert np.ptp(density) < 1e-5 * density.mean()
    doubled = dataclasses.replace(runs[0], bkg=flat_background(4e-7))
    norm = fill([doubled]).sums.runs[0]["fov_norm"]
    assert norm == pytest.approx(sums.runs[0]["fov_norm"] / 2, rel=1e-12)


def test_alpha_of_a_flat_acceptance_is_a_ratio_of_areas(runs):
    image = sky_map(runs[:1]).images
    definition = MapDefinition.from_target(target(), BAND)
    free = MapFiller(definition).source_free.astype(float)
    disc = kernels.disc_rows(2.0)
    n_disc = np.sum(2 * disc + 1)
    half, hole = kernels.ring_rows(8.0, 12.0)
    n_ring = kernels.ring_sum(free, half, hole)
    # Pixels around the pointing, whose ring lies wholly in the field of view.
    column, row = definition.geometry.pixels(runs[0].ra_pnt_deg, runs[0].dec_pnt_deg)
    near = np.s_[int(row[0]) - 5 : int(row[0]) + 6, int(column[0]) - 5 : int(column[0]) + 6]
    np.testing.assert_allclose(image["ALPHA"][near], n_disc / n_ring[near], rtol=1e-3)


def test_significance_excess_and_background_follow_from_the_counts(five_runs):
    images = five_runs.images
    disc = kernels.disc_rows(2.0)
    n_on = kernels.ring_sum(images["COUNTS"], disc, np.full_like(disc, -1))
    seen = np.isfinite(images["N_ON"])
    np.testing.assert_array_equal(images["N_ON"][seen], n_on[seen])
    background = images["ALPHA"] * images["N_OFF"]
    np.testing.assert_array_equal(images["BACKGROUND"][seen], background[seen])
    np.testing.assert_array_equal(images["EXCESS"][seen], (n_on - background)[seen])
    expected = li_ma_significance(n_on, images["N_OFF"], images["ALPHA"])
    np.testing.assert_array_equal(images["SIGNIFICANCE"], expected)


def test_alphas_of_runs_combine_by_their_off_counts(runs):
    parts = [fill([run]).sums for run in runs[:2]]
    alphas = [
        np.divide(p.background, p.n_off, out=np.zeros(p.n_off.shape), where=p.n_off > 0)
        for p in parts
    ]
    total = fill(runs[:2]).sums
    both = (parts[0].n_off > 0) & (parts[1].n_off > 0)
    expected = (alphas[0] * parts[0].n_off + alphas[1] * parts[1].n_off)[both]
    np.testing.assert_allclose(total.background[both], expected, rtol=1e-12)


def test_an_injected_source_is_found_where_it_is(five_runs):
    numbers = summarise(five_runs)
    assert numbers["peak_significance"] > 8
    assert abs(numbers["peak_dec_deg"] - 22.01) < 0.1
    assert abs(numbers["peak_ra_deg"] - 83.63) < 0.1
    json.dumps(numbers, allow_nan=False)


def test_background_alone_is_normally_distributed():
    runs = [make_run(i, OFFSETS[i % 5], seed=9) for i in range(1, 31)]
    numbers = summarise(sky_map(runs))
    assert abs(numbers["off_mean"]) < max(3.5 * numbers["off_mean_error"], 0.1)
    assert numbers["off_std"] == pytest.approx(1.0, abs=0.1)
    assert numbers["n_off_bins"] > 2000


def test_flux_is_the_excess_over_area_and_time(runs):
    images = sky_map(runs[:1]).images
    seen = np.isfinite(images["FLUX"])
    exposure_cm2_s = 1e4 * AREA_M2 * LIVETIME_S
    np.testing.assert_allclose(images["EXPOSURE"][seen], exposure_cm2_s, rtol=1e-8)
    np.testing.assert_allclose(
        images["FLUX"][seen], images["EXCESS"][seen] / exposure_cm2_s, rtol=1e-8, atol=1e-20
    )


def test_a_threshold_within_the_band_takes_events_and_exposure_with_it(runs):
    edges = np.geomspace(1.0, 10.0, 9)
    cut = dataclasses.replace(runs[0], aeff=effective_area(lo_thres_tev=edges[3] - 0.01))
    sums = fill([cut]).sums
    full = fill(runs[:1]).sums
    used = np.sum((runs[0].event_energy_tev >= edges[3]) & (runs[0].event_energy_tev < 10.0))
    assert 0 < sums.n_on.sum() <= used < full.n_on.sum() * 1.5
    assert sums.n_on.sum() < full.n_on.sum()
    # Photons of an E^-2 spectrum above the threshold over those in the band.
    share = (1 / edges[3] - 0.1) / (1 - 0.1)
    seen = full.exposure_m2_s > 0
    np.testing.assert_allclose(
        sums.exposure_m2_s[seen], share * full.exposure_m2_s[seen], rtol=1e-8
    )


def test_the_target_has_the_on_radius_of_its_spectrum(runs):
    settings = target(spectrum={"on_radius_deg": 0.3})
    run = runs[0]
    found = fill([run], settings)
    assert found.definition.on_radius_deg == 0.3
    cos_dec = np.cos(np.radians(22.01))
    distance = np.hypot((run.event_ra_deg - 83.63) * cos_dec, run.event_dec_deg - 22.01)
    band = (run.event_energy_tev >= 1.0) & (run.event_energy_tev < 10.0)
    assert found.sums.runs[0]["n_target_events"] == np.sum((distance < 0.3) & band)
    assert fill([run]).definition.on_radius_deg == 0.1


def test_the_resolution_is_that_of_the_point_spread_function(five_runs):
    # 68 % of a two-dimensional Gaussian lie within sqrt(-2 ln 0.32) = 1.5096 sigma.
    assert five_runs.psf68_deg == pytest.approx(1.5096 * 0.06, rel=5e-3)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"aeff": effective_area(lo_thres_tev=9.0)}, "threshold above the band"),
        ({"bkg": flat_background(0.0)}, "no background to scale"),
        ({"ra_pnt_deg": 90.0}, "outside the map"),
        ({"ra_pnt_deg": 260.0}, "outside the map"),
    ],
)
def test_runs_that_give_nothing_are_listed_with_the_reason(runs, changes, status):
    useless = dataclasses.replace(runs[0], obs_id=99, **changes)
    filler = fill([useless, runs[1]])
    alone = fill([runs[1]])
    for name in MapSums.IMAGES:
        np.testing.assert_array_equal(getattr(filler.sums, name), getattr(alone.sums, name))
    numbers = summarise(make_products(filler.definition, filler.sums))
    assert numbers["dropped"] == [{"obs_id": 99, "reason": status}]
    assert numbers["obs_ids"] == [2]


def test_a_map_of_no_run_has_no_numbers_and_no_nan():
    numbers = summarise(sky_map([]))
    assert numbers["peak_significance"] is None
    assert numbers["off_mean"] is None
    assert numbers["n_on_events"] == 0
    json.dumps(numbers, allow_nan=False)


def test_a_model_in_horizontal_coordinates_is_refused(runs):
    bkg = dataclasses.replace(runs[0].bkg, fov_alignment="ALTAZ")
    with pytest.raises(InputError, match="FOVALIGN"):
        fill([dataclasses.replace(runs[0], bkg=bkg)])


def test_an_unknown_band_is_refused():
    with pytest.raises(InputError, match=r"energy_bands_tev.*2-3.*1-10"):
        MapDefinition.from_target(target(), "2-3")


def test_exclusion_of_the_map_stands_before_that_of_the_target():
    own = [{"ra_deg": 84.0, "dec_deg": 22.0, "radius_deg": 0.1}]
    assert MapDefinition.from_target(target(exclusion_regions=own), BAND).exclusion == (own[0],)
    assert MapDefinition.from_target(target(exclusion_regions=[]), BAND).exclusion == ()
    assert MapDefinition.from_target(target(), BAND).exclusion[0]["radius_deg"] == 0.25


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 2, 0, 3, 1)])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_chunks_and_order_of_runs_change_no_bit(tmp_path, runs, order, size):
    settings, chunks = target(), []
    for start in range(0, 5, size):
        filler = fill([runs[i] for i in order[start : start + size]], settings)
        chunks.append(str(tmp_path / f"{start}.fits"))
        write_sums(chunks[-1], filler.definition, filler.sums)
    outputs = SimpleNamespace(maps=tmp_path / "maps.fits", summary=tmp_path / "summary.json")
    make_sky_map(
        SimpleNamespace(chunks=chunks),
        outputs,
        SimpleNamespace(settings=settings),
        SimpleNamespace(band=BAND),
    )
    expected = sky_map(runs)
    with fits.open(outputs.maps, memmap=False) as hdus:
        for name, image in expected.images.items():
            np.testing.assert_array_equal(hdus[name].data, image)
        assert hdus["RUNS"].data["OBS_ID"].tolist() == [1, 2, 3, 4, 5]
        assert hdus["FLUX"].header["BUNIT"] == "cm-2 s-1"
        assert hdus[0].header["PSF68"] == expected.psf68_deg
        wcs = WCS(hdus["SIGNIFICANCE"].header)
        assert wcs.wcs_world2pix(83.63, 22.01, 0) == pytest.approx((29.5, 29.5))
    assert json.loads(outputs.summary.read_text()) == {BAND: summarise(expected)}


def test_sums_of_another_map_are_refused(tmp_path, runs):
    filler = fill(runs[:1])
    path = tmp_path / "chunk.fits"
    write_sums(path, filler.definition, filler.sums)
    for changes, key in [
        ({"pixel_deg": 0.1}, "CRPIX1|CDELT1"),
        ({"ring": {"width_deg": 0.3}}, "RWIDTH"),
        ({"exclusion_regions": []}, "NEXCL"),
        ({"spectral_index": 3.0}, "INDEX"),
    ]:
        other = MapDefinition.from_target(target(**changes), BAND)
        with pytest.raises(InputError, match=key):
            read_sums(path, other)
    path.write_bytes(b"no FITS")
    with pytest.raises(InputError, match=r"chunk\.fits"):
        read_sums(path, filler.definition)


def test_a_run_in_two_chunks_is_refused(tmp_path, runs):
    filler = fill(runs[:1])
    chunks = [str(tmp_path / name) for name in ("a.fits", "b.fits")]
    for path in chunks:
        write_sums(path, filler.definition, filler.sums)
    outputs = SimpleNamespace(maps=tmp_path / "maps.fits", summary=tmp_path / "summary.json")
    with pytest.raises(InputError, match="OBS_ID"):
        make_sky_map(
            SimpleNamespace(chunks=chunks),
            outputs,
            SimpleNamespace(settings=target()),
            SimpleNamespace(band=BAND),
        )


def test_the_adaptive_ring_grows_only_where_the_exclusion_fills_the_ring():
    big = [{"ra_deg": 83.63, "dec_deg": 22.01, "radius_deg": 0.7}]
    settings = target(exclusion_regions=big, ring={"adaptive": True, "min_area_fraction": 0.5})
    filler = fill([], settings)
    free = filler.source_free
    ring = RingBackground(filler.definition.ring, 0.05, free)
    assert ring.choice[0, 0] == 0
    assert ring.choice[30, 30] > 0
    # The chosen ring keeps enough of its area, the next smaller one does not.
    for row, column in [(30, 30), (30, 38), (24, 30), (5, 5)]:
        kept = []
        for index in (ring.choice[row, column] - 1, ring.choice[row, column]):
            half, hole = kernels.ring_rows(8.0 + index, 12.0 + index)
            y, x = np.mgrid[:60, :60]
            distance = np.hypot(x - column, y - row)
            inside = (distance >= 8.0 + index) & (distance <= 12.0 + index)
            area = np.sum(2 * half + 1) - np.sum((2 * hole + 1)[hole >= 0])
            kept.append(1 - np.sum(inside & ~free) / area)
        assert kept[1] >= 0.5
        assert ring.choice[row, column] == 0 or kept[0] < 0.5


def test_an_adaptive_ring_that_need_not_grow_is_the_fixed_ring(runs):
    fixed, adaptive = (
        fill(runs[:2], target(ring={"adaptive": a, "min_area_fraction": 0.1}))
        for a in (False, True)
    )
    np.testing.assert_array_equal(adaptive.sums.n_off, fixed.sums.n_off)
    np.testing.assert_allclose(adaptive.sums.background, fixed.sums.background, rtol=1e-9)


def test_errors_of_the_fit_are_the_scatter_of_smoothed_noise():
    random = np.random.default_rng(17)
    disc = kernels.disc_rows(2.0)
    hole, fits_ = np.full_like(disc, -1), []
    for _ in range(300):
        noise = kernels.ring_sum(random.normal(size=(64, 64)), disc, hole)[2:-2, 2:-2]
        fits_.append(fit_normal(noise.ravel() / np.sqrt(13.0), 0.02, 0.04))
    for name in ("mean", "std"):
        scatter = np.std([f[name] for f in fits_])
        stated = np.mean([f[f"{name}_error"] for f in fits_])
        assert scatter == pytest.approx(stated, rel=0.15)
    assert np.mean([f["std"] for f in fits_]) == pytest.approx(1.0, abs=0.01)
    assert fit_normal(np.array([1.0]), 0.02, 0.04)["mean"] is None
