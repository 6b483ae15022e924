// The one error.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { Gateway, LockgateError } from "lockgate";

import { ask, refusal, workbench } from "./support.mjs";

const bench = workbench();

test("one table with Rust's kinds", () => {
  const require = createRequire(import.meta.resolve("lockgate"));
  const kinds = require("./lib/native.js").native.kinds();
  const table = new Map(kinds.map(({ code, status }) => [code, status]));
  assert.equal(table.size, kinds.length);
  for (const status of table.values()) assert.ok(status >= 400 && status < 600);
  assert.equal(table.get("spend_cap_exceeded"), 402);
  assert.equal(table.get("customer_spend_exceeded"), 429);
  assert.equal(table.get("deadline_exceeded"), 504);
});

test("by kind", async () => {
  const { gateway } = bench;
  const seen = async (code, request, options) => {
    const error = await refusal(gateway.chat({ ...ask("Hello"), ...request }, options), code);
    assert.ok(error instanceof LockgateError && error instanceof Error);
    assert.equal(error.name, "LockgateError");
    assert.match(String(error.stack), /LockgateError: .*\n.* at /);
    return error;
  };
  const bad = await seen("invalid_request", { temperature: "hot" });
  assert.deepEqual([bad.status, bad.param, bad.retryAfter, bad.provider], [400, "temperature", undefined, undefined]);
  const unknown = await seen("model_not_found", { model: "nobody-has-this" });
  assert.equal(unknown.status, 404);
  assert.match(unknown.requestId, /^req_/);
  assert.equal((await seen("invalid_api_key", {}, { key: `lg_${"A".repeat(43)}` })).status, 401);
  await gateway.projects.set("default", { monthly_cap: 0 });
  assert.equal((await seen("spend_cap_exceeded")).status, 402);
  await gateway.projects.set("default", { monthly_cap: null });
  await gateway.customers.set("c", { daily_cap: 0 });
  assert.equal((await seen("customer_spend_exceeded", {}, { customer: "c" })).status, 429);
  const { secret } = await gateway.keys.create({ requests_per_minute: 1 });
  assert.deepEqual(await bench.requests(), [], "a refused request reaches no provider");
  await gateway.chat(ask("Hello"), { key: secret });
  const limited = await seen("rate_limit_exceeded", {}, { key: secret });
  assert.equal(limited.status, 429);
  assert.ok(limited.retryAfter > 0 && limited.retryAfter <= 60, `retryAfter is ${limited.retryAfter}`);
});

test("a provider's fault", async () => {
  await bench.script({ kind: "status", status: 500, times: 10 });
  const failed = await refusal(bench.gateway.chat(ask("Hello")), "provider_error");
  assert.deepEqual([failed.status, failed.provider], [502, "openai"]);
  assert.match(failed.attempts, /=500/);
});

test("a timeout", async () => {
  await bench.script({ kind: "stall", stage: "headers" });
  const late = await refusal(bench.gateway.chat(ask("Hello"), { timeout: 100 }), "deadline_exceeded");
  assert.equal(late.status, 504);
  assert.equal((await bench.settled(1))[0].outcome, "aborted");
});

test("causes are chained", async () => {
  const file = path.join(bench.folder, "not-a-database");
  await writeFile(file, "text, and no database at all. ".repeat(100));
  const error = await refusal(Gateway.create({ store: `sqlite://${file}` }, { environment: {} }));
  assert.ok(error.cause instanceof Error && error.cause.message);
});

test("an error of another copy of the package is one, too", () => {
  const foreign = Object.assign(Object.create({ [Symbol.for("lockgate.LockgateError")]: true }), { code: "x" });
  assert.equal(LockgateError.isInstance(foreign), true);
  for (const other of [new Error("x"), { code: "x" }, null, undefined, "x"]) {
    assert.equal(LockgateError.isInstance(other), false);
  }
});
