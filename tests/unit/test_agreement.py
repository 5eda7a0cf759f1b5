"""Agreement of two chains: what differs is seen, in the unit that is judged."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iactflow.campaign.json_product import read_json, write_json
from iactflow.crosscheck.agreement import (
    HILLAS_ANGLES,
    HILLAS_RELATIVE,
    Tables,
    agreement,
    parameter_differences,
    reconstruction_verdicts,
    worst,
)

TOLERANCES = {
    "telescope_events": 0,
    "charge": 1.0,
    "mask_fraction": 0.0,
    "hillas_fraction": 1e-4,
    "hillas_angle_deg": 1e-3,
    "direction_deg": 0.01,
}


def _tables(with_pixels=True):
    """Two events of three and two images."""
    events = {
        "obs_id": np.array([1, 1]), "event_id": np.array([5, 7]),
        "is_valid": np.array([True, True]), "alt_deg": np.array([70.0, 71.0]),
        "az_deg": np.array([359.9, 10.0]), "core_x_m": np.array([1.0, 2.0]),
        "core_y_m": np.array([3.0, 4.0]), "h_max_m": np.array([9e3, 8e3]),
    }  # fmt: skip
    used = [frozenset({1, 2, 3}), frozenset({1, 4})]
    n = 5
    images = {
        "obs_id": np.ones(n, dtype=int), "event_id": np.array([5, 5, 5, 7, 7]),
        "tel_id": np.array([1, 2, 3, 1, 4]),
        **{name: np.linspace(0.2, 0.6, n) for name in (*HILLAS_RELATIVE, *HILLAS_ANGLES)},
        "morphology_n_pixels": np.arange(5, 5 + n), "morphology_n_islands": np.ones(n, dtype=int),
    }  # fmt: skip
    images["hillas_length_deg"] = images["hillas_width_deg"] * 2.0
    random = np.random.default_rng(1)
    pixels = {
        "image": list(random.uniform(0.0, 100.0, (n, 30))),
        "peak_time_ns": list(random.uniform(0.0, 40.0, (n, 30))),
        "image_mask": list(random.uniform(size=(n, 30)) > 0.7),
    }
    return Tables(events, used, images, pixels if with_pixels else None)


def _failed(main, check):
    verdicts = reconstruction_verdicts("sample", agreement(main, check), TOLERANCES)
    assert all(v.target == "sample" and v.product == "reconstruction" for v in verdicts)
    return [v.quantity for v in verdicts if not v.passed]


def test_equal_tables_agree():
    for with_pixels in (True, False):
        found = agreement(_tables(with_pixels), _tables(with_pixels))
        assert found["n_equal_images"] == 5
        assert found["n_equal_events"] == 2
        assert _failed(_tables(with_pixels), _tables(with_pixels)) == []


def test_order_of_rows_does_not_matter():
    main, check = _tables(), _tables()
    order = np.array([3, 0, 4, 2, 1])
    shuffled = Tables(
        {k: v[::-1] for k, v in check.events.items()},
        check.used[::-1],
        {k: v[order] for k, v in check.images.items()},
        {k: [v[i] for i in order] for k, v in check.pixels.items()},
    )
    assert _failed(main, shuffled) == []


def test_events_and_images_of_one_chain_alone():
    main, check = _tables(), _tables()
    rest = Tables(
        main.events, main.used, {k: v[:4] for k, v in main.images.items()},
        {k: v[:4] for k, v in main.pixels.items()},
    )  # fmt: skip
    assert agreement(rest, check)["n_telescope_events"] == {"main": 4, "check": 5, "alone": 1}
    failed = _failed(rest, check)
    assert failed == ["n_telescope_events", "n_telescope_events of one chain alone"]
    # as many, but others: the counts agree, the events do not
    check.events["event_id"][1] = 8
    assert "n_events of one chain alone" in _failed(main, check)
    check = _tables()
    check.events["is_valid"][0] = False
    assert _failed(main, check) == ["n_reconstructed", "n_reconstructed of one chain alone"]


@pytest.mark.parametrize(
    ("charge", "change", "units"),
    [(50.0, 0.2, 0.8), (50.0, 0.3, 1.2), (1.0, 0.04, 0.8), (1.0, 0.06, 1.2), (1.0, np.nan, np.inf)],
)
def test_charges_in_units_of_what_is_allowed(charge, change, units):
    main, check = _tables(), _tables()
    check.pixels["image"][2][4] = charge
    main.pixels["image"][2][4] = charge + change
    found = agreement(main, check)
    assert found["charge"] == pytest.approx(units)
    assert found["charge_within"] == (1.0 if units < 1.0 else 149 / 150)
    assert _failed(main, check) == ([] if units < 1.0 else ["charge"])


def test_charges_of_images_without_pixels():
    main, check = _tables(False), _tables(False)
    check.images["hillas_intensity"] = np.full(5, 1000.0)
    main.images["hillas_intensity"] = np.full(5, 1006.0)
    assert agreement(main, check)["charge"] == pytest.approx(1.2)


def test_other_masks_are_told_and_their_parameters_left_out():
    main, check = _tables(), _tables()
    main.pixels["image_mask"][0][0] ^= True
    main.images["hillas_length_deg"][0] *= 2.0
    main.events["alt_deg"][0] += 1.0
    found = agreement(main, check)
    assert found["mask_fraction"] == pytest.approx(0.2)
    assert found["n_equal_events"] == 1
    assert _failed(main, check) == ["mask_fraction"]


def test_directions():
    main, check = _tables(), _tables()
    main.events["az_deg"][0] = 0.1 - 1e-9
    expected = 0.2 * math.cos(math.radians(70.0))
    assert agreement(main, check)["direction_deg"] == pytest.approx(expected, rel=1e-3)
    assert _failed(main, check) == ["direction_deg"]
    # another choice of telescopes is another image
    main.used[0] = frozenset({1, 2})
    assert agreement(main, check)["direction_deg"] == 0.0


@pytest.mark.parametrize("name", [*HILLAS_RELATIVE, *HILLAS_ANGLES])
def test_every_parameter_is_judged(name):
    main, check = _tables(), _tables()
    step = 2e-3 if name in HILLAS_ANGLES else 1.5e-4 * max(1.0, check.images[name][1])
    main.images[name][1] += step
    assert name in _failed(main, check)
    main.images[name][1] = np.nan
    assert name in _failed(main, check)


def test_angles_have_periods():
    ours, theirs = _tables().images, _tables().images
    ours["hillas_psi_deg"][0], theirs["hillas_psi_deg"][0] = 89.9999, -89.9999
    ours["hillas_phi_deg"][0], theirs["hillas_phi_deg"][0] = 179.9999, -179.9999
    found = parameter_differences(ours, theirs)
    assert found["hillas_psi_deg"] == pytest.approx(2e-4, rel=1e-3)
    assert found["hillas_phi_deg"] == pytest.approx(2e-4, rel=1e-3)


def test_what_is_rounding_is_left_out():
    ours, theirs = _tables().images, _tables().images
    # a round image, and a line
    theirs["hillas_length_deg"][0] = theirs["hillas_width_deg"][0]
    ours["hillas_psi_deg"][0] = 50.0
    theirs["hillas_width_deg"][1], ours["hillas_width_deg"][1] = 1e-8, 0.0
    ours["hillas_width_uncertainty_deg"][1] = np.nan
    ours["hillas_length_deg"][0] = theirs["hillas_length_deg"][0]
    assert max(parameter_differences(ours, theirs).values()) < 1e-12


def test_worst_of_files_and_what_json_cannot_hold(tmp_path):
    equal = agreement(_tables(), _tables())
    main = _tables()
    main.pixels["image"][0][0] = np.nan
    main.pixels["image_mask"][1][:] = False
    other = agreement(main, _tables())
    found = worst([equal, other])
    assert found["n_events"] == {"main": 4, "check": 4, "alone": 0}
    assert found["mask_fraction"] == pytest.approx(0.1)
    assert found["charge"] == np.inf
    write_json(tmp_path / "check.json", found)
    verdicts = reconstruction_verdicts("sample", read_json(tmp_path / "check.json"), TOLERANCES)
    assert [v.quantity for v in verdicts if not v.passed] == ["charge", "mask_fraction"]
    missing = reconstruction_verdicts("sample", {}, TOLERANCES)
    assert [v.passed for v in missing] == [False]
