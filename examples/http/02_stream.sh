#!/bin/sh
# An answer in pieces, as server-sent events. The piece before [DONE] says what it cost.
#
#   LOCKGATE_KEY=lg_… examples/http/02_stream.sh
set -eu

curl --fail-with-body --silent --show-error --no-buffer \
  "${LOCKGATE_URL:-http://127.0.0.1:4100/v1}/chat/completions" \
  --header "Authorization: Bearer $LOCKGATE_KEY" \
  --header "Content-Type: application/json" \
  --data '{"model": "gpt-4.1-nano", "stream": true, "messages": [{"role": "user", "content": "count to 20"}]}'
