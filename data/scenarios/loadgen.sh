# Sourced by the scenarios: runs the load generator of this checkout against $URL and writes $OUT.
#
#   URL    base address of the server          default http://127.0.0.1:8000
#   MODEL  the model's name there              default small
#   SEED   arrivals and prompts                default 1
#   OUT    the trace; the summary goes beside  default ./SCENARIO-SEED.jsonl.gz
#
# Build first: npm run build. Arguments of the scenario are passed on, e.g. --meta max_num_seqs=64.

URL=${URL:-http://127.0.0.1:8000}
MODEL=${MODEL:-small}
SEED=${SEED:-1}
scenario=$(basename "$0" .sh)
OUT=${OUT:-$scenario-$SEED.jsonl.gz}
root=$(cd "$(dirname "$0")/../.." && pwd)

# A heap that starts large spares the run full garbage collections, which make requests late.
loadgen() {
  node --initial-old-space-size=512 "$root/dist/cli/main.js" loadgen --url "$URL" --model "$MODEL" --seed "$SEED" \
    --sole-client --meta "scenario=$scenario" --trace-out "$OUT" --out "${OUT%.jsonl.gz}.summary.json" "$@"
}
