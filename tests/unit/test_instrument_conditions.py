"""Run-wise conditions and overrides of the alignment."""

from __future__ import annotations

import pytest
from instrument_samples import write_small

from iactflow.campaign.run_conditions import read_conditions
from iactflow.errors import InputError
from iactflow.instrument.conditions import apply_conditions, override_alignment
from iactflow.instrument.load import find_instrument, load_instrument

HEADER = "obs_id tel_id altitude_deg azimuth_deg participating throughput nsb_factor nsb_rate_ghz"
ROWS = [
    ["101", "1", "70", "180", "1", "0.8", "", "0.15", "0,2-3"],
    ["101", "2", "70", "180", "", "", "2", "", ""],
    ["101", "3", "70", "180", "0", "", "", "", ""],
    ["100", "1", "50.5", "10", "", "0.9", "", "", ""],
    ["100", "2", "50.5", "10", "1", "1", "1", "", ""],
]


def table(path, rows=ROWS, header=None):
    names = header or [*HEADER.split(), "broken_pixels"]
    lines = ["# conditions of two runs", "\t".join(names), *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def instrument(tmp_path):
    return load_instrument(write_small(tmp_path))


def test_conditions_are_read(tmp_path):
    runs = read_conditions(table(tmp_path / "runs.tsv"))
    assert list(runs) == [100, 101]
    run = runs[101]
    assert (run.altitude_deg, run.azimuth_deg) == (70.0, 180.0)
    assert run.tel_ids == (1, 2)
    first, second = run.telescopes[1], run.telescopes[2]
    assert (first.throughput, first.nsb_rate_ghz) == (0.8, 0.15)
    assert first.broken_pixels == (0, 2, 3)
    assert (second.throughput, second.nsb_factor, second.nsb_rate_ghz) == (1.0, 2.0, None)
    assert runs[100].tel_ids == (1, 2)


def test_a_table_of_required_columns_is_enough(tmp_path):
    header = ["obs_id", "tel_id", "altitude_deg", "azimuth_deg"]
    path = table(tmp_path / "runs.tsv", [["5", "1", "60", "0"]], header)
    state = read_conditions(path)[5].telescopes[1]
    assert state.participating
    assert (state.throughput, state.nsb_factor, state.broken_pixels) == (1.0, 1.0, ())


def test_a_run_may_have_a_date(tmp_path):
    header = ["obs_id", "tel_id", "altitude_deg", "azimuth_deg", "start_utc"]
    path = tmp_path / "runs.tsv"

    def start(*texts):
        rows = [["5", str(i), "60", "0", text] for i, text in enumerate(texts, 1)]
        return read_conditions(table(path, rows, header))[5].start_utc

    assert start("2006-07-29T21:00:00", "2006-07-29T21:00:00") == "2006-07-29T21:00:00"
    assert start("") is None
    for bad in ("yesterday", "2006-07-29T21:00:00+02:00"):
        with pytest.raises(InputError, match="start_utc, line 3"):
            start(bad)
    with pytest.raises(InputError, match="as the first row of run 5"):
        start("2006-07-29T21:00:00", "2006-07-29T21:30:00")


def test_the_example_fits_its_instrument(repository):
    runs = read_conditions(repository / "config/observations/hess1-conditions-example.tsv")
    array = find_instrument("hess1/2006", root=repository / "config/instruments")
    for run in runs.values():
        assert len(apply_conditions(array, run).telescopes) == len(run.tel_ids)
    assert len(runs) > 1
    assert any(len(run.tel_ids) == 3 for run in runs.values())


@pytest.mark.parametrize(
    ("row", "column", "value", "allowed"),
    [
        (0, 0, "x", "obs_id, line 3"),
        (1, 1, "1.5", "a whole number"),
        (1, 1, "1", "each telescope once in 101"),
        (1, 2, "71", "(70.0, 180.0, None), as the first row of run 101"),
        (0, 2, "95", "a number from 0.0 to 90.0"),
        (0, 2, "", "altitude_deg, line 3"),
        (0, 4, "yes", "participating, line 3"),
        (0, 5, "nan", "throughput, line 3"),
        (0, 5, "0", "throughput, line 3"),
        (0, 6, "1.5", "factor or rate"),
        (0, 8, "3-1", "numbers and ranges"),
        (0, 8, "a", "numbers and ranges"),
    ],
)
def test_bad_conditions_are_refused(tmp_path, row, column, value, allowed):
    rows = [list(r) for r in ROWS]
    rows[row][column] = value
    with pytest.raises(InputError) as raised:
        read_conditions(table(tmp_path / "runs.tsv", rows))
    assert allowed in str(raised.value)


def test_bad_tables_are_refused(tmp_path):
    path = tmp_path / "runs.tsv"
    with pytest.raises(InputError, match="missing file"):
        read_conditions(path)
    with pytest.raises(InputError, match="at least one run"):
        read_conditions(table(path, []))
    names = [*HEADER.split(), "broken_pixels"]
    with pytest.raises(InputError, match="azimuth_deg: got 'missing column'"):
        read_conditions(table(path, header=[n.replace("azimuth", "az") for n in names]))
    with pytest.raises(InputError, match="trigger: got 'unknown column'"):
        read_conditions(table(path, header=[n.replace("nsb_factor", "trigger") for n in names]))
    with pytest.raises(InputError, match="as many values as columns"):
        read_conditions(table(path, [[*ROWS[0], "extra"]]))


def test_conditions_make_the_array_of_a_run(instrument, tmp_path):
    runs = read_conditions(table(tmp_path / "runs.tsv"))
    array = apply_conditions(instrument, runs[101])
    assert [t.tel_id for t in array.telescopes] == [1, 2]
    assert [t.throughput for t in array.telescopes] == [0.8, 1.0]
    assert array.triggers[0].tel_ids == (1, 2)
    first, second = (t.type.camera for t in array.telescopes)
    # A rate of 0.15 was measured at the throughput of 0.8.
    assert (first.nsb_rate_ghz, first.nsb_airmass) == (pytest.approx(0.15 / 0.8), (0.0, 0.0))
    assert (second.nsb_rate_ghz, second.nsb_airmass) == (0.2, (0.8, 0.2))
    assert array.digest == instrument.digest
    assert len(instrument.telescopes) == 3
    assert instrument.telescopes[0].type.camera.nsb_rate_ghz == 0.1


def test_conditions_fit_the_instrument(instrument, tmp_path):
    path = tmp_path / "runs.tsv"
    header = ["obs_id", "tel_id", "altitude_deg", "azimuth_deg", "broken_pixels"]

    def state(*rows):
        return read_conditions(table(path, [list(row) for row in rows], header))[7]

    with pytest.raises(InputError, match=r"telescopes \[1, 2, 3\] of small"):
        apply_conditions(instrument, state(("7", "4", "60", "0", "")))
    with pytest.raises(InputError, match="satisfy an array trigger"):
        apply_conditions(instrument, state(("7", "1", "60", "0", "")))
    with pytest.raises(InputError, match="broken_pixels: got 4; allowed: below 4"):
        apply_conditions(instrument, state(("7", "1", "60", "0", "4")))


def test_alignment_is_switched_by_type_and_telescope(instrument):
    switched = override_alignment(
        instrument,
        {
            "Small": {"cosine_deg": 0.0, "sine_deg": 0.0},
            2: {"vertical": {"sigma_deg": 0.03, "sine_deg": -0.1}},
        },
    )
    first, second, _ = (t.type.optics for t in switched.telescopes)
    assert (first.align_horizontal.cosine_deg, first.align_vertical.cosine_deg) == (0.0, 0.0)
    assert first.align_vertical.sigma_deg == 0.01
    assert (second.align_vertical.sigma_deg, second.align_vertical.sine_deg) == (0.03, -0.1)
    assert second.align_horizontal.sigma_deg == 0.01
    assert second.align_horizontal.cosine_deg == 0.0
    assert instrument.telescopes[0].type.optics.align_vertical.cosine_deg == 0.02


@pytest.mark.parametrize(
    ("overrides", "allowed"),
    [
        ({"Large": {"sigma_deg": 0.1}}, "1, 2, 3, Small"),
        ({4: {"sigma_deg": 0.1}}, "1, 2, 3, Small"),
        ({1: {"sigma": 0.1}}, "sigma_deg, zenith_deg"),
        ({1: {"vertical": {"sigma_deg": -0.1}}}, "a number from 0.0 to 1.0"),
        ({1: {"sigma_deg": "0.1"}}, "a number from 0.0 to 1.0"),
    ],
)
def test_bad_alignments_are_refused(instrument, overrides, allowed):
    with pytest.raises(InputError) as raised:
        override_alignment(instrument, overrides)
    assert allowed in str(raised.value)
