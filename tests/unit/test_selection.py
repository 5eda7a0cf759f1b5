"""Cuts on events: presets, bands, what fails, and their way through JSON."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from iactflow.campaign import schema_cuts
from iactflow.campaign.json_product import read_json, write_json
from iactflow.errors import InputError
from iactflow.response.selection import (
    CUT_NAMES,
    PRESETS,
    CutBand,
    Cuts,
    cuts_from_settings,
    read_cuts,
    select,
)
from iactflow.response.spectra import SPECTRA

N = 4000


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(1)
    found = {
        "is_valid": rng.uniform(size=N) < 0.95,
        "energy_tev": 10.0 ** rng.uniform(-1.5, 2.0, N),
        "mean_scaled_width": rng.normal(0.5, 1.2, N),
        "mean_scaled_length": rng.normal(0.5, 1.2, N),
        "gammaness": rng.uniform(size=N),
        "multiplicity": rng.integers(2, 5, N),
        "offset_deg": rng.uniform(0.0, 3.0, N),
        "theta_deg": rng.uniform(0.0, 0.3, N),
        "zenith_deg": rng.uniform(0.0, 60.0, N),
    }
    for name in ("mean_scaled_width", "gammaness", "energy_tev"):
        found[name][rng.uniform(size=N) < 0.05] = np.nan
    return found


def slow(events, cuts, with_direction=False):
    """The obvious loop: one event after the other, one band after the other."""
    passed = []
    for i in range(N):
        event = {name: values[i] for name, values in events.items()}
        energy, zenith = event["energy_tev"], event["zenith_deg"]
        inside = [
            b for b in cuts.bands
            if b.energy_min_tev <= energy < b.energy_max_tev
            and b.zenith_min_deg <= zenith < b.zenith_max_deg
        ]  # fmt: skip
        if not event["is_valid"] or math.isnan(energy):
            passed.append(False)
            continue
        band, good = inside[0], True
        for name, value in (
            ("mean_scaled_width", event["mean_scaled_width"]),
            ("mean_scaled_length", event["mean_scaled_length"]),
            ("gammaness", event["gammaness"]),
            ("multiplicity", event["multiplicity"]),
            ("offset", event["offset_deg"]),
            ("theta2", event["theta_deg"] ** 2),
        ):
            for end, sign in (("min", 1), ("max", -1)):
                units = {"offset": "offset_max_deg", "theta2": "theta2_max_deg2"}
                limit = getattr(band, units.get(name, f"{name}_{end}"), None)
                if limit is None or (name in units and end == "min"):
                    continue
                if name == "theta2" and not with_direction:
                    continue
                good = good and bool(sign * (value - limit) >= 0.0)
        passed.append(good)
    return np.array(passed)


BANDS = Cuts(
    "custom",
    (
        CutBand(0.0, 0.5, 0.0, 30.0, mean_scaled_width_max=1.0, multiplicity_min=3),
        CutBand(0.5, 5.0, 0.0, 30.0, gammaness_min=0.4, theta2_max_deg2=0.02),
        CutBand(5.0, np.inf, 0.0, 30.0, mean_scaled_length_min=-1.0, offset_max_deg=2.0),
        CutBand(0.0, np.inf, 30.0, 90.0, mean_scaled_width_min=-0.5, gammaness_min=0.1),
    ),
)


@pytest.mark.parametrize("with_direction", [False, True])
@pytest.mark.parametrize("cuts", [BANDS, Cuts("hard", (PRESETS["hard"],))], ids=lambda c: c.name)
def test_cuts_are_those_of_the_obvious_loop(events, cuts, with_direction):
    found = select(events, cuts, with_direction=with_direction)
    np.testing.assert_array_equal(found, slow(events, cuts, with_direction))
    assert 0 < found.sum() < N


def test_presets_are_those_of_hess(events):
    """Aharonian et al. 2006, table 1: width, length, squared angle."""
    for name, width, theta2 in (
        ("standard", 0.9, 0.0125),
        ("hard", 0.7, 0.01),
        ("loose", 1.2, 0.04),
    ):
        cuts = Cuts(name, (PRESETS[name],))
        w, x = events["mean_scaled_width"], events["mean_scaled_length"]
        good = (w >= -2.0) & (w <= width) & (x >= -2.0) & (x <= 2.0)
        good &= events["is_valid"] & np.isfinite(events["energy_tev"])
        np.testing.assert_array_equal(select(events, cuts), good)
        near = good & (events["theta_deg"] ** 2 <= theta2)
        np.testing.assert_array_equal(select(events, cuts, with_direction=True), near)


def test_events_beyond_the_bands_take_the_nearest(events):
    bands = (
        CutBand(0.1, 1.0, 10.0, 20.0, gammaness_min=0.3),
        CutBand(1.0, 10.0, 10.0, 20.0, gammaness_min=0.6),
    )
    open_ended = (
        CutBand(0.0, 1.0, gammaness_min=0.3), CutBand(1.0, np.inf, gammaness_min=0.6),
    )  # fmt: skip
    found = [select(events, Cuts("custom", b), zenith_deg=50.0) for b in (bands, open_ended)]
    np.testing.assert_array_equal(*found)


def test_missing_columns_and_gaps_are_refused(events):
    lean = {"is_valid": events["is_valid"], "energy_tev": events["energy_tev"]}
    assert select(lean, Cuts("custom", (CutBand(),))).sum() > 0
    with pytest.raises(InputError, match="no column mean_scaled_width"):
        select(lean, Cuts("hard", (PRESETS["hard"],)))
    with pytest.raises(InputError, match="no column zenith_deg"):
        select({k: v for k, v in events.items() if k != "zenith_deg"}, BANDS)
    gaps = ((0.0, 1.0), (2.0, 3.0)), ((0.0, 2.0), (1.0, 3.0)), ((0.0, 1.0), (1.0, 1.0))
    for first, second in gaps:
        with pytest.raises(InputError, match="without gaps"):
            Cuts("custom", (CutBand(*first), CutBand(*second)))
    with pytest.raises(InputError, match="without gaps"):
        Cuts("custom", ())


def test_cuts_survive_json(tmp_path):
    for cuts in (BANDS, Cuts("loose", (PRESETS["loose"],))):
        write_json(tmp_path / "cuts.json", {**cuts.as_dict(), "figure_of_merit": [1.0]})
        assert read_cuts(tmp_path / "cuts.json") == cuts
    content = read_json(tmp_path / "cuts.json")
    del content["bands"]
    with pytest.raises(InputError, match=r"cuts\.json: bands"):
        Cuts.from_dict(content, "cuts.json")


def test_settings_change_presets_and_bands():
    def cuts(**block):
        return cuts_from_settings(schema_cuts.Cuts(**block).model_dump(mode="json"))

    assert cuts() == Cuts("custom", (CutBand(),))
    assert cuts(preset="standard") == Cuts("standard", (PRESETS["standard"],))
    changed = cuts(preset="standard", mean_scaled_width_max=0.5, multiplicity_min=3)
    assert changed.name == "custom"
    assert changed.bands[0].mean_scaled_width_max == 0.5
    assert changed.bands[0].theta2_max_deg2 == 0.0125
    low = {"energy_max_tev": 1.0, "gammaness_min": 0.8}
    high = {"energy_min_tev": 1.0, "gammaness_min": 0.5, "mean_scaled_width_max": 2.0}
    by_band = cuts(preset="standard", bands=[high, low])
    assert [b.gammaness_min for b in by_band.bands] == [0.8, 0.5]
    assert [b.mean_scaled_width_max for b in by_band.bands] == [0.9, 2.0]
    assert by_band.bands[1].energy_max_tev == np.inf


def test_bad_blocks_are_refused():
    optimise = {"signal": ["gamma"], "background": {"proton": None}}
    for block, message in (
        ({"mean_scaled_width_min": 2.0, "mean_scaled_width_max": 1.0}, "must be below"),
        ({"preset": "soft"}, "standard"),
        ({"bands": [{"energy_min_tev": 2.0, "energy_max_tev": 1.0}]}, "must be below"),
        ({"bands": [{}], "optimise": optimise}, "exclude each other"),
        ({"optimise": {**optimise, "energy_edges_tev": [1.0]}}, "two or more"),
        ({"optimise": {**optimise, "energy_edges_tev": [1.0, 1.0]}}, "ascending"),
        ({"optimise": {**optimise, "cuts": ["gammaness_min"] * 2}}, "each once"),
        ({"optimise": {**optimise, "containment": 0.7}}, "leave that out"),
        ({"optimise": {**optimise, "background": {"gamma": None}}}, "both signal"),
        ({"optimise": {**optimise, "background": {"proton": "crab_hess"}}}, "proton_irfdoc"),
    ):
        with pytest.raises(ValidationError, match=message):
            schema_cuts.Cuts(**block)


def test_names_of_the_schema_are_those_of_the_code():
    assert set(schema_cuts.CutValues.model_fields) == set(CUT_NAMES)
    assert set(get_args(schema_cuts.Preset)) == set(PRESETS)
    diffuse = {name for name, spectrum in SPECTRA.items() if spectrum.is_diffuse}
    assert set(get_args(schema_cuts.DiffuseSpectrum)) == diffuse
    assert set(get_args(schema_cuts.SourceSpectrum)) == set(SPECTRA) - diffuse
    assert set(get_args(schema_cuts.Scanned)) <= set(CUT_NAMES)
