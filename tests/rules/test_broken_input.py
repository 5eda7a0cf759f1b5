"""A rule that meets a broken file says so in one line and leaves nothing behind."""

from __future__ import annotations

import shutil

import pytest
import yaml
from tests.workflow import snakemake

RUN = "data/hess_dl3_dr1_obs_id_023523.fits.gz"
INDICES = ("obs-index.fits.gz", "hdu-index.fits.gz")


@pytest.fixture
def crab(tmp_path, repository, dr1):
    """Return a campaign of one Crab run, and the copy of its file."""
    root = tmp_path / "dl3"
    (root / "data").mkdir(parents=True)
    for name in (RUN, *INDICES):
        shutil.copy(dr1 / name, root / name)
        (root / name).chmod(0o644)
    content = yaml.safe_load((repository / "config/campaigns/hess-dl3-dr1.yaml").read_text())
    target = content["targets"]["crab"]
    target["observations"] = {"obs_ids": [23523]}
    target["sky_maps"] = [{"energy_bands_tev": [[1, 10]], "size_deg": 3, "pixel_deg": 0.05}]
    file = tmp_path / "crab.yaml"
    content |= {"campaign": "crab", "data": {"dl3_root": str(root)}, "targets": {"crab": target}}
    file.write_text(yaml.safe_dump(content))
    return file, root / RUN


@pytest.mark.parametrize(
    ("product", "rule"),
    [
        ("sky_map/crab/1-10/chunks/00000.fits", "fill_sky_map"),
        ("spectrum/crab/ogip/00000", "extract_spectra"),
        ("light_curve/crab/run_wise/light_curve.ecsv", "estimate_light_curve"),
    ],
)
def test_truncated_run_is_one_line_and_no_product(crab, tmp_path, product, rule):
    file, run = crab
    run.write_bytes(run.read_bytes()[: run.stat().st_size // 2])
    path = f"results/crab/{product}"
    result = snakemake(path, "--cores", 1, "--configfile", file, folder=tmp_path)
    assert result.returncode != 0
    lines = [line for line in result.stdout.splitlines() if line.startswith(f"{rule}: ")]
    assert len(lines) == 1, result.stdout
    assert str(run) in lines[0]
    assert "allowed: " in lines[0]
    assert f"results/crab/log/{rule}" in lines[0]
    folder = (tmp_path / path).parent
    assert [p.name for p in folder.glob("*") if p.is_file()] == []
    log = next((tmp_path / "results/crab/log" / rule).rglob("*.log"))
    assert "Traceback" not in log.read_text()


def test_whole_run_makes_its_product(crab, tmp_path):
    file, _ = crab
    path = "results/crab/sky_map/crab/1-10/chunks/00000.fits"
    snakemake(path, "--cores", 1, "--configfile", file, folder=tmp_path, check=True)
    names = {p.name for p in (tmp_path / path).parent.iterdir()}
    assert names == {"00000.fits", "00000.fits.prov.json"}
