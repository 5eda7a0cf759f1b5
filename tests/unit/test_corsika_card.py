"""Input card of CORSIKA, line by line, and back through the reader's conventions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from iactflow.atmosphere.profile import read_atmprof, read_profile_ecsv, write_atmprof
from iactflow.errors import InputError
from iactflow.instrument.description import Site
from iactflow.io.corsika_header import card_lines
from iactflow.shower.corsika_card import CardFiles, render_card, source_direction
from iactflow.shower.primaries import draw_primary

SETTINGS = {
    "name": "gamma",
    "particle": "gamma",
    "energy_min_tev": 0.1,
    "energy_max_tev": 20.0,
    "spectral_index": 2.0,
    "zenith_deg": 40.0,
    "azimuth_deg": 180.0,
    "offset_deg": 0.0,
    "offset_angle_deg": 0.0,
    "viewcone_deg": 0.0,
    "core_radius_max_m": 840.0,
    "shower_reuse": 10,
}
# The field of the CTAO South productions; ARRANG -4.533 there.
SITE = Site("x", "paranal", -24.6, -70.3, 2147.0, 20.48771, 1.62429, 9.367)
SPHERES = [(-20.63, -64.84, 34.0, 12.5), (80.04, -0.77, 29.0, 12.5)]
FILES = CardFiles("photons.corsika", "atmprof.dat")


def card(seed=1, run=7, showers=(1001, 2000), site=SITE, **changes):
    return render_card(
        SETTINGS | changes, site, SPHERES, (240.0, 1000.0), seed, run, showers, FILES
    )


def test_line_by_line():
    lines = card().splitlines()
    seeds = [line for line in lines if line.startswith("SEED")]
    assert len(seeds) == 4
    for line in seeds:
        value, calls, billions = map(int, line.split()[1:])
        assert 1 <= value <= 900_000_000
        assert (calls, billions) == (0, 0)
    assert [line for line in lines if line not in seeds] == [
        "RUNNR 7",
        "EVTNR 1001",
        "NSHOW 1000",
        "PRMPAR 1",
        "ERANGE 100. 20000.",
        "ESLOPE -2.",
        "THETAP 40. 40.",
        # As in the card of the published production with this pointing.
        "PHIP 355.467004 355.467004",
        "OBSLEV 214700.",
        "MAGNET 20.551997 -9.367",
        "ARRANG -4.532996",
        "ATMOSPHERE 99 Y",
        "IACT ATMOFILE atmprof.dat",
        "TELESCOPE -2063. -6484. 3400. 1250.",
        "TELESCOPE 8004. -77. 2900. 1250.",
        "CSCAT 10 84000. 0.",
        "FIXHEI 0. 0",
        "FIXCHI 0.",
        "TSTART T",
        "ECUTS 0.3 0.1 0.02 0.02",
        "ELMFLG F T",
        "MUMULT T",
        "MUADDI F",
        "ECTMAP 1.E6",
        "CERSIZ 5.0",
        "CWAVLG 240. 1000.",
        "CERFIL 0",
        "LONGI T 20. F F",
        "MAXPRT 0",
        "PAROUT F F",
        "DATBAS F",
        "DEBUG F 6 F 1000000",
        "DIRECT ./",
        "IACT SPLIT_AUTO 15M",
        "IACT IO_BUFFER 800MB",
        "TELFIL photons.corsika",
        "EXIT",
    ]


def test_seeds_belong_to_campaign_run_and_chunk():
    texts = [card(), card(seed=2), card(run=8), card(showers=(2001, 3000))]
    seeds = [tuple(map(tuple, card_lines(text, "SEED"))) for text in texts]
    assert len(set(seeds)) == 4
    assert card() == card()


@pytest.mark.parametrize(("particle", "number"), [("electron", 3), ("muon", 6)])
def test_particles(particle, number):
    assert card_lines(card(particle=particle), "PRMPAR") == [[str(number)]]


def test_diffuse():
    text = card(particle="gamma_diffuse", viewcone_deg=10.0)
    assert card_lines(text, "VIEWCONE") == [["0.", "10."]]
    assert card_lines(card(), "VIEWCONE") == []


@pytest.mark.parametrize("azimuth_deg", [0.0, 90.0, 250.0])
def test_direction_as_the_reader_takes_it(azimuth_deg):
    """A particle from the east flies west: PHIP is 90 deg where north is magnetic north."""
    site = Site("x", "paranal", 0.0, 0.0, 2000.0, 20.0, 0.0, 9.0)
    phi = float(card_lines(card(azimuth_deg=azimuth_deg, site=site), "PHIP")[0][0])
    flight = math.cos(math.radians(phi)), math.sin(math.radians(phi))
    back = math.degrees(math.atan2(flight[1], -flight[0])) % 360.0
    assert back == pytest.approx(azimuth_deg, abs=1e-4)


@pytest.mark.parametrize("angle_deg", [0.0, 45.0, 90.0, 200.0])
def test_offset_source_is_where_our_primaries_come_from(angle_deg):
    settings = SETTINGS | {"offset_deg": 1.5, "offset_angle_deg": angle_deg}
    primary = draw_primary(settings, (50.0, 180.0), 1, 1, 1)
    zenith, azimuth = source_direction(settings)
    assert 90.0 - zenith == pytest.approx(primary.alt_deg, abs=1e-9)
    assert azimuth == pytest.approx(primary.az_deg, abs=1e-9)


def test_what_corsika_cannot_do():
    with pytest.raises(InputError, match="shower_reuse"):
        card(shower_reuse=50)
    with pytest.raises(InputError, match="n_showers"):
        card(showers=(1, 2**25))
    with pytest.raises(InputError, match="spheres"):
        render_card(SETTINGS, SITE, [], (240.0, 1000.0), 1, 7, (1, 2), FILES)


def test_profile_for_corsika(tmp_path, repository):
    profile = read_profile_ecsv(repository / "config/atmospheres/paranal/profile.ecsv")
    path = tmp_path / "atmprof.dat"
    write_atmprof(profile, path)
    back = read_atmprof(path)
    for column in ("height_m", "density_g_cm3", "thickness_g_cm2", "refractivity"):
        np.testing.assert_allclose(getattr(back, column), getattr(profile, column), rtol=1e-6)
