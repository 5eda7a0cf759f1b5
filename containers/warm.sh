#!/bin/sh
# Compile every kernel once, while the image is built: the smallest campaigns, whose numba caches
# stay in /opt/iactflow/numba-cache. Without it each job would compile for some ten seconds.
# usage: warm.sh CHECKOUT
set -eu
cd "$1"
. /opt/iactflow/cpu.sh
export PATH=/opt/iactflow/bin:$PATH PYTHONPATH=/opt/iactflow
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1
export NUMBA_CACHE_DIR=/opt/iactflow/numba-cache
export XDG_CACHE_HOME="$1/.cache" XDG_CONFIG_HOME="$1/.cache" MPLCONFIGDIR="$1/.cache"
mkdir -p "$NUMBA_CACHE_DIR" "$1/.cache/astropy"
snakemake all --cores all --quiet all --configfile config/campaigns/ci.yaml
for campaign in config/campaigns/photons-ci.yaml containers/warm-waveforms.yaml; do
  snakemake simulations --cores all --quiet all --configfile "$campaign"
done
find "$NUMBA_CACHE_DIR" -type f | sort | xargs cat | sha256sum | cut -c 1-16 >"$NUMBA_CACHE_DIR/digest"
