// The behaviour cases of every language, the stores they run on, and what was seen beside what is expected.
// conformance/cases/README.md explains them. An unknown field is an error, so that nothing is expected in vain.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";

const FOLDER = new URL("../../conformance/cases/", import.meta.url);
const UNKNOWN_KEY = `lg_${"A".repeat(43)}`;
const HEADERS = { customer: "x-customer-id", cache: "x-lockgate-cache" };

const CASE = ["name", "project", "customers", "key", "upstream", "calls", "upstream_requests", "upstream_body"];
const CALL = ["request", "options", "expect"];
const OPTIONS = ["key", "customer", "cache", "labels"];
const REPORT = ["model", "downgraded_from", "attempts"];
const ANSWER = ["text", "finish_reason", "cache", "cost", "cost_nano_usd", "tool", "warning", ...REPORT];
const REFUSAL = ["code", "exception", "retry_after"];
const STORE = ["name", "servers", "settings", "administered"];

function read(name, entries, known) {
  const found = JSON.parse(readFileSync(new URL(name, FOLDER), "utf8"))[entries];
  assert.ok(found.length > 0, `${name} is empty`);
  for (const entry of found) within(entry, known, `${name}: ${entry.name}`);
  return found;
}

function within(object, known, where) {
  for (const field of Object.keys(object)) assert.ok(known.includes(field), `${where}: unknown field ${field}`);
}

/** Every case. */
export function cases() {
  const found = read("behaviour.json", "cases", CASE);
  for (const { name, calls } of found) {
    for (const call of calls) {
      within(call, CALL, name);
      within(call.options ?? {}, OPTIONS, name);
      within(call.expect, ["status", ...(call.expect.status === 200 ? ANSWER : REFUSAL)], name);
    }
  }
  return found;
}

/** Every store. */
export function stores() {
  return read("stores.json", "stores", STORE);
}

/** The value of a variable of the environment. One that is missing is an error. */
function variable(name) {
  assert.ok(name in process.env, `${name} is not set: tests/run starts servers for these tests`);
  return process.env[name];
}

/** An empty database on the Postgres of the tests: its address, and how it goes. */
function database() {
  const server = variable("LOCKGATE_TEST_POSTGRES");
  const psql = path.join(variable("LOCKGATE_TEST_POSTGRES_PROGRAMS"), "psql");
  const name = `node_${randomBytes(8).toString("hex")}`;
  const administer = (statement) => execFileSync(psql, ["--quiet", "--command", statement, server]);
  administer(`CREATE DATABASE ${name}`);
  return {
    address: `${server.slice(0, server.lastIndexOf("/"))}/${name}`,
    drop: () => administer(`DROP DATABASE ${name} WITH (FORCE)`),
  };
}

/** The store's settings for one case, whose files are in `folder`, and what to call in the end. */
export function place(store, folder) {
  const own = store.servers ? database() : undefined;
  const unique = `${path.basename(folder).replaceAll(/[^A-Za-z0-9]/g, "")}${randomBytes(4).toString("hex")}`;
  const places = { folder, unique, database: own?.address };
  const fill = (text) => text.replaceAll(/\{(\w+)\}/g, (_, name) => places[name] ?? variable(name));
  const filled = Object.entries(store.settings).map(([name, value]) => [
    name,
    typeof value === "string" ? fill(value) : value,
  ]);
  return { settings: Object.fromEntries(filled), end: () => own?.drop() };
}

/** The gateway key of a call. */
export function key(call, own) {
  const which = call.options?.key;
  assert.ok([undefined, "own", "unknown"].includes(which), which);
  return which && { own, unknown: UNKNOWN_KEY }[which];
}

/** A call's options as headers. */
export function headers(call, own) {
  const out = {};
  for (const [name, value] of Object.entries(call.options ?? {})) if (name in HEADERS) out[HEADERS[name]] = value;
  for (const [name, value] of Object.entries(call.options?.labels ?? {})) out[`x-lockgate-label-${name}`] = value;
  const bearer = key(call, own);
  return bearer === undefined ? out : { ...out, authorization: `Bearer ${bearer}` };
}

/** An HTTP answer. */
export function overHTTP(status, fields, text) {
  if (status !== 200) {
    return { status, code: JSON.parse(text).error.code, retry_after: fields.has("retry-after") ? "known" : "none" };
  }
  const isStream = fields.get("content-type").startsWith("text/event-stream");
  const answer = isStream ? together(events(text)) : JSON.parse(text);
  // The headers say the same.
  for (const name of ["provider", ...REPORT]) {
    const header = fields.get(`x-lockgate-${name.replaceAll("_", "-")}`) || null;
    assert.equal(header, answer.lockgate[name] ?? null, name);
  }
  return { status, answer };
}

/** The chunks of a stream. */
function events(text) {
  const lines = text.split("\n").filter((line) => line.startsWith("data: "));
  const data = lines.map((line) => line.slice(6));
  assert.equal(data.pop(), "[DONE]");
  return data.map((event) => JSON.parse(event));
}

/** A stream's pieces as one answer. */
export function together(chunks) {
  const choices = chunks.flatMap((chunk) => chunk.choices);
  const content = choices.map((choice) => choice.delta.content ?? "").join("");
  const calls = choices.flatMap((choice) => choice.delta.tool_calls ?? []);
  const message = { content, tool_calls: calls.filter((call) => call.function?.name) };
  const finish_reason = choices.findLast((choice) => choice.finish_reason)?.finish_reason ?? null;
  return { choices: [{ message, finish_reason }], lockgate: chunks.at(-1).lockgate };
}

/** Compares, and returns what the answer cost, in nano-USD. */
export function judge(seen, expect) {
  const shown = JSON.stringify(seen);
  assert.equal(seen.status, expect.status, shown);
  if (seen.answer === undefined) {
    for (const name of ["code", "retry_after"]) if (name in expect) assert.equal(seen[name], expect[name], shown);
    return 0;
  }
  assert.equal(seen.answer.choices.length, 1, shown);
  const [{ message, finish_reason }] = seen.answer.choices;
  const { cache, cost_nano_usd, warnings } = seen.answer.lockgate;
  const cost = cost_nano_usd ? "positive" : "zero";
  const told = { text: message.content, finish_reason, cache, cost, cost_nano_usd };
  for (const name of REPORT) told[name] = seen.answer.lockgate[name] ?? null;
  told.tool = message.tool_calls?.[0]?.function.name;
  told.warning = warnings.some((warning) => warning.includes(expect.warning)) ? expect.warning : warnings;
  if ("tool" in expect) assert.equal(message.tool_calls.length, 1, shown);
  for (const name of ANSWER) if (name in expect) assert.equal(told[name], expect[name], `${name}: ${shown}`);
  return cost_nano_usd ?? 0;
}

/** What the provider saw. */
export function judgeUpstream(sent, each) {
  if ("upstream_requests" in each) assert.equal(sent.length, each.upstream_requests);
  for (const [name, value] of Object.entries(each.upstream_body ?? {})) {
    assert.deepEqual(sent.at(-1).body[name] ?? null, value, name);
  }
}
