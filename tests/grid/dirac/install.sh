#!/usr/bin/env bash
# Install DIRAC, server and client, into an environment of its own: install.sh FOLDER
# Nothing of it enters the environment of the workflow.
set -euo pipefail
folder=$1
if ! [ -x /usr/sbin/mariadbd ] && ! command -v mariadbd >/dev/null; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "install.sh: MariaDB is missing, and there is no apt or no root here" >&2; exit 0
  fi
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    mariadb-server mariadb-client libmariadb-dev libssl-dev swig gcc g++ make pkg-config >/dev/null
fi
[ -x "$folder/bin/dirac-service" ] && exit 0
mkdir -p "$folder"
python3.11 -m venv --clear "$folder" 2>/dev/null || python3 -m venv --clear "$folder"
# gfal2 has no wheel, and only its own storage plugins need it.
echo "gfal2-python ; python_version < '3'" >"$folder/override.txt"
"$folder/bin/python" -m pip install -q --disable-pip-version-check uv
VIRTUAL_ENV=$folder "$folder/bin/uv" pip install -q --override "$folder/override.txt" "DIRAC[server]==9.1.22"
