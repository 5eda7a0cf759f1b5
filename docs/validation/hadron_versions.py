"""Runs of `hadron_sample` on another version of H.E.S.S. I."""

from __future__ import annotations

import hadron_sample
from kept_runs import config_files, make_runs

VERSION = "instruments/hess1/2006-2"
#: The version's own files first.
CONFIGS = config_files(VERSION) + hadron_sample.CONFIGS
SAMPLE = hadron_sample.SAMPLE._replace(configs=CONFIGS)


if __name__ == "__main__":
    make_runs(SAMPLE.raw)
