"""Our raw data as batches: what was written, whatever the clusters and batches; files that lie."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from tests.unit.r0_samples import SHAPES, TYPE_OF, make_events, write_sample

from iactflow.errors import InputError
from iactflow.io import root_write
from iactflow.io.r0_root import RootReader
from iactflow.io.reader import open_reader
from iactflow.io.waveform_packing import BLOCK, gather_rows, pack_waveforms, unpack_waveforms
from iactflow.stereo.chain import chain_settings, iterate_file, reconstruct_events


def unpacked(words, n_rows, n_samples):
    adc = np.full((1, n_rows * n_samples), 7, dtype=np.uint16)
    lit = np.empty((1, n_rows), dtype=bool)
    bounds = np.array([[0, len(words)]])
    assert unpack_waveforms(words, bounds, n_samples, n_rows, 0.0, adc, lit) == -1
    return adc.reshape(n_rows, n_samples), lit[0]


def slow_unpack(words, n_rows, n_samples):
    """Bit by bit, as the description of the layout says."""
    n_values = n_rows * n_samples
    n_blocks = -(-n_values // BLOCK)
    values, place = [], n_rows + n_blocks
    for block in range(n_blocks):
        bits = int(words[n_rows + block])
        for k in range(16):
            for lane in range(64):
                value = 0
                for b in range(bits):
                    word, bit = divmod(k * bits + b, 16)
                    value |= ((int(words[place + 64 * word + lane]) >> bit) & 1) << b
                values.append(value)
        place += 64 * bits
    assert place == len(words)
    rows = np.array(values[:n_values]).reshape(n_rows, n_samples)
    return rows + np.asarray(words[:n_rows], dtype=int)[:, None]


@pytest.mark.parametrize(("n_rows", "n_samples"), [(1, 1), (3, 40), (64, 16), (37, 60), (128, 40)])
@pytest.mark.parametrize("bits", [0, 1, 5, 11, 16])
def test_packed_waveforms_come_back(n_rows, n_samples, bits):
    rng = np.random.default_rng(bits)
    adc = rng.integers(0, 2**bits, (n_rows, n_samples))
    adc[n_rows // 2 :] >>= bits // 2
    adc = np.minimum(adc + rng.integers(0, 9, (n_rows, 1)), 65535).astype(np.uint16)
    words = pack_waveforms(adc)
    found, lit = unpacked(words, n_rows, n_samples)
    np.testing.assert_array_equal(found, adc)
    np.testing.assert_array_equal(lit, adc.any(axis=1))
    np.testing.assert_array_equal(slow_unpack(words, n_rows, n_samples), adc)


def test_small_numbers_take_few_bits():
    adc = np.random.default_rng(1).integers(300, 308, (2 * 1024, 64)).astype(np.uint16)
    # Three bits of sixteen, a word per waveform of 64 samples, one per block.
    assert len(pack_waveforms(adc)) / adc.size == pytest.approx((3 + 16 / 64) / 16, rel=0.01)


@pytest.mark.parametrize("change", ["cut", "longer", "bits", "empty"])
def test_words_of_other_waveforms_are_refused(change):
    words = pack_waveforms(np.arange(2000, dtype=np.uint16).reshape(50, 40))
    if change == "bits":
        words = words.copy()
        words[50] = 17
    bad = {"cut": words[:-1], "longer": np.append(words, words[:1]), "empty": words[:3]}
    words = bad.get(change, words)
    adc, lit = np.zeros((1, 2000), dtype=np.uint16), np.zeros((1, 50), dtype=bool)
    assert unpack_waveforms(words, np.array([[0, len(words)]]), 40, 50, 0.0, adc, lit) == 0


@pytest.mark.parametrize("change", ["none", "above", "not read"])
def test_low_gain_is_left_out_where_nobody_needs_it(change):
    rng, n_samples, threshold = np.random.default_rng(4), 40, 4000.0
    adc = rng.integers(300, 340, (2, 70, n_samples)).astype(np.uint16)
    if change == "above":
        adc[0, 69, 3] = threshold + 1
    elif change == "not read":
        adc[0, 5] = 0
    words = pack_waveforms(adc.reshape(140, n_samples))
    found = np.full((1, adc.size), 7, dtype=np.uint16)
    lit = np.empty((1, 140), dtype=bool)
    bounds = np.array([[0, len(words)]])
    assert unpack_waveforms(words, bounds, n_samples, 70, threshold, found, lit) == -1
    if change == "none":
        adc[1] = 0
    np.testing.assert_array_equal(found.reshape(adc.shape), adc)
    np.testing.assert_array_equal(lit.reshape(2, 70), adc.any(axis=2))
    assert lit[0, 70:].any() == (change != "none")


def test_images_are_the_same_without_the_low_gains_that_nobody_needs(tmp_path):
    adc = make_events()
    for number, counts in enumerate(adc.values()):
        # A bright pixel in some of the images.
        counts[0, 7, 4:9] += 5000 * (number % 3 == 0)
    path = tmp_path / "raw.root"
    write_sample(path, adc)
    with RootReader(path) as reader:
        chosen = chain_settings({}, reader.subarray)
        found = [made for _, made in iterate_file(reader, chosen)]
    with RootReader(path) as reader:
        whole = [reconstruct_events(b, reader.subarray, chosen) for b in reader.batches()]
    n_left_out, n_low = 0, 0
    for one, other in zip(found, whole, strict=True):
        for a, b in zip(one.cameras, other.cameras, strict=True):
            for name in a.images._fields:
                np.testing.assert_array_equal(getattr(a.images, name), getattr(b.images, name))
            n_left_out += int((a.batch.adc != b.batch.adc).any(axis=(1, 2, 3)).sum())
            n_low += int(b.images.channel.any(axis=1).sum())
    assert n_left_out > 0
    assert n_low > 0


def test_rows_are_gathered():
    values, out = np.arange(20, dtype=np.int32), np.empty((3, 4), dtype=np.int32)
    gather_rows(values, np.array([16, 0, 5]), out)
    np.testing.assert_array_equal(out, [values[16:], values[:4], values[5:9]])


def collect(path, **options):
    """All telescope events of a file, and its batches."""
    found, batches = {}, []
    with RootReader(path, **options) as reader:
        for batch in reader.batches():
            batches.append(batch)
            for group in batch.cameras:
                assert np.all(np.diff(group.event_index) >= 0)
                for i, row in enumerate(group.event_index):
                    key = (int(batch.event_id[row]), int(group.tel_id[i]))
                    assert key not in found
                    found[key] = (group, i, batch, row)
    return found, batches


@pytest.mark.parametrize("cluster", [200, 5000, 10**8])
@pytest.mark.parametrize("batch_bytes", [1, 20_000, 10**8])
def test_batches_hold_what_was_written(tmp_path, monkeypatch, cluster, batch_bytes):
    monkeypatch.setattr(root_write, "CLUSTER_BYTES", cluster)
    adc = write_sample(tmp_path / "a.root")
    found, batches = collect(tmp_path / "a.root", true_images=True, batch_bytes=batch_bytes)
    assert found.keys() == adc.keys()
    offsets = dict(zip(adc, range(len(adc)), strict=True))
    for key, (group, i, batch, row) in found.items():
        np.testing.assert_array_equal(group.adc[i], adc[key])
        assert group.type_index == TYPE_OF[key[1]]
        assert group.read_out is None
        np.testing.assert_array_equal(group.true_image[i], adc[key][0, :, 0])
        assert group.time_offset_ns[i] == offsets[key]
        late = batch.time_s[row] >= 1004
        assert group.pointing_alt_deg[i] == batch.pointing_alt_deg[row] == (71.0 if late else 70.0)
        assert group.pointing_az_deg[i] == (181.0 if late else 180.0)
        assert batch.truth["true_core_x_m"][row] == -batch.truth["true_core_y_m"][row]
        assert batch.truth["shower_id"][row] == key[0] // 100
    times = np.concatenate([b.time_s for b in batches])
    np.testing.assert_array_equal(times, 1000 + np.arange(1, 13))
    if batch_bytes == 1:
        assert {len(b) for b in batches} == {1}
    else:
        # Cut where the second calibration begins.
        assert len(batches) >= 2


def test_calibration_is_that_of_the_time(tmp_path):
    write_sample(tmp_path / "a.root")
    for batch in collect(tmp_path / "a.root")[1]:
        late = batch.time_s >= 1006
        assert late.all() or not late.any()
        for tel, kind in TYPE_OF.items():
            found = batch.coefficients[tel]
            pixels = np.arange(SHAPES[kind][1])
            pedestal = (200.0 if late.all() else 100.0) + pixels
            np.testing.assert_allclose(found.pedestal_adu, np.tile(pedestal, (SHAPES[kind][0], 1)))
            factor = np.where(pixels == 3, 0.0, 0.02 * (1.0 + 0.01 * pixels))
            np.testing.assert_allclose(found.pe_per_adu[0], factor, rtol=1e-6)
            np.testing.assert_array_equal(found.unusable[0], pixels == 3)
            np.testing.assert_allclose(found.time_shift_ns[0], 0.1 * pixels, rtol=1e-6)
            assert set(found.pedestal_std_adu.ravel()) == {2.5}


def test_pixels_that_were_dropped_are_not_read_out(tmp_path):
    adc = make_events()
    for key, counts in adc.items():
        counts[:, key[0] // 100 :: 2] = 0
    write_sample(tmp_path / "a.root", adc)
    for key, (group, i, _, _) in collect(tmp_path / "a.root")[0].items():
        np.testing.assert_array_equal(group.read_out[i], adc[key].any(axis=2))


def test_truth_and_tables_of_the_run(tmp_path):
    write_sample(tmp_path / "a.root")
    with open_reader(tmp_path / "a.root") as reader:
        assert reader.is_simulation
        assert reader.metadata == {"production": "test"}
        assert set(reader.run_tables()) == {"simulation_runs", "thrown_events"}
        assert reader.run_tables()["thrown_events"]["n_thrown"].tolist() == [12]
        batch = next(reader.batches())
        assert "true_energy_tev" in batch.truth
        assert not {"obs_id", "event_id"} & set(batch.truth)
        assert all(group.true_image is None for group in batch.cameras)


def drop(table, row):
    def change(tables):
        tables[table] = {k: v[np.arange(len(v)) != row] for k, v in tables[table].items()}

    return change


def repeat(table, row):
    def change(tables):
        rows = np.insert(np.arange(len(tables[table]["obs_id"])), row, row)
        tables[table] = {k: v[rows] for k, v in tables[table].items()}

    return change


def replace(table, column, value):
    def change(tables):
        values = ak.to_numpy(tables[table][column]).copy()
        values[value[0]] = value[1]
        tables[table][column] = values

    return change


def remove(*names):
    def change(tables):
        for name in names:
            tables.pop(name)

    return change


BAD = [
    (remove("camera_pixels"), "table: got 'no camera_pixels'; allowed: raw data"),
    (remove("waveforms_r0", "charges_r0"), "no charges_r0 or waveforms_r0"),
    (remove("charges_r0"), "table: got 'no charges_r0'"),
    (remove("thrown_events"), "thrown_events"),
    (drop("telescope_trigger", 3), "telescope_trigger: event, tel_id"),
    (drop("trigger", 2), r"(telescope_trigger|simulated_events)"),
    (drop("trigger", 11), "telescope_trigger.*allowed: rows of events in `trigger`"),
    (drop("simulated_events", 4), "simulated_events: event"),
    (drop("waveforms_r0", 2), "waveforms_r0: event, tel_id"),
    (drop("charges_r0", 2), "charges_r0: event, tel_id"),
    (drop("true_images", 2), "true_images: event, tel_id"),
    (repeat("trigger", 3), "trigger.*each key once, ascending"),
    (repeat("waveforms_r0", 3), "waveforms_r0.*each key once, ascending"),
    (replace("telescope_trigger", "event_id", (0, 900)), "each key once, ascending"),
    (replace("waveforms_r0", "n_pixels", (1, 38)), "waveforms_r0.n_pixels: got 38; allowed: 37"),
    (replace("waveforms_r0", "n_samples", (1, 40)), "n_samples: got 40; allowed: 30"),
    (replace("camera_readouts", "n_samples", (0, 31)), "n_samples: got 30; allowed: 31"),
    (replace("pointing", "time_s", (slice(None), 3000)), "pointing, run 5, telescope .*no entry"),
    (replace("calibration", "pixel_id", (5, 99)), "calibration.pixel_id, telescope"),
    (replace("calibration", "tel_id", (5, 3)), "calibration.tel_id, telescope 3: got 3"),
    (replace("thrown_events", "n_thrown", (0, 11)), "thrown_events.n_thrown"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_tables_that_do_not_belong_together_are_refused(tmp_path, change, message):
    write_sample(tmp_path / "a.root", change=change)
    with pytest.raises(InputError, match=message) as caught:
        collect(tmp_path / "a.root", true_images=True)
    assert str(caught.value.file) == str(tmp_path / "a.root")


def shorter_image(tables):
    images = ak.to_list(tables["true_images"]["true_image"])
    images[4] = images[4][:-1]
    tables["true_images"]["true_image"] = ak.values_astype(ak.Array(images), np.int32)


def other_words(tables):
    words = ak.to_list(tables["waveforms_r0"]["waveform_packed"])
    words[4] = words[4][:-1]
    tables["waveforms_r0"]["waveform_packed"] = ak.values_astype(ak.Array(words), np.uint16)


def unknown_telescope(tables):
    tels = ak.to_list(tables["trigger"]["tels_with_trigger"])
    tels[3][0] = 3
    tables["trigger"]["tels_with_trigger"] = ak.values_astype(ak.Array(tels), np.int16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shorter_image, "true_images.true_image, event .* values'; allowed"),
        (other_words, "waveforms_r0.waveform_packed, event .*packed waveforms"),
        (unknown_telescope, "trigger.tels_with_trigger: got 3; allowed: 1, 2, 4, 7"),
    ],
)
def test_lengths_that_are_not_the_cameras_are_refused(tmp_path, change, message):
    write_sample(tmp_path / "a.root", change=change)
    with pytest.raises(InputError, match=message):
        collect(tmp_path / "a.root", true_images=True)


def test_a_file_without_events_is_a_file(tmp_path):
    def empty(tables):
        for name in ("trigger", "telescope_trigger", "simulated_events", "true_images",
                     "waveforms_r0", "charges_r0"):  # fmt: skip
            tables[name] = {k: v[:0] for k, v in tables[name].items()}

    write_sample(tmp_path / "a.root", change=empty)
    assert collect(tmp_path / "a.root") == ({}, [])
