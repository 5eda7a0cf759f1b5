#!/usr/bin/env bash
# Build the Apptainer image from the lock: containers/iactflow.sif, or a folder with --sandbox.
# usage: build.sh [--sandbox] [OUTPUT]
#
# The base is Debian made by mmdebstrap where that is installed, so that no registry of images is
# needed; else python:3.11-slim from its registry. IACTFLOW_BASE=docker://... overrides both.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--force); output=containers/iactflow.sif
if [ "${1:-}" = --sandbox ]; then options+=(--sandbox); output=containers/build/iactflow; shift; fi
output=${1:-$output}
command -v apptainer >/dev/null || { echo "build.sh: apptainer is not installed" >&2; exit 2; }
build=containers/build
mkdir -p "$build"

# The locked packages and iactflow, put together on this side: the build needs no network inside.
rm -rf "$build/site.new" "$build/site"
uv=.venv/bin/uv; [ -x "$uv" ] || uv=uv
"$uv" pip install -q --target "$build/site.new" --python-version 3.11 --require-hashes \
  -r envs/base.txt
rm -rf build
"$uv" pip install -q --target "$build/site.new" --python-version 3.11 --no-deps --no-build-isolation \
  . ./plugins/*/
rm -rf build workflow/src/*.egg-info plugins/*/build plugins/*/src/*.egg-info
mv "$build/site.new" "$build/site"

# What the smallest campaigns need to run once inside, so that the image holds compiled kernels.
rm -rf "$build/checkout"
mkdir -p "$build/checkout/containers" "$build/checkout/workflow"
cp -r Snakefile config "$build/checkout"
cp -r workflow/rules workflow/scripts workflow/report workflow/schemas "$build/checkout/workflow"
cp containers/warm.sh containers/warm-waveforms.yaml "$build/checkout/containers"

commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain -- containers envs plugins pyproject.toml workflow 2>/dev/null)" ] ||
  commit=$commit-changed
arguments=(--build-arg version="$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"
  --build-arg commit="$commit"
  --build-arg lock="$(sha256sum envs/base.txt | cut -d ' ' -f 1)")
if [ -n "${IACTFLOW_BASE:-}" ]; then
  arguments+=(--build-arg bootstrap="${IACTFLOW_BASE%%://*}" --build-arg base="${IACTFLOW_BASE#*://}")
elif command -v mmdebstrap >/dev/null; then
  if [ ! -e "$build/base/usr/bin/python3" ]; then
    rm -rf "$build/base"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3 bookworm "$build/base"
  fi
  arguments+=(--build-arg bootstrap=localimage --build-arg base="$build/base")
fi
case " ${options[*]} " in
  *" --sandbox "*) ;;
  *) options+=(--mksquashfs-args "-comp zstd -Xcompression-level 3") ;;
esac
apptainer build "${options[@]}" "${arguments[@]}" "$output.new" containers/iactflow.def
rm -rf "$output" && mv "$output.new" "$output"
echo "image: $output"
