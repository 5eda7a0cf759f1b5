"""A dry run of ten thousand jobs fits into the memory that others leave on a login node."""

from __future__ import annotations

import re
import sys

import yaml
from tests.workflow import snakemake

MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(f"peak_mb={resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f}")
sys.exit(status)
"""
CRAB = {"ra_deg": 83.633083, "dec_deg": 22.0145}
CAMPAIGN = {
    "campaign": "large",
    "description": "Mock runs, one to a job.",
    "data": {"source": "mock"},
    "execution": {"runs_per_job": 1},
    "mock": {"n_runs": 3334, "source": {"position": CRAB}},
    "targets": {
        "crab": {
            "label": "Crab Nebula (mock)",
            "position": CRAB,
            "observations": {"radius_deg": 2},
            "exclusion_regions": [{**CRAB, "radius_deg": 0.3}],
            "sky_maps": [{"energy_bands_tev": [[1, 10]], "size_deg": 4}],
            "spectrum": {"models": [{"model": "pl"}]},
        }
    },
}


def test_ten_thousand_jobs_fit_into_400_mb(tmp_path):
    file = tmp_path / "large.yaml"
    file.write_text(yaml.safe_dump(CAMPAIGN))
    arguments = ("all", "--dry-run", "--quiet", "rules", "--configfile", file)
    prefix = [sys.executable, "-c", MEASURE]
    printed = snakemake(*arguments, folder=tmp_path, prefix=prefix, check=True).stdout
    assert int(re.search(r"^total\s+(\d+)", printed, re.MULTILINE)[1]) > 10_000
    assert int(re.search(r"peak_mb=(\d+)", printed)[1]) <= 400
