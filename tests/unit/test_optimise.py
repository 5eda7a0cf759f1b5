"""Choice of cuts: equal to the slow search over all combinations, and an analytic optimum."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import response_samples as samples

from iactflow.campaign import schema_cuts
from iactflow.campaign.json_product import read_json
from iactflow.errors import InputError
from iactflow.response.optimise import choose_band, choose_cuts
from iactflow.response.samples import read_sample
from iactflow.response.selection import CutBand, Cuts, read_cuts, select
from iactflow.response.significance import li_ma_significance
from iactflow.response.spectra import SPECTRA
from iactflow.response.stages.optimise_cuts import optimise_cuts
from iactflow.response.thrown_density import solid_angle_sr
from iactflow.response.weighted import WeightedEvents, weigh_background, weigh_signal
from iactflow.response.weights import clustered_rate

SETTINGS = {
    "cuts": ["mean_scaled_width_max", "theta2_max_deg2"],
    "time_h": 1.0,
    "alpha": 0.2,
    "background_offset_max_deg": 1.0,
    "signal_efficiency_min": 0.3,
    "n_background_showers_min": 5,
    "containment": None,
}


def weighted(n, rate, centre, seed, n_showers):
    """Events of Gaussian widths and gammaness, of a total rate; showers of several events."""
    rng = np.random.default_rng(seed)
    width = rng.normal(centre, 1.0, n)
    events = {
        "mean_scaled_width": width,
        "gammaness": 1.0 / (1.0 + np.exp(width + 0.5 * rng.normal(size=n))),
        "theta_deg": 0.06 * np.hypot(*rng.normal(size=(2, n))),
        "energy_tev": np.ones(n),
    }
    weight = rng.uniform(0.5, 1.5, n)
    return WeightedEvents(events, rate * weight / weight.sum(), rng.integers(0, n_showers, n))


def search(signal, background, settings, band):
    """All combinations of the same candidates, each from a mask."""
    names = settings["cuts"]
    n = {1: 80, 2: 40}[len(names)]
    columns = {
        "mean_scaled_width_max": lambda e: e["mean_scaled_width"],
        "gammaness_min": lambda e: -e["gammaness"],
        "theta2_max_deg2": lambda e: e["theta_deg"] ** 2,
    }
    candidates = []
    for name in names:
        values = columns[name](signal.events)
        order = np.argsort(values)
        below = np.cumsum(signal.weight[order]) / signal.weight.sum()
        at = [np.argmax(below >= f) if below[-1] >= f else -1 for f in np.linspace(0.2, 0.99, n)]
        candidates.append(np.unique(values[order][at]))
    best, chosen = -np.inf, None
    for limits in itertools.product(*candidates):
        keep, other = (np.ones(len(e.weight), bool) for e in (signal, background))
        theta2 = band.theta2_max_deg2
        for name, limit in zip(names, limits, strict=True):
            keep &= columns[name](signal.events) <= limit
            if name == "theta2_max_deg2":
                theta2 = limit
            else:
                other &= columns[name](background.events) <= limit
        part = (1 - np.cos(np.radians(np.sqrt(theta2)))) / (1 - np.cos(np.radians(1.0)))
        s = signal.weight[keep].sum() * settings["time_h"] * 3600
        b = background.weight[other].sum() * part * settings["time_h"] * 3600
        value = li_ma_significance(s + b, b / 0.2, 0.2)
        enough = len(set(background.cluster[other])) >= settings["n_background_showers_min"]
        efficient = keep @ signal.weight >= settings["signal_efficiency_min"] * signal.weight.sum()
        if enough and efficient and value > best:
            best, chosen = value, dict(zip(names, limits, strict=True))
    return best, chosen


@pytest.mark.parametrize(
    ("names", "n_showers"),
    [
        (["mean_scaled_width_max", "theta2_max_deg2"], 5),
        (["gammaness_min"], 5),
        (["theta2_max_deg2", "gammaness_min"], 40),
    ],
)
def test_choice_is_that_of_the_slow_search(names, n_showers):
    signal = weighted(500, 0.02, 0.0, 1, 200)
    background = weighted(400, 8.0, 2.5, 2, 150)
    settings = {**SETTINGS, "cuts": names, "n_background_showers_min": n_showers}
    band = CutBand(theta2_max_deg2=0.0125)
    if "theta2_max_deg2" not in names:
        inside = signal.events["theta_deg"] ** 2 <= 0.0125
        signal = signal.take(inside)
    best, chosen = search(signal, background, settings, band)
    found = choose_band(signal, background, band, settings)
    assert found.numbers["significance"] == pytest.approx(best, rel=1e-9)
    for name, limit in chosen.items():
        value = -limit if name == "gammaness_min" else limit
        assert getattr(found.band, name) == pytest.approx(value, rel=1e-12)
    assert found.numbers["n_background_showers"] >= n_showers
    assert found.numbers["enough_background"]


def test_numbers_are_those_of_the_events_left():
    signal, background = weighted(500, 0.02, 0.0, 1, 200), weighted(4000, 8.0, 2.5, 2, 900)
    found = choose_band(signal, background, CutBand(), SETTINGS)
    numbers, band = found.numbers, found.band
    keep = signal.events["mean_scaled_width"] <= band.mean_scaled_width_max
    keep &= signal.events["theta_deg"] ** 2 <= band.theta2_max_deg2
    assert numbers["signal_rate_per_s"] == pytest.approx(signal.weight[keep].sum())
    assert numbers["signal_efficiency"] == pytest.approx(signal.weight[keep].sum() / 0.02)
    other = background.events["mean_scaled_width"] <= band.mean_scaled_width_max
    part = solid_angle_sr(0.0, np.sqrt(band.theta2_max_deg2)) / solid_angle_sr(0.0, 1.0)
    assert numbers["background_rate_per_s"] == pytest.approx(background.weight[other].sum() * part)
    assert numbers["n_background_events"] == other.sum()
    b, s = numbers["background_rate_per_s"] * 3600, numbers["signal_rate_per_s"] * 3600
    assert numbers["significance"] == pytest.approx(li_ma_significance(s + b, 5 * b, 0.2))


def test_direction_cut_of_much_background_is_that_of_a_gaussian():
    """s / sqrt(b) of a Gaussian PSF of rms sigma per axis is largest at theta = 1.585 sigma."""
    signal, background = weighted(60_000, 1e-3, 0.0, 3, 9000), weighted(500, 300.0, 0.0, 4, 200)
    settings = {**SETTINGS, "cuts": ["theta2_max_deg2"], "time_h": 100.0}
    found = choose_band(signal, background, CutBand(), settings)
    assert np.sqrt(found.band.theta2_max_deg2) == pytest.approx(1.585 * 0.06, rel=0.05)


def test_too_little_background_takes_the_loosest_shapes(caplog):
    signal, background = weighted(500, 0.02, 0.0, 1, 200), weighted(300, 8.0, 2.5, 2, 60)
    settings = {**SETTINGS, "n_background_showers_min": 1000}
    with caplog.at_level("WARNING", logger="iactflow"):
        found = choose_band(signal, background, CutBand(), settings)
    assert "background showers are left" in caplog.text
    assert not found.numbers["enough_background"]
    assert found.band.mean_scaled_width_max == pytest.approx(
        np.quantile(signal.events["mean_scaled_width"], 0.99), abs=0.2
    )


def test_containment_holds_its_fraction():
    signal, background = weighted(5000, 0.02, 0.0, 1, 2000), weighted(3000, 8.0, 2.5, 2, 600)
    settings = {**SETTINGS, "cuts": ["gammaness_min"], "containment": 0.7}
    found = choose_band(signal, background, CutBand(), settings)
    # A Gaussian of rms 0.06 deg per axis holds 70 % inside theta^2 = -2 sigma^2 ln 0.3.
    expected = -2.0 * 0.06**2 * np.log(0.3)
    assert found.band.theta2_max_deg2 == pytest.approx(expected, rel=0.05)


def test_empty_bands_and_unknown_regions_are_refused():
    signal, background = weighted(50, 0.02, 0.0, 1, 20), weighted(300, 8.0, 2.5, 2, 60)
    with pytest.raises(InputError, match="no gamma rays"):
        choose_band(signal.take(slice(0, 0)), background, CutBand(), SETTINGS)
    settings = {**SETTINGS, "cuts": ["gammaness_min"]}
    with pytest.raises(InputError, match="theta2_max_deg2"):
        choose_band(signal, background, CutBand(), settings)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folders of gamma rays at two offsets, protons in two ranges of energy, and helium."""
    folder = tmp_path_factory.mktemp("dl2")
    gamma = samples.law(n_showers=1500, shower_reuse=3, core_radius_max_m=350.0)
    wide = samples.law(n_showers=2500, viewcone_deg=3.0, core_radius_max_m=350.0)
    for name, settings, particle, run in (
        ("gamma", gamma, 1, 1),
        ("gamma_far", {**gamma, "offset_deg": 1.5}, 1, 2),
        ("proton", wide, 14, 3),
        ("proton_high", {**wide, "energy_min_tev": 3.0}, 14, 4),
        ("helium", {**wide, "n_showers": 800}, 402, 3),
    ):
        (folder / name).mkdir()
        samples.write_sample(folder / name / "a.root", settings, particle=particle, run=run)
    return folder


BLOCK = {
    "preset": "standard",
    "optimise": {
        "signal": ["gamma"],
        "background": {
            "proton": "proton_irfdoc",
            "proton_high": "proton_irfdoc",
            "helium": None,
        },
        "energy_edges_tev": [0.1, 1.0, 10.0],
        "time_h": 1.0,
        "background_offset_max_deg": 2.0,
    },
}


def run(files, tmp_path, block):
    signal, background = ("gamma",), ("proton", "proton_high", "helium")
    settings = schema_cuts.Cuts(**block).model_dump(mode="json")
    settings |= {"energy": "tables", "direction": "geometry"}
    if settings["optimise"] is not None:
        settings |= {"n_signal": dict.fromkeys(signal, 1),
                     "n_background": dict.fromkeys(background, 1)}  # fmt: skip
    inputs = SimpleNamespace(
        signal=[str(files / name) for name in signal],
        background=[str(files / name) for name in background],
    )
    outputs = SimpleNamespace(cuts=str(tmp_path / "cuts.json"))
    optimise_cuts(inputs, outputs, SimpleNamespace(settings=settings), SimpleNamespace())
    return read_json(outputs.cuts), read_cuts(outputs.cuts)


def test_stage_chooses_cuts_by_band(files, tmp_path):
    content, cuts = run(files, tmp_path, BLOCK)
    assert cuts.name == "optimised"
    assert [b.energy_min_tev for b in cuts.bands] == [0.1, 1.0]
    for band, numbers in zip(cuts.bands, content["bands"], strict=True):
        # What is not chosen is that of the preset.
        assert (band.mean_scaled_length_max, band.mean_scaled_width_min) == (2.0, -2.0)
        assert 0.0 < band.mean_scaled_width_max < 2.5
        assert 0.005 < band.theta2_max_deg2 < 0.06
        assert numbers["enough_background"]
        assert 0.3 < numbers["signal_efficiency"] < 0.95
        assert numbers["background_fraction"] < 0.5
    assert content["chosen_on"]["background"] == BLOCK["optimise"]["background"]
    again, _ = run(files, tmp_path, BLOCK)
    assert again == content


def test_stage_numbers_are_those_of_select(files, tmp_path):
    """The rates that the product states are those of its cuts, applied by select."""
    content, cuts = run(files, tmp_path, BLOCK)
    signal = weigh_signal([read_sample(files / "gamma", "test_cuts")],
                          SPECTRA["crab_hess"].times(0.1))  # fmt: skip
    background = weigh_background(
        [(read_sample(files / "proton", "test_cuts"), "proton_irfdoc"),
         (read_sample(files / "proton_high", "test_cuts"), "proton_irfdoc"),
         (read_sample(files / "helium", "test_cuts"), None)]
    )  # fmt: skip
    kept = signal.take(select(signal.events, cuts, with_direction=True))
    other = background.take(select(background.events, cuts))
    other = other.take(other.events["offset_deg"] <= 2.0)
    for band, numbers in zip(cuts.bands, content["bands"], strict=True):
        for part, name, scale in (
            (kept, "signal", 1.0),
            (other, "background",
             solid_angle_sr(0, np.sqrt(band.theta2_max_deg2)) / solid_angle_sr(0, 2.0)),
        ):  # fmt: skip
            energy = part.events["energy_tev"]
            inside = (energy >= band.energy_min_tev) & (energy < band.energy_max_tev)
            found = part.weight[inside].sum() * scale
            assert numbers[f"{name}_rate_per_s"] == pytest.approx(found, rel=1e-9)
            assert numbers[f"n_{name}_events"] == inside.sum()


def test_fixed_cuts_pass_through(files, tmp_path):
    content, cuts = run(files, tmp_path, {"preset": "hard"})
    assert content["chosen_on"] is None
    assert cuts == Cuts("hard", cuts.bands)
    assert cuts.bands[0].mean_scaled_width_max == 0.7


def test_samples_of_a_particle_add_up(files):
    """Protons of two ranges weigh as one production: the same rate, with more showers at high E."""
    one = read_sample(files / "proton", "test_irfs")
    two = read_sample(files / "proton_high", "test_irfs")
    energy = np.geomspace(3.0, 30.0, 2001)
    radius = np.linspace(0.0, 350.0, 701)
    seen = samples.chance_of_trigger(energy[:, None] / 3.0, radius)
    area = np.trapezoid(2.0 * np.pi * radius * seen, radius, axis=1)
    flux = SPECTRA["proton"](energy) * 1e4 * solid_angle_sr(0.0, 3.0)
    expected = np.trapezoid(flux * area * energy, np.log(energy))
    errors = []
    for parts in ([one], [two], [one, two]):
        found = weigh_background([(part, None) for part in parts])
        high = found.take(found.events["true_energy_tev"] >= 3.0)
        rate = clustered_rate(high.weight, high.cluster)
        assert abs(rate.value - expected) < 3.0 * rate.error
        errors.append(rate.error)
    assert errors[2] < errors[1] < 0.5 * errors[0]
    with pytest.raises(InputError, match="one spectrum"):
        weigh_background([(one, None), (two, "proton_irfdoc")])


def test_points_at_several_offsets_are_averaged(files):
    near, far = (read_sample(files / name, "test_irfs") for name in ("gamma", "gamma_far"))
    crab = SPECTRA["crab_hess"]
    rates = [weigh_signal([sample], crab).weight.sum() for sample in (near, far)]
    both = weigh_signal([near, far], crab)
    assert both.weight.sum() == pytest.approx(np.mean(rates))
    only = weigh_signal([near, far], crab, (0.0, 1.0))
    assert only.weight.sum() == pytest.approx(rates[0])
    with pytest.raises(InputError, match="offsets that were simulated"):
        weigh_signal([near], crab, (1.0, 2.0))
    with pytest.raises(InputError, match="one kind"):
        weigh_signal([near, read_sample(files / "proton", "test_irfs")], crab)


def test_bands_without_simulations_are_refused(files):
    settings = schema_cuts.Cuts(**BLOCK).model_dump(mode="json")
    settings["optimise"]["zenith_edges_deg"] = [0.0, 15.0, 30.0]
    signal = [read_sample(files / "gamma", "test_cuts")]
    background = [(read_sample(files / "proton", "test_cuts"), None)]
    with pytest.raises(InputError, match="zenith_edges_deg"):
        choose_cuts(signal, background, settings)
    settings["optimise"]["zenith_edges_deg"] = [0.0, 30.0]
    cuts, _ = choose_cuts(signal, background, settings)
    assert {b.zenith_max_deg for b in cuts.bands} == {30.0}


def at_zenith(sample, zenith_deg):
    """Return the same showers at another zenith angle."""
    events = {**sample.events, "zenith_deg": np.full(len(sample.events["zenith_deg"]), zenith_deg)}
    runs = np.full(len(sample.thrown.obs_id), zenith_deg)
    return sample._replace(events=events, thrown=sample.thrown._replace(zenith_deg=runs))


def test_each_band_of_zenith_angle_has_samples_of_its_own(files):
    settings = schema_cuts.Cuts(**BLOCK).model_dump(mode="json")
    settings["optimise"]["zenith_edges_deg"] = [0.0, 30.0]
    gamma, proton = (read_sample(files / name, "test_cuts") for name in ("gamma", "proton"))
    expected, numbers = choose_cuts([gamma], [(proton, None)], settings)
    settings["optimise"]["zenith_edges_deg"] = [0.0, 30.0, 60.0]
    gammas = [gamma, at_zenith(gamma, 40.0)]
    protons = [(proton, None), (at_zenith(proton, 40.0), None)]
    cuts, both = choose_cuts(gammas, protons, settings)
    n = len(expected.bands)
    assert [both[:n], both[n:]] == [numbers, numbers]
    assert cuts.bands[:n] == expected.bands
    assert {(band.zenith_min_deg, band.zenith_max_deg) for band in cuts.bands[n:]} == {(30.0, 60.0)}
    with pytest.raises(InputError, match=r"zenith_edges_deg: got \(30.0, 60.0\)"):
        choose_cuts(gammas, protons[:1], settings)
