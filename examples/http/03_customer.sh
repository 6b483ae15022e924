#!/bin/sh
# A request for an end customer, with a label for the ledger, that asks the provider whatever the cache knows.
# Afterwards `lockgate usage --by customer` names the customer.
#
#   LOCKGATE_KEY=lg_… examples/http/03_customer.sh
set -eu

curl --fail-with-body --silent --show-error \
  "${LOCKGATE_URL:-http://127.0.0.1:4100/v1}/chat/completions" \
  --header "Authorization: Bearer $LOCKGATE_KEY" \
  --header "Content-Type: application/json" \
  --header "X-Customer-ID: alice" \
  --header "X-Lockgate-Label-Feature: greeting" \
  --header "X-Lockgate-Cache: off" \
  --data '{"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "Say hello in five languages."}]}'
