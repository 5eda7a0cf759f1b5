"""The ring map of MSH 15-52 from H.E.S.S. DL3 DR1 against the stored map of gammapy 2.1."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from iactflow.campaign.schema import Target
from iactflow.science.stages.sky_maps import fill_sky_map, make_sky_map

pytestmark = pytest.mark.data
BAND = "1-10"


@pytest.fixture(scope="module")
def reference(data_dir):
    path = data_dir / "reference" / "hess_dr1_gammapy.json"
    return json.loads(path.read_text())["ring_msh1552_1_10TeV"]


@pytest.fixture(scope="module")
def product(dr1, reference, tmp_path_factory):
    """Paths of map and summary, made by the stage functions in two chunks."""
    folder, obs_ids = tmp_path_factory.mktemp("msh1552"), reference["obs_ids"]
    centre = {"ra_deg": 228.32, "dec_deg": -59.08}
    block = {
        "label": "MSH 15-52",
        "position": {"ra_deg": 228.529, "dec_deg": -59.157},
        "observations": {"obs_ids": obs_ids},
        "exclusion_regions": [{"ra_deg": 228.529, "dec_deg": -59.157, "radius_deg": 0.4}],
        "spectrum": {"on_radius_deg": 0.3},
        "sky_maps": [
            {
                "energy_bands_tev": [[1.0, 10.0]],
                "centre": centre,
                "exclusion_regions": [{**centre, "radius_deg": 0.3}],
                "correlation_radius_deg": 0.04,
                "size_deg": 5.0,
                "pixel_deg": 0.02,
                "ring": {"inner_radius_deg": 0.5, "width_deg": 0.3},
            }
        ],
    }
    settings = {"name": "msh1552", **Target.model_validate(block).model_dump(mode="json")}
    files = [f"hess_dl3_dr1_obs_id_{i:06d}.fits.gz" for i in obs_ids]
    table = folder / "observations.tsv"
    rows = [f"{i}\tdata/{file}" for i, file in zip(obs_ids, files, strict=True)]
    table.write_text("\n".join(["obs_id\tfile", *rows]) + "\n")
    chunks, wildcards = [], SimpleNamespace(band=BAND)
    for cut in (slice(0, 12), slice(12, None)):
        chunks.append(str(folder / f"{cut.start:05d}.fits"))
        fill_sky_map(
            SimpleNamespace(
                dl3=[str(dr1 / "data" / f) for f in files[cut]], observations=str(table)
            ),
            SimpleNamespace(maps=chunks[-1]),
            SimpleNamespace(settings=settings, obs_ids=obs_ids[cut]),
            wildcards,
        )
    outputs = SimpleNamespace(maps=folder / "maps.fits", summary=folder / "summary.json")
    make_sky_map(
        SimpleNamespace(chunks=chunks), outputs, SimpleNamespace(settings=settings), wildcards
    )
    return outputs


@pytest.fixture(scope="module")
def summary(product):
    return json.loads(product.summary.read_text())[BAND]


def test_counts_are_identical(summary, reference):
    assert summary["n_on_events"] == reference["total_counts_in_map"]
    assert summary["obs_ids"] == reference["obs_ids"]


def test_field_of_view_norms(product, reference):
    with fits.open(product.maps, memmap=False) as hdus:
        norms = hdus["RUNS"].data["FOV_NORM"]
    np.testing.assert_allclose(norms, reference["fov_bkg_norms"], rtol=1e-6)


def test_peak(summary, reference):
    assert summary["peak_significance"] == pytest.approx(reference["max_sqrt_ts"], abs=1e-3)
    peak = SkyCoord(summary["peak_ra_deg"], summary["peak_dec_deg"], unit="deg")
    expected = SkyCoord(*reference["max_pos_deg"], unit="deg")
    assert peak.separation(expected).deg < 1e-6


def test_off_source_distribution(summary, reference):
    expected = reference["off_significance_distribution"]
    assert summary["n_off_bins"] == expected["npix"]
    assert summary["off_mean"] == pytest.approx(expected["mean"], abs=1e-3)
    assert summary["off_std"] == pytest.approx(expected["std"], abs=1e-3)


def test_significance_at_the_source(product, reference):
    with fits.open(product.maps, memmap=False) as hdus:
        # The pixel that holds the centre of the map, which is the corner of four.
        values = hdus["SIGNIFICANCE"].data[124:126, 124:126]
    expected = reference["sqrt_ts_at_source"]
    assert np.min(np.abs(values - expected)) < 1e-3
