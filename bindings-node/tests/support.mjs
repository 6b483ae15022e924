// The simulator, and gateways in front of it, in this process.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Gateway, LockgateError } from "lockgate";

import { Simulator } from "../../tests/node/lockgate.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const LONG = Array.from({ length: 400 }, (_, number) => `word${number}`).join(" ");
export const SLOW = { kind: "slow_events", ms: 20, and: [{ kind: "reply", text: LONG }] };

/** What one test file works with: a simulator, a folder, gateways that are closed after each test. */
export function workbench() {
  const bench = {
    simulator: undefined,
    folder: undefined,
    gateway: undefined,
    script: (...faults) => bench.simulator.scriptFor("openai", ...faults),
    requests: (where) => bench.simulator.requests(where),
    settled: (count) => bench.simulator.settled(count),
    settings: (more = {}) => settingsFor(bench.simulator, more),
    async create(more = {}, options = {}) {
      const made = await Gateway.create(bench.settings(more), { environment: {}, ...options });
      gateways.push(made);
      return made;
    },
  };
  const gateways = [];
  before(async () => {
    bench.simulator = await Simulator.start();
  });
  after(() => bench.simulator?.stop());
  beforeEach(async () => {
    await bench.simulator.reset();
    bench.folder = await mkdtemp(path.join(tmpdir(), "lockgate-package-"));
    bench.gateway = await bench.create();
  });
  afterEach(async () => {
    for (const gateway of gateways.splice(0)) assert.equal(await gateway.close(), true);
    await rm(bench.folder, { recursive: true, force: true });
  });
  return bench;
}

export function settingsFor(simulator, more = {}) {
  const provider = { api_key: "sk-upstream", base_url: simulator.urls.openai };
  return { store: "memory", providers: { openai: provider }, ...more };
}

export function ask(text, more = {}) {
  return { model: "gpt-4o-mini", messages: [{ role: "user", content: text }], ...more };
}

export async function refusal(promise, code) {
  let error;
  await assert.rejects(Promise.resolve(promise), (thrown) => ((error = thrown), true));
  assert.ok(LockgateError.isInstance(error), String(error?.stack ?? error));
  if (code !== undefined) assert.equal(error.code, code);
  return error;
}

/** Looks until there is something to see. */
export async function eventually(look, milliseconds = 10_000) {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(performance.now() < deadline, `not within ${milliseconds} ms`);
    await sleep(5);
  }
}

export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

export function told(chunks) {
  return chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta.content ?? "")).join("");
}

/** Nothing is reserved, and so many requests are in the ledger; what they cost, in nano-USD. */
export async function atRest(gateway, requests) {
  assert.equal(await gateway.flush(), true);
  await eventually(async () => (await gateway.inspect()).open === 0);
  assert.equal(await gateway.flush(), true);
  const [total] = await gateway.usage();
  assert.equal(total.requests, requests);
  return total.cost;
}
