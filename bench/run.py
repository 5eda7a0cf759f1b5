"""Run every benchmark, each in a process of its own, and write ``bench/results.json``.

usage: run.py [NAME ...]

A benchmark is a module of this folder with ``run()``, which returns a list of
``{name, value, unit, peer, peer_value, ratio}``; ``ratio`` is the peer's value over ours, measured
side by side in the same process. Entries without a peer carry null.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BENCHMARKS = (
    *("spectrum", "sky_map", "light_curve", "dag", "plan"),
    *("emission", "ray_tracing", "interactions", "hadrons", "detector", "extraction", "simtel"),
    *("raw_data", "reconstruction", "forest", "stereo", "irfs"),
)
KEYS = ("name", "value", "unit", "peer", "peer_value", "ratio")


def main(names: list[str]) -> int:
    """Run benchmarks, print their table, merge them into the results."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"run.py: no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
        return 2
    if "IACTFLOW_DATA" not in os.environ:
        print("run.py: set IACTFLOW_DATA to the folder of the third-party data")
        return 2
    path = FOLDER / "results.json"
    earlier = json.loads(path.read_text()) if names and path.exists() else []
    entries = []
    for name in names or BENCHMARKS:
        print(f"running {name} ...", flush=True)
        entries += _measure(name)
    new = {entry["name"] for entry in entries}
    entries = [e for e in earlier if e["name"] not in new] + entries
    path.write_text(json.dumps(entries, indent=1) + "\n")
    print(_table(entries))
    return 0


def _measure(name: str) -> list[dict]:
    code = f"import json; from bench.{name} import run; print('\\n' + json.dumps(run()))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=FOLDER.parent,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    entries = json.loads(result.stdout.rstrip().splitlines()[-1])
    return [{key: entry.get(key) for key in KEYS} for entry in entries]


def _table(entries: list[dict]) -> str:
    def show(value):
        return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)

    rows = [KEYS, *([show(e[k]) for k in KEYS] for e in entries)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(KEYS))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
