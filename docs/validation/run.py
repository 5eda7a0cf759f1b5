"""Write the pages of the validation: ``run.py [PAGE ...]``, all pages without a name."""

from __future__ import annotations

import sys
import warnings

from stamps import HERE, REPOSITORY, load_page, page_names, stamp_of_sources

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.closure import ROOT
from iactflow.errors import InputError

FAIL = "FAIL"


def write_page(name: str) -> bool:
    """Make a page and write it.

    Parameters
    ----------
    name : str
        Name of the page.

    Returns
    -------
    bool
        Whether no comparison failed.
    """
    stamp = stamp_of_sources(name)
    if stamp != stamp_of_sources(name, ROOT):
        allowed = "the code of this checkout: run make env"
        raise InputError("environment", "installed iactflow", stamp, allowed)
    page = load_page(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        body = page.make()
    head = f"# {page.TITLE}\n\n<!-- stamp: {stamp} -->\n"
    foot = (
        f"Written by `make validate PAGE={name}`; a test fails when the code or the configuration "
        "that these numbers rest on has changed since.\n"
    )
    with atomic_output(HERE / f"{name}.md") as path:
        path.write_text("\n".join([head, body.strip(), "", foot]), encoding="utf-8")
    return FAIL not in body


def main(wanted: list[str]) -> int:
    """Write pages.

    Parameters
    ----------
    wanted : list of str
        Names; empty: all.

    Returns
    -------
    int
        1 if a comparison failed.
    """
    known = page_names()
    for name in wanted:
        if name not in known:
            raise InputError("command line", "PAGE", name, ", ".join(known))
    failed = []
    for name in wanted or known:
        good = write_page(name)
        where = (HERE / f"{name}.md").relative_to(REPOSITORY)
        print(f"{where}: {'all comparisons pass' if good else 'a comparison fails'}", flush=True)
        failed += [] if good else [name]
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except InputError as error:
        sys.exit(str(error))
