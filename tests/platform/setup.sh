#!/usr/bin/env bash
# Install what the platform tests need: Apptainer, SLURM, XRootD, QEMU (other CPUs), headless Chromium,
# and the image.
# On a machine without apt, or without root, what is there is used, and the tests say what is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
platform=$PWD/.platform
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  wanted=()
  command -v slurmctld >/dev/null || [ -x /usr/sbin/slurmctld ] ||
    wanted+=(slurmctld slurmd slurm-client munge)
  command -v xrootd >/dev/null ||
    wanted+=(xrootd-server xrootd-client xrootd-server-plugins xrootd-client-plugins xrootd-plugins)
  command -v qemu-x86_64-static >/dev/null || wanted+=(qemu-user-static)
  command -v chromium-headless-shell >/dev/null || wanted+=(chromium-headless-shell fonts-dejavu-core)
  if [ ${#wanted[@]} -gt 0 ]; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${wanted[@]}" >/dev/null
  fi
  command -v apptainer >/dev/null || bash tests/platform/install_apptainer.sh "$platform/apptainer"
else
  echo "setup.sh: no apt or no root here: using what is installed" >&2
fi
export PATH=$platform/apptainer/bin:$PATH
# Root inside a container often may not raise resource limits, and then cannot hand that on.
export APPTAINER_DROP_CAPS=${APPTAINER_DROP_CAPS:-CAP_SYS_RESOURCE}
command -v apptainer >/dev/null || exit 0
# The image is as new as the lock and the package.
digest=$(cat envs/base.txt containers/{iactflow.def,sitecustomize.py,build.sh,cpu.sh,digest.sh,warm.sh,warm-waveforms.yaml} pyproject.toml \
  $(find workflow/src plugins/*/src -type f -not -path '*/__pycache__/*' -not -path '*.egg-info/*' | sort) | sha256sum | cut -d ' ' -f 1)
if [ "$(cat containers/build/iactflow.digest 2>/dev/null)" != "$digest" ]; then
  bash containers/build.sh --sandbox >"$platform/image.log" 2>&1 || { tail -n 30 "$platform/image.log" >&2; exit 1; }
  rm -f containers/build/iactflow.sif
  echo "$digest" >containers/build/iactflow.digest
fi
# The same image as one file.
[ -s containers/build/iactflow.sif ] ||
  apptainer --silent build --mksquashfs-args "-comp zstd -Xcompression-level 3" \
    containers/build/iactflow.sif containers/build/iactflow
