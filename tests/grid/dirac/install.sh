#!/usr/bin/env bash
# Install DIRAC, server and client, into an environment of its own: install.sh FOLDER
# Nothing of it enters the environment of the workflow. On a machine without apt, or without root,
# what is there is used, and the tests say what is missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
# Database, certificates, name spaces, and what compiles the packages that have no wheel.
wanted=(mariadb-server mariadb-client openssl util-linux python3-venv python3-dev
  libmariadb-dev libssl-dev swig gcc g++ make pkg-config)
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  missing=()
  for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
  fi
elif ! PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null; then
  echo "install.sh: MariaDB is missing, and there is no apt or no root here" >&2; exit 0
fi
# Installed whole, from this very lock.
cmp -s "$root/envs/dirac.txt" "$folder/installed.txt" && exit 0
python3.11 -m venv --clear "$folder" 2>/dev/null || python3 -m venv --clear "$folder"
"$folder/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$root/envs/uv.txt"
VIRTUAL_ENV=$folder "$folder/bin/uv" pip install -q --require-hashes \
  --override "$root/envs/dirac-overrides.txt" -r "$root/envs/dirac.txt"
cp "$root/envs/dirac.txt" "$folder/installed.txt"
