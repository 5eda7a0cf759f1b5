"""From primaries to R0: the same content fused, split and in any chunks; truth; conditions."""

from __future__ import annotations

import math
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest

from iactflow.campaign.digest import content_digest
from iactflow.campaign.schema_simulation import Cascade, Production
from iactflow.errors import InputError
from iactflow.io.merge import merge_tables
from iactflow.io.root import read_metadata, read_table
from iactflow.shower.collect import LightCollector
from iactflow.shower.primaries import direction_of_flight
from iactflow.telescope.stages import record
from iactflow.telescope.stages.events import event_time, simulate_events, simulate_telescopes
from iactflow.telescope.stages.setup import make_setup
from iactflow.telescope.stages.showers import simulate, simulate_showers

GAMMA = {
    "particle": "gamma",
    "run": 7,
    "n_showers": 4,
    "energy_min_tev": 0.2,
    "energy_max_tev": 0.6,
    "zenith_deg": 20.0,
    "azimuth_deg": 180.0,
    "offset_deg": 0.5,
    "core_radius_max_m": 120.0,
    "shower_reuse": 2,
    "nsb_levels": [1.0, 2.0],
}
SEED = 11


@pytest.fixture(scope="module")
def files(request):
    """Files of H.E.S.S. I and of the atmospheres."""
    root = request.config.rootpath / "config"
    folders = (root / "instruments/hess1/2006", root / "atmospheres")
    return [str(p) for f in folders for p in sorted(f.rglob("*")) if p.is_file()]


def job(files, showers, conditions=(), **changes):
    """Arguments of a stage."""
    block = Production.model_validate({**GAMMA, **changes}).model_dump(mode="json")
    shower = {"backend": "iactflow", "cascade": Cascade().model_dump()}
    settings = {"name": "gamma", **block, "shower": shower}
    inputs = SimpleNamespace(instrument=files, conditions=list(conditions))
    params = SimpleNamespace(settings=settings, seed=SEED, showers=showers)
    return inputs, params, SimpleNamespace(run=str(block["run"] or 30), production="gamma")


def make_events(folder, files, showers, **changes):
    inputs, params, wildcards = job(files, showers, **changes)
    simulate_events(inputs, SimpleNamespace(events=str(folder)), params, wildcards)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory, files):
    """Folder of all showers in one job."""
    return make_events(tmp_path_factory.mktemp("whole") / "chunk", files, (1, 4))


def test_kept_photons_give_the_same_events(tmp_path, files, whole):
    inputs, params, wildcards = job(files, (1, 4))
    outputs = SimpleNamespace(photons=str(tmp_path / "photons.root"), events=str(tmp_path / "c"))
    simulate_showers(inputs, outputs, params, wildcards)
    inputs.photons = outputs.photons
    simulate_telescopes(inputs, outputs, params, wildcards)
    assert sorted(f.name for f in whole.iterdir()) == ["nsb1.root", "nsb2.root"]
    assert content_digest(outputs.events) == content_digest(whole)


@pytest.fixture(scope="module")
def kept(tmp_path_factory, files):
    """Photons of the third shower."""
    outputs = SimpleNamespace(photons=str(tmp_path_factory.mktemp("kept") / "photons.root"))
    inputs, params, wildcards = job(files, (3, 3))
    simulate_showers(inputs, outputs, params, wildcards)
    return outputs.photons


@pytest.mark.parametrize(
    ("showers", "change", "message"),
    [
        ((1, 3), {}, "simulation_runs.shower_id_min: got 3; allowed: 1"),
        ((3, 3), {"run": 8}, "simulation_runs.obs_id: got 7; allowed: 8"),
        ((3, 3), {"zenith_deg": 21}, "pointing"),
        ((3, 3), {"particle": "electron", "offset_deg": 0}, "metadata particle: got 'gamma'"),
        ((3, 3), {"energy_max_tev": 0.7}, "energy_range_max_tev: got 0.6; allowed: 0.7"),
        ((3, 3), {"offset_angle_deg": 90}, "showers.true_alt_deg, row 0: got 70.4"),
        ((3, 3), {"shower_reuse": 1}, "simulation_runs.shower_reuse: got 2"),
        ((3, 3), {"cascade": Cascade(max_step_x0=0.2)}, "metadata cascade: got .*0.1"),
        ((3, 3), {"tel_ids": [1, 2, 3]}, r"tel_id.*: got \[1, 2, 3, 4\]"),
    ],
)
def test_kept_photons_of_other_settings_are_refused(
    tmp_path, files, kept, showers, change, message
):
    cascade = change.pop("cascade", Cascade())
    inputs, params, wildcards = job(files, showers, **change)
    params.settings["shower"]["cascade"] = cascade.model_dump()
    inputs.photons = kept
    with pytest.raises(InputError, match=message) as caught:
        simulate_telescopes(inputs, SimpleNamespace(events=str(tmp_path / "c")), params, wildcards)
    assert caught.value.file == kept


def test_chunks_merge_into_the_run(tmp_path, files, whole):
    parts = [make_events(tmp_path / f"{a}", files, (a, b)) for a, b in ((1, 1), (2, 4))]
    for level in ("nsb1.root", "nsb2.root"):
        merge_tables([part / level for part in parts], tmp_path / f"parts-{level}")
        merge_tables([whole / level], tmp_path / f"whole-{level}")
        digests = {content_digest(tmp_path / f"{kind}-{level}") for kind in ("parts", "whole")}
        assert len(digests) == 1


def test_batches_change_no_content(tmp_path, files, whole, monkeypatch):
    monkeypatch.setattr(record, "BATCH_ROWS", 3)
    again = make_events(tmp_path / "again", files, (1, 4))
    for level in ("nsb1.root", "nsb2.root"):
        assert content_digest(again / level) == content_digest(whole / level)


def test_truth_and_thrown_events(whole):
    file = whole / "nsb1.root"
    runs = read_table(file, "simulation_runs")
    assert runs["n_showers"].tolist() == [4]
    assert runs["spectral_index"].tolist() == [-2.0]
    thrown = read_table(file, "thrown_events")
    assert thrown["n_thrown"].sum() == 8
    assert set(thrown["viewcone_min_deg"]) == set(thrown["viewcone_max_deg"]) == {0.5}
    showers, cores = read_table(file, "showers"), read_table(file, "shower_cores")
    energies = showers["true_energy_tev"]
    assert np.all((energies >= 0.2) & (energies <= 0.6))
    above = thrown["energy_min_tev"] <= energies[:, None]
    below = energies[:, None] < thrown["energy_max_tev"]
    assert np.all((above & below).sum(axis=1) == 1)
    np.testing.assert_allclose(showers["true_alt_deg"], 70.5)
    np.testing.assert_allclose(showers["true_az_deg"], 180.0)
    light = read_table(file, "telescope_light")
    assert len(light["tel_id"]) == 4 * 2 * 4
    # Distance of CT1 from the axis of the first core, by hand.
    core = (cores["true_core_x_m"][0], cores["true_core_y_m"][0], 0.0)
    place = [a - b for a, b in zip((-0.16, -85.04, 9.945), core, strict=True)]
    flight = direction_of_flight(70.5, 180.0)
    along = sum(a * b for a, b in zip(place, flight, strict=True))
    expected = math.sqrt(sum(a * a for a in place) - along**2)
    assert light["impact_distance_m"][0] == pytest.approx(expected, rel=1e-5)
    profiles = read_table(file, "longitudinal_profiles")
    assert float(ak.max(profiles["n_charged"])) > 20
    assert np.all(showers["n_photons"] > 1e6 * energies)


def test_events_of_two_levels_share_the_shower(whole):
    one, two = (read_table(whole / f"nsb{level}.root", "true_images") for level in (1, 2))
    keys = [set(zip(t["event_id"].tolist(), t["tel_id"].tolist(), strict=True)) for t in (one, two)]
    assert len(keys[0]) >= 8
    common = keys[0] & keys[1]
    assert len(common) >= 8
    for event, telescope in common:
        images = [
            t["true_image"][(t["event_id"] == event) & (t["tel_id"] == telescope)][0]
            for t in (one, two)
        ]
        assert images[0].tolist() == images[1].tolist()
    charges = [read_table(whole / f"nsb{level}.root", "charges_r0") for level in (1, 2)]
    assert ak.num(charges[0]["charge_adc"])[0] == 2 * 960
    assert charges[0]["charge_adc"][0].tolist() != charges[1]["charge_adc"][0].tolist()


def test_calibration_and_pointing_belong_to_the_run(whole):
    calibration = read_table(whole / "nsb1.root", "calibration")
    assert len(calibration["pixel_id"]) == 4 * 2 * 960
    assert set(calibration["channel"]) == {0, 1}
    high = calibration["channel"] == 0
    assert calibration["pe_per_adu"][high].mean() < calibration["pe_per_adu"][~high].mean()
    chosen = high & (calibration["tel_id"] == 1)
    assert np.mean(calibration["flatfield"][chosen]) == pytest.approx(1.0, abs=1e-6)
    pointing = read_table(whole / "nsb1.root", "pointing")
    assert pointing["altitude_deg"].tolist() == [70.0] * 4
    metadata = read_metadata(whole / "nsb2.root")
    assert (metadata["nsb_factor"], metadata["instrument"]) == (2.0, "hess1")
    assert len(metadata["instrument_digest"]) == 64


OBSERVED = ("obs_id tel_id altitude_deg azimuth_deg start_utc participating throughput nsb_factor "
            "broken_pixels")  # fmt: skip
RUN_WISE = {
    "run": None,
    "zenith_deg": None,
    "azimuth_deg": None,
    "observations": {"conditions": "runs.tsv"},
    "nsb_levels": [1.0],
}
STATES = ((1, 1, 0.8, "0-99"), (2, 1, 0.7, ""), (3, 0, 1, ""), (4, 1, 1, ""))


def write_conditions(folder, states=STATES):
    """Table of run 30."""
    rows = [
        f"30 {t} 65 10 2006-07-29T21:00:00 {part} {eff} 1.5 {px}" for t, part, eff, px in states
    ]
    table = folder / "runs.tsv"
    table.write_text("\n".join(line.replace(" ", "\t") for line in [OBSERVED, *rows]) + "\n")
    return str(table)


def test_a_run_is_simulated_as_it_was_taken(tmp_path, files):
    conditions = [write_conditions(tmp_path)]
    folder = make_events(tmp_path / "c", files, (1, 3), conditions=conditions, **RUN_WISE)
    file = folder / "nsb1.root"
    states = read_table(file, "telescope_states")
    assert states["tel_id"].tolist() == [1, 2, 4]
    assert states["throughput"].tolist() == [0.8, 0.7, 1.0]
    assert states["n_broken_pixels"].tolist() == [100, 0, 0]
    assert set(states["altitude_deg"]) == {65.0}
    assert set(read_table(file, "pointing")["altitude_deg"]) == {65.0}
    assert set(read_table(file, "pointing")["time_s"]) == {1154206833}
    assert read_table(file, "simulation_runs")["obs_id"].tolist() == [30]
    calibration = read_table(file, "calibration")
    broken = calibration["pixel_id"][(calibration["status"] > 0) & (calibration["tel_id"] == 1)]
    assert set(broken) == set(range(100))
    images = read_table(file, "true_images")
    assert set(images["tel_id"]) <= {1, 2, 4}
    of_first = images["true_image"][images["tel_id"] == 1]
    assert len(of_first)
    assert int(ak.sum(of_first[:, :100])) == 0
    assert int(ak.sum(of_first[:, 100:])) > 0


def test_runs_of_other_states_merge(tmp_path, files, whole):
    table = write_conditions(tmp_path)
    alignment = [{"tel_ids": [4], "vertical": {"sine_deg": 0.02}}]
    changes = {**RUN_WISE, "nsb_levels": [1.0, 2.0], "alignment": alignment}
    folder = make_events(tmp_path / "c", files, (1, 1), conditions=[table], **changes)
    merge_tables([folder / "nsb1.root", whole / "nsb1.root"], tmp_path / "both.root")
    states = read_table(tmp_path / "both.root", "telescope_states")
    assert states["obs_id"].tolist() == [7] * 4 + [30] * 3
    assert states["tel_id"].tolist() == [1, 2, 3, 4, 1, 2, 4]
    assert states["altitude_deg"].tolist() == [70.0] * 4 + [65.0] * 3
    sines = states["align_vertical_sine_deg"]
    assert (sines[6], sines[4]) == (0.02, sines[0])
    # The factor 1.5 of the sky goes with the throughput.
    rates = states["nsb_rate_ghz"]
    assert rates[4] / rates[6] == pytest.approx(0.8)
    assert rates[6] / rates[3] == pytest.approx(1.5, rel=0.05)


def test_a_run_may_lack_a_telescope_of_the_alignment(tmp_path, files):
    entries = [{"tel_ids": [3, 4], "vertical": {"sine_deg": 0.02}}]
    conditions = [write_conditions(tmp_path)]
    inputs, params, wildcards = job(files, (1, 1), conditions, alignment=entries, **RUN_WISE)
    telescopes = make_setup(inputs, params, wildcards).instrument.telescopes
    sines = {t.tel_id: t.type.optics.align_vertical.sine_deg for t in telescopes}
    assert sorted(sines) == [1, 2, 4]
    assert (sines[4], sines[1] != 0.02) == (0.02, True)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ((7, 1, 1, ""), "run 30, tel_id: got 7; allowed: 1, 2, 3, 4"),
        ((3, 1, 1, "960"), "run 30, tel_id 3, broken_pixels: got 960; allowed: below 960"),
    ],
)
def test_what_a_table_says_of_no_telescope_is_named(tmp_path, files, state, message):
    conditions = [write_conditions(tmp_path, [*STATES[:2], state])]
    tel_ids = [1, 2] if state[0] == 7 else [1, 2, 3]
    inputs, params, wildcards = job(files, (1, 1), conditions, tel_ids=tel_ids, **RUN_WISE)
    with pytest.raises(InputError, match=message) as caught:
        make_setup(inputs, params, wildcards)
    assert caught.value.file == conditions[0]


def test_every_event_has_its_own_time(whole):
    trigger = read_table(whole / "nsb1.root", "trigger")
    times = list(zip(trigger["time_s"].tolist(), trigger["time_qns"].tolist(), strict=True))
    assert len(times) > 4
    assert sorted(set(times)) == times
    assert event_time(50, 1999, 99) == (51, 999 * 4_000_000 + 99 * 40_000)
    assert event_time(50, 2000, 0) == (52, 0)


def test_alignment_follows_the_campaign(files):
    entries = [
        {"telescope_types": ["HESS-I"], "vertical": {"sine_deg": 0.02}},
        {"tel_ids": [2], "vertical": {"sine_deg": 0.0, "cosine_deg": 0.0}},
    ]
    inputs, params, wildcards = job(files, (1, 1), alignment=entries)
    telescopes = make_setup(inputs, params, wildcards).instrument.telescopes
    sines = [t.type.optics.align_vertical.sine_deg for t in telescopes]
    assert sines == [0.02, 0.0, 0.02, 0.02]


def test_reduced_events_keep_their_images(tmp_path, files, whole):
    reduction = {"picture_pe": 8.0, "boundary_pe": 4.0, "dilations": 1}
    folder = make_events(tmp_path / "c", files, (1, 4), reduction=reduction)
    name = "charges_r0"
    full, reduced = (read_table(f / "nsb1.root", name)["charge_adc"] for f in (whole, folder))
    full, reduced = ak.to_numpy(full), ak.to_numpy(reduced)
    kept = reduced > 0
    assert 0.005 < kept.mean() < 0.2
    np.testing.assert_array_equal(full[kept], reduced[kept])
    images = ak.to_numpy(read_table(folder / "nsb1.root", "true_images")["true_image"])
    bright = images > 25
    assert bright.any()
    # A bright pixel alone is dropped; most have company.
    assert kept[:, :960][bright].mean() > 0.97


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tel_ids": [1, 9]}, "simulations.gamma: tel_ids: got 9; allowed: 1, 2, 3, 4"),
        ({"tel_ids": [1]}, "telescopes that satisfy an array trigger"),
        (
            {"alignment": [{"telescope_types": ["LST"]}]},
            r"alignment\[0\].telescope_types: got 'LST'",
        ),
    ],
)
def test_what_the_array_does_not_have_is_named(files, change, message):
    inputs, params, wildcards = job(files, (1, 1), **change)
    with pytest.raises(InputError, match=message):
        make_setup(inputs, params, wildcards)


def test_bright_showers_in_groups_of_reuses_are_the_same(files, monkeypatch):
    inputs, params, wildcards = job(files, (1, 2), shower_reuse=3)
    setup = make_setup(inputs, params, wildcards)
    whole = [(s, list(s.photons)) for s in simulate(setup)]
    draw = LightCollector.collected
    kept = []

    def collected(collector):
        kept.append(int(collector.counts.sum()))
        return draw(collector)

    monkeypatch.setattr(LightCollector, "collected", collected)
    largest = max(sum(map(len, reuse.values())) for _, photons in whole for reuse in photons)
    for most in (1, largest):
        parts = [(s, list(s.photons)) for s in simulate(setup, most)]
        for (a, all_photons), (b, some_photons) in zip(whole, parts, strict=True):
            assert a[1:4] == b[1:4]
            assert np.array_equal(a.n_charged, b.n_charged)
            assert len(all_photons) == len(some_photons) == 3
            for one, other in zip(all_photons, some_photons, strict=True):
                assert one.keys() == other.keys()
                assert all(np.array_equal(one[t], other[t]) for t in one)
    assert 0 < max(kept) <= largest
    assert len(kept) > 6
