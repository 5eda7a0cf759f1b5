"""Event generators of hadronic interactions: streams, conservation, kinds, published numbers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hadron_samples import (
    ANTIPROTON,
    HELIUM,
    IRON,
    KAON,
    KAON_LONG,
    NEUTRON,
    NITROGEN,
    PION,
    PROTON,
    baryon_number,
    charge,
    energies_mev,
    share,
    stream,
)

from iactflow.errors import InputError
from iactflow.shower.hadrons import chromo_models
from iactflow.shower.hadrons.fortran import draw_from
from iactflow.shower.hadrons.generators import HighEnergyModel, free_nucleons
from iactflow.shower.hadrons.kinds import (
    HADRONS,
    NUCLEON_MASS_MEV,
    PRODUCED,
    is_nucleus,
    rest_mass_mev,
    stable_nucleus,
)
from iactflow.shower.hadrons.sibyll import load_sibyll
from iactflow.shower.hadrons.urqmd import load_urqmd

# Made twice, in another order: hadrons and nuclei, from 60 GeV to 1 PeV.
HIGH = [(kind, 6e4 * 10.0**i) for kind in HADRONS for i in range(5)]
HIGH += [(kind, 1e6 * (kind // 100)) for kind in (HELIUM, NITROGEN, IRON) for _ in range(12)]
LOW = [(kind, energy) for kind in HADRONS for energy in (400.0, 8000.0)]
# Energy per participant that UrQMD's nuclei are bound by, MeV: 7 to 8 in nitrogen and oxygen.
BINDING = 7.5
LOST_MEV = 700.0


@pytest.fixture(scope="module")
def high():
    return HighEnergyModel({})


@pytest.fixture(scope="module")
def low():
    return load_urqmd()


def made(model, cases, order):
    """Events by place in the list of cases, made in an order."""
    return {i: model.interact(*cases[i], stream(5, i)) for i in order}


@pytest.mark.parametrize("name", ["high", "low"])
def test_an_event_depends_on_its_stream_alone(name, request):
    """Fragments of nuclei keep components from earlier events unless they are reset."""
    model = request.getfixturevalue(name)
    cases = HIGH if name == "high" else LOW
    order = np.arange(len(cases))
    first = made(model, cases, order)
    again = made(model, cases, np.random.default_rng(3).permutation(order))
    for i in order:
        np.testing.assert_array_equal(first[i], again[i])
    assert not np.array_equal(first[0], model.interact(*cases[0], stream(6, 0)))


ALONE = """
import hashlib, os, sys
sys.path.insert(0, sys.argv[1])
from hadron_samples import stream
from iactflow.shower.hadrons.generators import HighEnergyModel
from iactflow.shower.hadrons.urqmd import load_urqmd
high = HighEnergyModel({}).interact(5626, 5.6e7, stream(5, 1))
low = load_urqmd().interact(14, 8e3, stream(5, 2))
print(*(hashlib.sha256(rows.tobytes()).hexdigest() for rows in (high, low)), os.listdir())
"""


def test_a_process_of_its_own_makes_the_same_event_in_silence(high, low, tmp_path):
    import hashlib
    from pathlib import Path

    here = str(Path(__file__).parent)
    command = [sys.executable, "-W", "error", "-c", ALONE, here]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    events = high.interact(IRON, 5.6e7, stream(5, 1)), low.interact(PROTON, 8e3, stream(5, 2))
    digests = [hashlib.sha256(rows.tobytes()).hexdigest() for rows in events]
    # Nothing else is printed, no file is left.
    assert result.stdout == f"{digests[0]} {digests[1]} []\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("kind", "kinetic_mev"),
    [(PION, 6e4), (KAON_LONG, 1e6), (PROTON, 6e4), (PROTON, 1e8), (ANTIPROTON, 1e6)],
)
def test_high_energies_conserve_what_the_model_does(high, kind, kinetic_mev):
    """Projectile and wounded nucleons go into the event without their masses (massless)."""
    mass = rest_mass_mev(kind)
    energy = kinetic_mev + mass
    momentum = np.sqrt(energy**2 - mass**2)
    baryons = {PROTON: 1, ANTIPROTON: -1}.get(kind, 0)
    for i in range(40):
        rows = high.interact(kind, kinetic_mev, stream(7, i))
        wounded = baryon_number(rows) - baryons
        assert 1 <= wounded <= 16
        on_one = 0.5 * (energy + NUCLEON_MASS_MEV - momentum)
        on_projectile = 0.5 * (energy + NUCLEON_MASS_MEV + momentum)
        missing = on_projectile + wounded * on_one - energies_mev(rows).sum()
        assert -1.0 < missing < LOST_MEV
        assert np.abs(rows[:, 1:3].sum(axis=0)).max() < 1e-2
        assert {int(k) for k in rows[:, 0]} <= set(PRODUCED)


def test_nuclei_keep_their_nucleons_and_their_energy(high):
    for kind, per_nucleon in ((HELIUM, 1e5), (NITROGEN, 1e6), (IRON, 1e6), (IRON, 1e8)):
        size = kind // 100
        for i in range(30):
            rows = high.interact(kind, size * per_nucleon, stream(8, i))
            wounded = baryon_number(rows) - size
            assert 0 <= wounded <= 16 * size
            before = size * (per_nucleon + NUCLEON_MASS_MEV)
            # Half a mass too much for every wounded nucleon of the target, too little for every
            # one of the projectile.
            more = energies_mev(rows).sum() - before - 0.5 * NUCLEON_MASS_MEV * wounded
            assert -LOST_MEV * size < more < (0.5 * NUCLEON_MASS_MEV + 5.0) * size
            kinds = rows[:, 0].astype(int)
            assert all(k in PRODUCED or is_nucleus(k) for k in kinds.tolist())
            assert (kinds // 100 < size).all()


def test_spectators_fly_on_with_the_nucleus(high):
    per_nucleon = np.sqrt(1e6 * (1e6 + 2.0 * NUCLEON_MASS_MEV))
    singles, transverse = [], []
    for i in range(20):
        rows = high.interact(IRON, 5.6e7, stream(9, i))
        size = np.where(rows[:, 0] >= 200, rows[:, 0] // 100, 1.0)
        beam = np.abs(rows[:, 3] / size - per_nucleon) < 1.0
        assert size[beam].sum() < 56
        transverse += (np.hypot(rows[beam, 1], rows[beam, 2]) / size[beam]).tolist()
        singles += rows[beam & (size == 1.0), 0].tolist()
    # Fermi motion of the nucleons of a nucleus: up to some 200 MeV.
    assert 5.0 < np.mean(transverse) < 150.0
    assert len(singles) > 100
    assert np.mean(np.array(singles) == PROTON) == pytest.approx(26 / 56, abs=0.15)


def test_slow_nuclei_come_apart(high):
    rows = high.interact(IRON, 56 * 2e4, stream(1))
    np.testing.assert_array_equal(rows, free_nucleons(IRON, 56 * 2e4))
    assert (rows[:, 0] == PROTON).sum() == 26
    assert (rows[:, 0] == NEUTRON).sum() == 30
    assert baryon_number(rows) == 56
    kinetic = energies_mev(rows).sum() - 26 * rest_mass_mev(14) - 30 * rest_mass_mev(13)
    assert kinetic == pytest.approx(56 * 2e4, rel=1e-4)


@pytest.mark.parametrize("kind", HADRONS)
def test_low_energies_conserve_energy_baryons_and_charge(low, kind):
    baryons, q = {13: 1, 14: 1, 15: -1, 25: -1}, {8: 1, 9: -1, 11: 1, 12: -1, 14: 1, 15: -1}
    for i, kinetic_mev in enumerate([500.0, 3000.0, 3000.0, 3e4]):
        for rows in low.interact_both(kind, kinetic_mev, stream(10, i)):
            participants = baryon_number(rows) - baryons.get(kind, 0)
            assert 1 <= participants <= 18
            energy = kinetic_mev + rest_mass_mev(kind) + participants * NUCLEON_MASS_MEV
            lost = (energy - energies_mev(rows).sum()) / participants
            assert lost == pytest.approx(BINDING, abs=8.0)
            assert {int(k) for k in rows[:, 0]} <= set(PRODUCED)
            # An image has the charge of the partner: that of participants stays possible.
            assert -1 <= charge(rows) - q.get(kind, 0) <= participants + 1


@pytest.fixture(scope="module")
def images(low):
    """Interactions of pi- at 5 GeV as images of those of pi+."""
    return [low.interact_both(8, 5e3, stream(11, i))[1] for i in range(100)]


def test_images_are_interactions_of_the_partner(low, images):
    """Energies of pions and nucleons of images of pi+ and of pi- itself."""
    direct = [low.interact(9, 5e3, stream(12, i)) for i in range(len(images))]
    for kinds in ([9], [8], [1], [14], [13]):
        a, b = (np.array([share(rows, kinds) for rows in made]) for made in (images, direct))
        error = np.sqrt((a.var() + b.var()) / len(images))
        assert abs(a.mean() - b.mean()) < 3.5 * error
    # The leading pion tells the two charges apart by more than that.
    leading, other = (np.array([share(rows, [k]) for rows in images]) for k in (9, 8))
    assert leading.mean() - other.mean() > 3.5 * np.sqrt((leading.var() + other.var()) / 100)


def test_events_of_urqmd_have_no_preferred_side(images):
    sums = np.array([rows[:, 1:3].sum(axis=0) for rows in images])
    assert (np.abs(sums.mean(axis=0)) < 4.0 * sums.std(axis=0) / np.sqrt(len(sums))).all()


def test_multiplicity_of_protons_on_protons():
    """7.68 +- 0.07 charged particles at 205 GeV/c (Barish et al., Phys. Rev. D 9 (1974) 2689)."""
    sibyll, n = load_sibyll(), 3000
    library, generator = sibyll.library, stream(14)
    draw_from(library, generator)
    cm = sibyll.cm_energy_gev(PROTON, 205e3)
    charged = 0
    for _ in range(n):
        library.sibyll(13, 1, cm)
        library.decsib()
        rows = sibyll._products((1.0, 0.0))
        charged += np.isin(rows[:, 0], list({2, 3, 5, 6, 8, 9, 11, 12, 14, 15})).sum()
    assert charged / n == pytest.approx(7.68, rel=0.06)


def test_moments_of_the_spectra_of_protons_on_air(high):
    """Spectrum-weighted moments at index 2.7: Gaisser, Cosmic Rays and Particle Physics (1990),
    table 5.2: 0.079 for charged pions, 0.298 for nucleons. Models of today have harder pions and
    softer nucleons than the accelerator data of then by up to a quarter."""
    n, energy = 3000, 1e6 + rest_mass_mev(PROTON)
    moments = {"pions": 0.0, "nucleons": 0.0, "photons": 0.0}
    inelasticity = 0.0
    for i in range(n):
        rows = high.interact(PROTON, 1e6, stream(15, i))
        x = energies_mev(rows) / energy
        for name, kinds in (("pions", [8, 9]), ("nucleons", [13, 14]), ("photons", [1])):
            moments[name] += (x[np.isin(rows[:, 0], kinds)] ** 1.7).sum() / n
        inelasticity += (1.0 - x[np.isin(rows[:, 0], [13, 14])].max(initial=0.0)) / n
    assert moments["pions"] == pytest.approx(0.079, rel=0.25)
    assert moments["nucleons"] == pytest.approx(0.298, rel=0.15)
    # Two photons of a pion that has the spectrum of charged pions, half as many of them:
    # 2 / (1.7 + 1) of the moment.
    assert moments["photons"] == pytest.approx(0.5 * moments["pions"] * 2.0 / 2.7, rel=0.4)
    assert 0.5 < inelasticity < 0.7


def test_one_model_follows_the_other_smoothly(high, low):
    """Shares of energy of protons at 60 GeV agree to a twentieth of the whole."""
    made = [
        [model.interact(PROTON, 6e4, stream(16, i)) for i in range(n)]
        for model, n in ((high, 1000), (low, 150))
    ]
    for kinds in ([1], [8, 9], [10, 11, 12]):
        means = [np.mean([share(rows, kinds) for rows in events]) for events in made]
        assert means[0] == pytest.approx(means[1], abs=0.05 * 6e4)


CHROMO = """
import numpy as np, chromo
kinematics = chromo.kinematics.FixedTarget(1000.0, "proton", "N14")
model = chromo.models.Sibyll23d(kinematics, seed=1)
generator = np.random.Generator(np.random.Philox(key=17))
model._lib.npy.bitgen = generator.bit_generator.ctypes.bit_generator.value
model.final_state_particles = [13, -13, 211, -211, 321, -321, 130, 2112, -2112]
for event in model(1):
    event = event.final_state()
    for row in zip(event.pid, event.px, event.py, event.pz):
        print("row", *row)
"""


def test_chromo_itself_makes_the_same_event(tmp_path):
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHROMO],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.split()[1:] for line in result.stdout.splitlines() if line.startswith("row")]
    theirs = np.array(lines, dtype=float)
    sibyll = load_sibyll()
    mass = rest_mass_mev(PROTON)
    energy = 1e6
    momentum = np.sqrt(energy**2 - mass**2)
    cm = sibyll.cm_energy_gev(PROTON, energy - mass)
    draw_from(sibyll.library, stream(17))
    sibyll.library.sibyll(13, 14, cm)
    sibyll.library.decsib()
    ours = sibyll._products(sibyll._boost(energy / 1e3, momentum / 1e3, cm))
    np.testing.assert_allclose(ours[:, 1:] / 1e3, theirs[:, 1:], rtol=1e-3, atol=2e-3)
    numbers = {22: 1, 211: 8, -211: 9, 130: 10, 321: 11, -321: 12, 2112: 13, 2212: 14, -2212: 15}
    numbers |= {-2112: 25, 11: 3, -11: 2}
    assert [numbers[int(p)] for p in theirs[:, 0]] == ours[:, 0].astype(int).tolist()


@pytest.mark.parametrize(
    ("kind", "kinetic_mev", "message"),
    [
        (PROTON, 1e4, "10 GeV in the centre of mass"),
        (1, 1e6, "kind: got 1"),
        (66, 1e6, "kind: got 66"),
    ],
)
def test_what_the_models_cannot_do_is_refused(kind, kinetic_mev, message):
    with pytest.raises(InputError, match=message):
        load_sibyll().interact(kind, kinetic_mev, stream(1))


def test_urqmd_refuses_energies_and_kinds(low):
    for kind, kinetic_mev in ((PROTON, 2e5), (PROTON, 0.0), (PROTON, np.nan), (IRON, 1e3)):
        with pytest.raises(InputError):
            low.interact(kind, kinetic_mev, stream(1))


def test_a_hadron_too_slow_for_the_model_is_refused(high):
    with pytest.raises(InputError, match="10 GeV"):
        high.interact(PROTON, 1e4, stream(1))


def test_a_model_without_its_tables_is_one_error(monkeypatch):
    import chromo.models.qgsjet

    def offline(url):
        raise ConnectionError("no network")

    monkeypatch.setattr(chromo.models.qgsjet, "_cached_data_dir", offline)
    with pytest.raises(InputError, match=r"qgsjet2_04.*sibyll23d.*no network"):
        HighEnergyModel({"high_energy_model": "qgsjet2_04"})
    with pytest.raises(InputError, match="sibyll23d"):
        HighEnergyModel({"high_energy_model": "geisha"})


def test_other_models_go_through_chromo(monkeypatch):
    """Sibyll 2.1, which needs no tables, stands for the models that need some."""
    monkeypatch.setitem(chromo_models.MODELS, "sibyll21", "Sibyll21")
    model = chromo_models.ChromoModel("sibyll21")
    for kind in (PROTON, KAON):
        rows = model.interact(kind, 1e6, stream(18))
        np.testing.assert_array_equal(rows, model.interact(kind, 1e6, stream(18)))
        assert energies_mev(rows).sum() == pytest.approx(1e6, rel=0.02)
        assert {int(k) for k in rows[:, 0]} <= set(PRODUCED)
    # Of a nucleus chromo's record of Sibyll holds the last nucleon's interaction alone.
    with pytest.raises(RuntimeError, match="lost energy"):
        model.interact(IRON, 5.6e7, stream(18))


def test_kinds_and_masses():
    assert [stable_nucleus(a) for a in (4, 14, 28, 56)] == [402, 1407, 2814, 5626]
    assert rest_mass_mev(IRON) == pytest.approx(52103.0, rel=2e-3)
    assert is_nucleus(201)
    assert not is_nucleus(14)
    assert not is_nucleus(203)
    with pytest.raises(InputError, match="got 7"):
        rest_mass_mev(7)
