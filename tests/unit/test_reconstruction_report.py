"""Summary and figures of reconstructed samples: known counts, resolutions of known spread."""

from __future__ import annotations

from types import SimpleNamespace

import awkward
import numpy as np
import pytest
from tests.unit.reconstruction_samples import FakeReader

from iactflow.campaign.json_product import read_json
from iactflow.errors import InputError
from iactflow.figures.reconstruction import plot_reconstruction
from iactflow.io.root import list_tables, read_table, write_table
from iactflow.io.tables import find_table
from iactflow.report import reconstruction_event
from iactflow.report.overview_samples import samples
from iactflow.report.reconstruction import summarise_reconstruction
from iactflow.report.reconstruction_event import choose_event
from iactflow.report.resolution_tables import Resolutions, bin_of, headline
from iactflow.stereo.stages import reconstruct_geometry as stage

BLOCK = {
    "extraction": {},
    "cleaning": {"picture_threshold_pe": 4.0, "boundary_threshold_pe": 2.0},
    "stereo": {},
}
N_EVENTS = 40


def write_dl2(geometry, path, energy_factor=1.1):
    """DL2 events of a file of geometry: energies a tenth too large."""
    columns = read_table(geometry, "geometry")
    rows = len(columns["event_id"])
    events = {}
    for column in find_table("events_dl2", path).columns:
        if column.name in columns:
            events[column.name] = columns[column.name]
        elif not column.optional:
            kind = np.dtype(column.dtype)
            fill = np.nan if kind.kind == "f" else 0
            events[column.name] = np.full(rows, fill, kind)
    if "simulated_events" in list_tables(geometry):
        truth = read_table(geometry, "simulated_events")
        events["energy_tev"] = energy_factor * truth["true_energy_tev"]
        events["gammaness"] = np.linspace(0.5, 1.0, rows, dtype=np.float64)
    write_table(path, {"events_dl2": events})


@pytest.fixture
def sample(monkeypatch, tmp_path):
    """Return a function that makes, summarises and draws a sample of invented events."""

    def make(is_simulation=True, n_events=N_EVENTS, role=None, draw=True):
        def read(path, **_):
            return FakeReader(n_events=n_events, is_simulation=is_simulation)

        monkeypatch.setattr(stage, "open_reader", read)
        monkeypatch.setattr(reconstruction_event, "open_reader", read)
        geometry, events = tmp_path / "geometry/files-00000", tmp_path / "events/files-00000"
        geometry.mkdir(parents=True)
        events.mkdir(parents=True)
        stage.reconstruct_file("a.simtel", geometry / "a.root", BLOCK)
        write_dl2(geometry / "a.root", events / "a.root")
        settings = {"name": "x", "is_simulation": is_simulation, "models": [], **BLOCK}
        settings["is_simulation"] = is_simulation if role is None else role
        outputs = {n: str(tmp_path / f"summary.{n}") for n in ("json", "root")}
        summarise_reconstruction(
            SimpleNamespace(raw=["a.simtel"], geometry=[str(geometry)], events=[str(events)]),
            SimpleNamespace(summary=outputs["json"], table=outputs["root"]),
            SimpleNamespace(settings=settings),
            None,
        )
        figures = tmp_path / "event", tmp_path / "figures"
        if draw:
            plot_reconstruction(
                SimpleNamespace(summary=outputs["json"], table=outputs["root"]),
                SimpleNamespace(event=str(figures[0]), figures=str(figures[1])),
                SimpleNamespace(),
                None,
            )
        names = sorted(f.name for folder in figures for f in folder.glob("*.png"))
        return read_json(outputs["json"]), tmp_path / "summary.root", names

    return make


def test_simulations_have_counts_and_resolutions(sample):
    summary, table, figures = sample()
    # Every fifth of the invented events has no telescope.
    seen = N_EVENTS * 4 // 5
    assert (summary["n_events"], summary["n_reconstructed"]) == (N_EVENTS, seen)
    assert summary["n_images"] == summary["n_images_used"] == 4 * seen
    level = summary["levels"]["all"]
    assert level["mean_multiplicity"] == 4.0
    assert level["reconstructed_fraction"] == 0.8
    full = [b for b in level["energy_resolution"]["tables"] if b["n_events"] >= 10]
    assert full
    for block in full:
        assert block["bias"] == pytest.approx(0.1, abs=1e-6)
        assert block["resolution"] == pytest.approx(0.0, abs=1e-6)
    full = [b for b in level["angular_resolution"]["pairs"] if b["n_events"] >= 10]
    assert full
    assert all(block["r68_deg"] < 0.02 for block in full)
    counts = read_table(table, "event_counts")
    assert counts["n_events"].sum() == N_EVENTS
    assert counts["n_reconstructed"].sum() == seen
    histograms = read_table(table, "parameter_histograms")
    sizes = histograms["quantity"] == "hillas_intensity"
    assert histograms["n"][sizes].sum() == 4 * seen
    found = histograms["quantity"] == "gammaness"
    assert histograms["n"][found].sum() == N_EVENTS
    assert histograms["low"][found].min() == pytest.approx(0.48)
    assert figures == [
        "classes.png",
        *("counts.png", "direction.png", "energy.png", "events.png", "images.png", "stages.png"),
    ]
    page = samples({"x": {**summary, "cpu_ms_per_event": 1.5}})
    assert "<h2>Reconstruction</h2>" in page
    assert samples({}) == ""


def test_data_have_rates(sample):
    summary, table, figures = sample(is_simulation=False)
    rates = read_table(table, "event_rates")
    assert rates["n_events"].sum() == N_EVENTS
    assert summary["levels"]["all"]["duration_s"] == N_EVENTS - 1
    assert "direction.png" not in figures
    assert "classes.png" not in figures
    assert "counts.png" in figures


def test_a_sample_without_events_has_a_report(sample):
    summary, _, figures = sample(n_events=0)
    assert summary["n_events"] == 0
    assert summary["shown_event"] == {}
    assert "stages.png" in figures


def test_simulations_must_know_the_truth(sample):
    with pytest.raises(InputError, match="role data"):
        sample(is_simulation=False, role=True)


def test_calibration_of_the_shown_event(sample):
    summary, table, _ = sample(draw=False)
    block = summary["calibration"]["5"]
    assert (block["n_pixels"], block["n_unusable"]) == (400, 0)
    assert block["pe_per_adu"] == pytest.approx(0.1)
    raw = read_table(table, "raw_images")
    images = read_table(table, "images")
    # One count per photoelectron where charges are sent.
    assert np.allclose(raw["raw_adu"][0], images["image"][0], atol=1e-3)
    assert awkward.num(raw["raw_adu"]).tolist() == [256, 256, 400, 400]


def test_the_event_shown_is_the_median_of_most_telescopes():
    geometry = {
        "obs_id": np.ones(4, int),
        "event_id": np.arange(4),
        "is_valid": np.array([True, True, True, False]),
        "multiplicity": np.array([3, 3, 2, 4]),
    }
    parameters = {
        "obs_id": np.ones(3, int),
        "event_id": np.array([0, 1, 2]),
        "hillas_intensity": np.array([10.0, 90.0, 50.0]),
    }
    assert choose_event(geometry, parameters) == 1
    assert choose_event({**geometry, "is_valid": np.zeros(4, bool)}, parameters) is None


def test_resolutions_come_back():
    """Directions scattered by a known Gaussian, energies by a known rms and bias."""
    rng = np.random.Generator(np.random.Philox(3))
    n, sigma_deg = 20000, 0.1
    energy = np.full(n, 1.2)
    truth = {
        "obs_id": np.ones(n, int),
        "shower_id": np.arange(n),
        "true_energy_tev": energy,
        "true_alt_deg": np.zeros(n),
        "true_az_deg": np.full(n, 180.0),
    }
    dx, dy = rng.normal(0, sigma_deg, (2, n))
    geometry = {"alt_deg": dx, "az_deg": 180.0 + dy}
    events = {"energy_tev": energy * (1.05 + rng.normal(0, 0.15, n))}
    found = Resolutions()
    found.add(truth, geometry, events, True)
    blocks = headline(found.table())
    direction = blocks["angular_resolution"]["pairs"][0]
    expected = sigma_deg * np.sqrt(-2.0 * np.log(1.0 - 0.68))
    assert abs(direction["r68_deg"] - expected) < 4.0 * direction["r68_error_deg"]
    assert direction["r68_error_deg"] < 0.01 * expected
    (block,) = blocks["energy_resolution"]["tables"]
    assert abs(block["bias"] - 0.05) < 4.0 * block["bias_error"]
    assert abs(block["resolution"] - 0.15) < 4.0 * block["resolution_error"]
    half = Resolutions()
    half.add(truth, geometry, events, np.arange(n) % 2 == 0)
    assert half.table()[0][4] == n // 2


def test_bins_hold_their_lower_edge():
    place, inside = bin_of(np.array([1.0, 1e-9, 1e9]))
    assert inside.tolist() == [True, False, False]
    assert place[0] == 10
