#!/bin/bash
# usage: run.sh PROGRAM SEEDS JOBS [FIRST]: so many seeds of the simulation, in parallel processes.
set -uo pipefail

program=$1 seeds=$2 jobs=$3 first=${4:-0}
each=$(((seeds + jobs - 1) / jobs))
pids=()
for ((i = 0; i < jobs; i++)); do
	"$program" $((first + i * each)) "$each" &
	pids+=($!)
done
bad=0
for pid in "${pids[@]}"; do
	wait "$pid" || bad=1
done
exit $bad
