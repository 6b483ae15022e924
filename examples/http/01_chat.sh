#!/bin/sh
# A question and its answer. The headers and the object "lockgate" say who answered, from where, and at what cost.
#
#   LOCKGATE_KEY=lg_… examples/http/01_chat.sh
set -eu

curl --fail-with-body --silent --show-error --include \
  "${LOCKGATE_URL:-http://127.0.0.1:4100/v1}/chat/completions" \
  --header "Authorization: Bearer $LOCKGATE_KEY" \
  --header "Content-Type: application/json" \
  --data '{"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "Say hello in five languages."}]}'
