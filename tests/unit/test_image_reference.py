"""References of images: path and digest, what a launch refuses, what a job refuses."""

from __future__ import annotations

import pytest

from iactflow.campaign.image import DIGEST_FILE, check_image, image_path, pinned_digest
from iactflow.errors import InputError

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("reference", "path", "digest"),
    [
        ("containers/iactflow.sif", "containers/iactflow.sif", None),
        (f"/cvmfs/iactflow@sha256:{DIGEST}", "/cvmfs/iactflow", DIGEST),
        # Of an address, the digest is the registry's and stays with it.
        (f"docker://r.org/i@sha256:{DIGEST}", f"docker://r.org/i@sha256:{DIGEST}", None),
    ],
)
def test_a_reference_is_a_path_and_perhaps_a_digest(reference, path, digest):
    assert image_path(reference) == path
    assert pinned_digest(reference) == digest


@pytest.fixture
def folder(tmp_path):
    """Return an unpacked image that states its digest."""
    stated = tmp_path / "image" / DIGEST_FILE
    stated.parent.mkdir(parents=True)
    stated.write_text(f"{DIGEST}\n")
    return tmp_path / "image"


def test_the_pinned_image_passes(folder, tmp_path):
    (tmp_path / "i.sif").touch()
    for reference in (
        f"{folder}",
        f"{folder}@sha256:{DIGEST}",
        f"{tmp_path}/i.sif@sha256:{DIGEST}",
    ):
        check_image(reference, "c.yaml")
    check_image("docker://r.org/i:1", "c.yaml")


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (f"@sha256:{'cd' * 32}", f"the digest of what lies there: {DIGEST}"),
        ("@sha256:cd", "64 hexadecimal digits"),
        ("-other", "an existing image"),
    ],
)
def test_another_image_is_refused_by_the_launch(folder, ending, message):
    with pytest.raises(InputError, match=r"c\.yaml: image: ") as error:
        check_image(f"{folder}{ending}", "c.yaml")
    assert message in str(error.value)


def test_a_folder_without_digest_is_not_the_pinned_one(folder):
    (folder / DIGEST_FILE).unlink()
    with pytest.raises(InputError, match="no digest"):
        check_image(f"{folder}@sha256:{DIGEST}", "c.yaml")
