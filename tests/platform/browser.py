"""A page in headless Chromium: what its document holds once scripts have run, and a picture."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,900",
    "--virtual-time-budget=10000",
)
# Clicks one link after the other, each as soon as it is there, then leaves what it found.
SCRIPT = """
<script>
(function () {
  const steps = %s;
  function find(step) {
    if (step.startsWith("css:")) return document.querySelector(step.slice(4));
    return [...document.querySelectorAll("nav a")].find(a => a.textContent.trim() === step);
  }
  function leave() {
    const image = document.querySelector("#app .grow img");
    const found = {
      steps_left: steps.length,
      results: Object.entries(categories).flatMap(([category, parts]) =>
        Object.entries(parts).flatMap(([part, paths]) =>
          paths.map(p => [category, part, results[p].name, results[p].caption]))),
      image: image ? [image.naturalWidth, image.naturalHeight, image.clientWidth] : null,
      frame: document.querySelector("iframe") ? document.querySelector("iframe").src : null,
    };
    const element = document.createElement("script");
    element.type = "application/json";
    element.id = "found";
    element.textContent = JSON.stringify(found).replaceAll("<", "\\\\u003c");
    document.body.appendChild(element);
  }
  let attempts = 0;
  (function go() {
    const element = steps.length ? find(steps[0]) : null;
    if (element) { element.click(); steps.shift(); }
    attempts += 1;
    if (steps.length && attempts < 25) setTimeout(go, 150); else setTimeout(leave, 500);
  })();
})();
</script>
"""


def browser() -> str | None:
    """Path of a Chromium, or None."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def _run(page: Path, profile: Path, *options: str) -> str:
    shutil.rmtree(profile, ignore_errors=True)
    command = [browser(), *OPTIONS, f"--user-data-dir={profile}", *options, page.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return result.stdout


def document(page: Path, profile: Path) -> str:
    """Return the HTML of a page after its scripts have run."""
    return _run(page, profile, "--dump-dom")


def screenshot(page: Path, profile: Path, path: Path) -> None:
    """Write what a reader sees of a page as PNG."""
    _run(page, profile, f"--screenshot={path}")


def with_clicks(report: Path, steps: list[str]) -> Path:
    """Copy a report beside itself, with a script that clicks through it.

    A step is the text of a link in the side bar, or ``css:`` and a selector.
    """
    html = report.read_text(encoding="utf-8")
    end = html.rindex("</body>")
    page = report.with_name(f"clicked_{report.name}")
    page.write_text(html[:end] + SCRIPT % json.dumps(steps) + html[end:], encoding="utf-8")
    return page


def found(dom: str) -> dict:
    """Return what the script of `with_clicks` left in the document."""
    _, _, rest = dom.partition('<script type="application/json" id="found">')
    return json.loads(rest.partition("</script>")[0])
