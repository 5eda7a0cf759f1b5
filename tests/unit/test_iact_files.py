"""Photons of existing CORSIKA IACT files: what was thrown, telescopes, events, errors."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest
from tests.unit import corsika_samples as made
from zstandard import ZstdDecompressor

from iactflow.campaign.digest import content_digest
from iactflow.campaign.iact_files import files_by_run
from iactflow.campaign.schema_simulation import OF_THE_FILES, Production
from iactflow.errors import InputError
from iactflow.figures.simulation import plot_simulation
from iactflow.io.corsika import read_corsika, read_run_number
from iactflow.io.merge import merge_tables
from iactflow.io.root import list_tables, read_table
from iactflow.report.simulation import summarise_simulation
from iactflow.telescope.stages.events import simulate_telescopes
from iactflow.telescope.stages.iact_files import file_settings, match_telescopes, open_iact_file

FILE = "sim/gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.corsika.zst"
PAIR = "sim/corsika_simtel_pair_run7.json"
EVENT_HEADER, RUN_END = 1202, 1210


@pytest.fixture(scope="module")
def instrument_files(request):
    """Files of an instrument and of the atmospheres."""
    root = request.config.rootpath / "config"

    def listed(instrument):
        folders = (root / "instruments" / instrument, root / "atmospheres")
        return [str(p) for f in folders for p in sorted(f.rglob("*")) if p.is_file()]

    return listed


def job(instrument, photons, run=7, **keys):
    """Arguments of a stage."""
    block = Production.model_validate({"particle": "gamma", "iact_files": ["x"], **keys})
    left_out = {*OF_THE_FILES, "iact_files"}
    settings = {k: v for k, v in block.model_dump(mode="json").items() if k not in left_out}
    settings |= {"name": "gamma", "shower": {"backend": "iact_files"}}
    inputs = SimpleNamespace(photons=str(photons), instrument=instrument, conditions=[])
    params = SimpleNamespace(settings=settings, seed=11, showers=())
    return inputs, params, SimpleNamespace(run=str(run), production="gamma")


@pytest.fixture(scope="module")
def corsika_file(data_dir):
    """CORSIKA's half of a pair with sim_telarray."""
    path = data_dir / FILE
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return path


@pytest.fixture(scope="module")
def events(tmp_path_factory, corsika_file, instrument_files):
    """Folder of the events of four LSTs."""
    folder = tmp_path_factory.mktemp("lsts") / "chunk"
    inputs, params, wildcards = job(instrument_files("ctao-south-lsts/7.0.0"), corsika_file)
    simulate_telescopes(inputs, SimpleNamespace(events=str(folder)), params, wildcards)
    return folder


def test_headers_say_what_was_thrown(events):
    file = events / "nsb1.root"
    (row,) = ak.to_list(ak.zip(read_table(file, "simulation_runs")))
    assert (row["obs_id"], row["particle_id"]) == (7, 1)
    assert (row["n_showers"], row["shower_reuse"]) == (20, 1)
    assert (row["energy_range_min_tev"], row["energy_range_max_tev"]) == (0.1, 0.1)
    assert (row["spectral_index"], row["max_scatter_range_m"]) == (-2.0, 840.0)
    assert (row["pointing_alt_deg"], row["pointing_az_deg"]) == (50.0, 180.0)
    assert (row["wavelength_min_nm"], row["wavelength_max_nm"]) == (240.0, 1000.0)
    assert read_table(file, "thrown_events")["n_thrown"].sum() == 20
    assert list_tables(file)["showers"] == 20
    assert list_tables(file)["telescope_light"] == 80


def test_events_are_those_of_sim_telarray(events, data_dir):
    images = read_table(events / "nsb1.root", "true_images")
    ours = {
        (event, tel): n
        for event, tel, n in zip(
            *(images[k].tolist() for k in ("event_id", "tel_id", "true_image_sum")), strict=True
        )
    }
    theirs = {
        (event["simtel_event_id"], int(tel)): n
        for event in json.loads((data_dir / PAIR).read_text())
        for tel, n in event["pe"].items()
    }
    common = ours.keys() & theirs.keys()
    assert {event for event, _ in ours} == {event for event, _ in theirs}
    assert len(common) >= 12
    # Three thousand photoelectrons in either: 2.5 % of Poisson noise, twice.
    ratio = sum(ours[k] for k in common) / sum(theirs[k] for k in common)
    assert ratio == pytest.approx(1.0, abs=0.08)


def test_summary_and_figures_follow_the_headers(tmp_path, events, instrument_files):
    inputs, params, wildcards = job(instrument_files("ctao-south-lsts/7.0.0"), "")
    inputs.chunks = [str(events)]
    names = ("profiles", "light", "images")
    outputs = {name: str(tmp_path / f"{name}.png") for name in names}
    outputs |= {"summary": str(tmp_path / "s.json"), "table": str(tmp_path / "s.root")}
    outputs = SimpleNamespace(**outputs, trigger=str(tmp_path / "trigger"))
    summarise_simulation(inputs, outputs, params, wildcards)
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (summary["n_thrown"], summary["n_triggered"]["1"]) == (20, 4)
    assert (summary["core_radius_max_m"], summary["energy_max_tev"]) == (840.0, 0.1)
    inputs.summary, inputs.table = outputs.summary, outputs.table
    plot_simulation(inputs, outputs, params, wildcards)
    assert all((tmp_path / f"{name}.png").stat().st_size > 5000 for name in names)
    assert (tmp_path / "trigger/area_and_rate.png").is_file()


def test_files_of_a_run_merge(tmp_path, events, corsika_file, instrument_files):
    halves = cut(corsika_file, 12, tmp_path)
    chunks = []
    for i, half in enumerate(halves):
        chunks.append(tmp_path / f"chunk{i}")
        inputs, params, wildcards = job(instrument_files("ctao-south-lsts/7.0.0"), half)
        simulate_telescopes(inputs, SimpleNamespace(events=str(chunks[-1])), params, wildcards)
    merge_tables([chunk / "nsb1.root" for chunk in chunks], tmp_path / "merged.root")
    merge_tables([events / "nsb1.root"], tmp_path / "whole.root")
    digests = {content_digest(tmp_path / f"{name}.root") for name in ("merged", "whole")}
    assert len(digests) == 1


def cut(path, last, folder):
    """Two files: the first events of a file, and the others; both with what comes before them."""
    content = ZstdDecompressor().stream_reader(path.read_bytes()).read()
    at, starts = 0, []
    while at < len(content):
        kind = int.from_bytes(content[at + 4 : at + 8], "little") & 0xFFFF
        extended = content[at + 6] >> 1 & 1
        length = int.from_bytes(content[at + 12 : at + 16], "little") & 0x3FFFFFFF
        if extended:
            length += int.from_bytes(content[at + 16 : at + 20], "little") << 30
        starts.append((kind, at))
        at += 16 + 4 * extended + length
    events = [start for kind, start in starts if kind == EVENT_HEADER]
    end = next(start for kind, start in starts if kind == RUN_END)
    halves = [folder / "first.corsika", folder / "second.corsika"]
    halves[0].write_bytes(content[: events[last]] + content[end:])
    halves[1].write_bytes(content[: events[0]] + content[events[last] :])
    return halves


def test_more_telescopes_than_ours_are_left_out(corsika_file, instrument_files, caplog):
    arguments = job(instrument_files("ctao-south-lsts/7.0.0"), corsika_file, tel_ids=[1, 4])
    with caplog.at_level(logging.INFO, logger="iactflow"):
        setup, showers = open_iact_file(*arguments)
        shower = next(showers)
    assert "telescopes without a counterpart, by place: 1, 2" in caplog.text
    assert setup.tel_ids == [1, 4]
    _, theirs = read_corsika(corsika_file)
    expected = next(theirs).photons[0]
    for tel_id, place in ((1, 0), (4, 3)):
        photons = shower.photons[0][tel_id]
        np.testing.assert_array_equal(photons[:, [0, 1, 5, 7]], expected[place][:, [0, 1, 5, 7]])


def test_another_array_is_refused_with_its_distance(corsika_file, instrument_files):
    _, showers = open_iact_file(*job(instrument_files("ctao-north-alpha/7.0.0"), corsika_file))
    with pytest.raises(InputError, match="observation level"):
        next(showers)
    setup, _ = open_iact_file(*job(instrument_files("ctao-south-lsts/7.0.0"), corsika_file))
    run, _ = read_corsika(corsika_file)
    run.telescopes_m[2, 0] += 1.5
    with pytest.raises(InputError, match=r"test.corsika.zst: telescope 3 .* nearer than 1.5 m"):
        match_telescopes(run, setup)


def test_a_pointing_beside_the_source(corsika_file, instrument_files):
    keys = {"zenith_deg": 40.5, "azimuth_deg": 180.0}
    setup, showers = open_iact_file(
        *job(instrument_files("ctao-south-lsts/7.0.0"), corsika_file, **keys)
    )
    assert (setup.alt_deg, setup.settings["offset_deg"]) == pytest.approx((49.5, 0.5), abs=1e-4)
    assert next(showers).thrown.offset_deg == pytest.approx(0.5, abs=1e-3)


def a_file(folder, run_words=(), text="", **words):
    """A file of one shower from the zenith; changes by number of the word, w<number>."""
    fixed = {"w81": 0.0, "w82": 0.0, "w83": 0.0, "w84": 360.0, "w11": 0.0}
    energies = {"w58": -2.5, "w59": 20.0, "w60": 3000.0}
    header = made.run_header(run=7, w93=1, w248=30000.0, **dict(run_words))
    content = made.sample(text).replace(made.run_header(), header)
    event = made.event_header(**{**fixed, **energies, **words})
    path = folder / "made.corsika"
    path.write_bytes(content.replace(made.event_header(), event))
    return path


def settings_of(path, **keys):
    _, params, _ = job([], path, **keys)
    run, _ = read_corsika(path)
    return file_settings(params.settings, run)


def test_headers_of_a_diffuse_run(tmp_path):
    path = a_file(tmp_path, w153=0.0, w154=5.0, w3=14)
    assert read_run_number(path) == 7
    settings = settings_of(path, particle="proton")
    assert settings["energy_min_tev"] == pytest.approx(0.02)
    assert settings["energy_max_tev"] == pytest.approx(3.0)
    assert settings["spectral_index"] == 2.5
    assert (settings["viewcone_deg"], settings["offset_deg"]) == (5.0, 0.0)
    assert (settings["core_radius_max_m"], settings["shower_reuse"]) == (300.0, 2)
    assert settings["zenith_deg"] == 0.0


def test_the_direction_turns_with_the_array(tmp_path):
    # From zenith angle 30 deg; flies to 50 deg west of magnetic north, the array's axis 40 deg east
    # of that: 90 deg west of the axis, so it comes from the east.
    path = a_file(tmp_path, w11=np.radians(30.0), w81=30.0, w82=30.0, w83=50.0, w84=50.0)
    settings = settings_of(path)
    assert (settings["zenith_deg"], settings["azimuth_deg"]) == (30.0, 90.0)
    _, showers = read_corsika(path)
    assert next(showers).azimuth_deg == pytest.approx(90.0, abs=1e-3)


CONE = {"w154": 3.0}
BAD = {
    "particle": ({"w3": 14}, {}, r"particle: got 14; allowed: 1 \(gamma\)"),
    "cone of gamma": (CONE, {}, "particle: gamma_diffuse"),
    "point of diffuse": ({}, {"particle": "gamma_diffuse"}, "above 0, or particle: gamma"),
    "ring": ({"w153": 1.0, **CONE}, {"particle": "gamma_diffuse"}, "a full cone"),
    "ranges": ({"w82": 20.0}, {}, "THETAP, PHIP: got 'ranges'"),
    "re-uses": ({"w98": 101}, {}, "re-uses: got 101; allowed: 1 to 100"),
    "cone beside": (
        CONE,
        {"particle": "gamma_diffuse", "zenith_deg": 1, "azimuth_deg": 0},
        "the axis of the cone",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_headers_that_do_not_fit_are_named(tmp_path, name):
    words, keys, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        settings_of(a_file(tmp_path, **words), **keys)
    assert "made.corsika" in str(caught.value)


def test_efficiencies_and_rectangles_are_refused(tmp_path):
    with pytest.raises(InputError, match="CERQEF: got 'quantum efficiency'"):
        settings_of(a_file(tmp_path, text="CERQEF T F F\n"))
    with pytest.raises(InputError, match="CSCAT"):
        settings_of(a_file(tmp_path, {"w249": 20000.0}))


def test_files_are_found_beside_the_campaign_or_below_the_data(tmp_path, monkeypatch):
    data, here = tmp_path / "data", tmp_path / "here"
    for folder, names in ((data, "ab"), (here, "bc")):
        folder.mkdir()
        for name in names:
            (folder / f"{name}.corsika").write_bytes(made.run_header(run=ord(name)))
    monkeypatch.setenv("IACTFLOW_DATA", str(data))
    campaign = str(here / "file.yaml")
    found = files_by_run(["a.corsika", "*.corsika"], campaign, "key")
    expected = {97: data / "a.corsika", 98: here / "b.corsika", 99: here / "c.corsika"}
    assert found == {run: [str(file)] for run, file in expected.items()}
    monkeypatch.delenv("IACTFLOW_DATA")
    with pytest.raises(InputError, match=r"key\[0\]: got 'a.corsika'; allowed: existing files"):
        files_by_run(["a.corsika"], campaign, "key")


def test_a_file_without_a_run_is_refused(tmp_path):
    path = tmp_path / "events.corsika"
    path.write_bytes(made.event_header())
    with pytest.raises(InputError, match="run header: got 'missing'"):
        read_run_number(path)
