"""Files generated from the schema do not drift from it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from iactflow.campaign import schema
from iactflow.campaign.document import _blocks, documents
from iactflow.campaign.schema_reconstruction import SPLITS


def test_generated_files_are_up_to_date(repository):
    for name, text in documents(repository).items():
        assert (repository / name).read_text(encoding="utf-8") == text, (
            f"{name} differs from the schema: run `iactflow schema --write`"
        )


def test_every_key_is_described():
    missing = [
        f"{block.__name__}.{key}"
        for block in _blocks()
        for key, field in block.model_fields.items()
        if not field.description
    ]
    assert missing == []


def test_default_file_holds_the_defaults(repository):
    content = {}
    for document in (repository / "config" / "default.yaml").read_text().split("\n\n"):
        content.update(yaml.safe_load(document) or {})
    spectrum = schema.Spectrum()
    assert content["targets.<name>.spectrum"] == spectrum.model_dump(mode="json")


@pytest.mark.parametrize("block", _blocks(), ids=lambda b: b.__name__)
def test_quantities_carry_their_unit(block):
    """A number with a dimension ends in its unit."""
    units = (
        "_deg",
        "_gev",
        "_tev",
        "_s",
        "_min",
        "_sigma",
        "_fraction",
        "_factor",
        "_bins",
        "_ts",
        "_m",
        "_mev",
        "_ns",
        "_samples",
        "_pe",
        "_rad",
        "_x0",
        "_adu",
        "_dex",
        "_deg2",
        "_h",
        "_mb",
        "_tb",
    )
    plain = {
        "seed", "n_bins", "n_runs", "index", "curvature", "amplitude", "spectral_index",
        "min_off_regions", "runs_per_job", "false_alarm_probability", "scale_check_flux",
        "n_on", "n_off", "statistic", "peak_significance", "off_mean", "off_std", "obs_ids",
        "run", "n_showers", "showers_per_job", "shower_reuse", "nsb_levels", "tel_ids",
        "n_nodes", "events_per_node",
        "dilations", "files_per_job", "parts_per_job", "window_width", "window_shift",
        "peak_index",
        "local_weight", "min_picture_neighbors", "time_num_neighbors", "min_telescopes",
        "min_pixels", "min_entries",
        "n_trees", "max_depth", "min_samples_leaf", "telescope_events", "charge",
        "max_leakage", "weight_index", "throughput_step", "throughput_reach",
        "throughput", "excess_noise", "min_signal_part", "max_gain_factor", "low_part",
        "low_mean", "sigma", *SPLITS, "phase", "fraction",
        "mean_scaled_width_max", "mean_scaled_length_max", "multiplicity_max", "alpha",
        "containment", "min_background_showers", "min_scale_showers", "migra_max",
        "hs06_per_core", "max_jobs", "max_cores", "max_requests_per_second",
    }  # fmt: skip
    for key, field in block.model_fields.items():
        if re.search(r"\b(float|int)\b", str(field.annotation)):
            assert key in plain or key.endswith(units), f"{block.__name__}.{key}"


def test_generated_pages_are_up_to_date(repository):
    command = [sys.executable, str(repository / "docs" / "generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
