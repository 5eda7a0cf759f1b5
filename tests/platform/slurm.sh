#!/usr/bin/env bash
# A real SLURM of several nodes on this machine: munge, slurmctld and slurmd, no system services.
# usage: slurm.sh start FOLDER [NODES [CPUS_PER_NODE [FIRST_PORT]]]  prints what to export
#        slurm.sh stop FOLDER
set -euo pipefail
action=$1; folder=$2; nodes=${3:-3}; cpus=${4:-2}; port=${5:-21000}
export PATH=$PATH:/usr/sbin:/sbin SLURM_CONF=$folder/slurm.conf

stop() {
  scancel --user "$(id -un)" 2>/dev/null || true
  local file pid
  # Nodes first, then the controller, then the authentication.
  for file in "$folder"/run/slurmd-*.pid "$folder/run/slurmctld.pid" "$folder/run/munged.pid"; do
    [ -s "$file" ] || continue
    pid=$(cat "$file"); kill "$pid" 2>/dev/null || true
    for _ in $(seq 40); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$file"
  done
}

background() { # background NAME COMMAND...: run it, keep its pid and its output
  local name=$1; shift
  setsid "$@" >"$folder/log/$name.out" 2>&1 </dev/null &
  echo $! >"$folder/run/$name.pid"
}

if [ "$action" = stop ]; then stop; exit 0; fi
umask 022
mkdir -p "$folder"/{run,log,state,spool} && mkdir -p -m 0700 "$folder/munge"
if [ ! -s "$folder/munge/key" ]; then
  head -c 128 /dev/urandom >"$folder/munge/key"; chmod 600 "$folder/munge/key"
fi
user=$(id -un)
{
  echo "ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=2
MinJobAge=3600
DefMemPerCPU=500
SlurmctldPidFile=$folder/run/slurmctld.own
SlurmdPidFile=$folder/run/slurmd-%n.own
SlurmdSpoolDir=$folder/spool/%n
StateSaveLocation=$folder/state
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
NodeName=node[1-$nodes] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=$cpus RealMemory=8000 State=UNKNOWN
PartitionName=short Nodes=node[1-$nodes] Default=YES MaxTime=02:00:00 State=UP
PartitionName=long Nodes=node[1-$nodes] MaxTime=1-00:00:00 State=UP"
} >"$SLURM_CONF"
# Snakemake's job step takes SLURM_CONF away from srun, which then looks in /etc alone: this srun
# knows its farm. Put this folder before PATH.
mkdir -p "$folder/bin"
printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$SLURM_CONF" "$(command -v srun)" >"$folder/bin/srun"
chmod +x "$folder/bin/srun"
trap stop ERR
background munged munged --foreground --force --key-file="$folder/munge/key" \
  --socket="$folder/munge.socket" --num-threads=2 --pid-file="$folder/munge/pid" \
  --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
for _ in $(seq 60); do munge -S "$folder/munge.socket" -n >/dev/null 2>&1 && break; sleep 0.1; done
background slurmctld slurmctld -D
for i in $(seq "$nodes"); do
  mkdir -p "$folder/spool/node$i"
  background "slurmd-node$i" slurmd -D -N "node$i"
done
idle=0
for _ in $(seq 150); do
  idle=$(sinfo -h -N -p short -t idle -o %N 2>/dev/null | sort -u | wc -l)
  [ "$idle" = "$nodes" ] && break
  sleep 0.2
done
if [ "$idle" != "$nodes" ]; then
  echo "slurm.sh: $idle of $nodes nodes came up" >&2; tail -n 5 "$folder"/log/* >&2; stop; exit 1
fi
echo "SLURM_CONF=$SLURM_CONF"
