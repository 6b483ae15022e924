// Many calls left at random, and many streams at once: nothing stays reserved, no memory is kept, the loop goes on.
// LOCKGATE_CALLS says how many calls; `make soak` makes more.

import assert from "node:assert/strict";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { LockgateError } from "lockgate";
import OpenAI from "openai";

import { ask, eventually, workbench } from "./support.mjs";

const bench = workbench();
const CALLS = Number(process.env.LOCKGATE_CALLS ?? 2000);
const AT_ONCE = 16;
const MIB = 2 ** 20;

/** Random numbers that are the same in every run. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function expected(call) {
  try {
    await call();
  } catch (error) {
    const left =
      ["AbortError", "APIUserAbortError", "TimeoutError"].includes(error?.name) ||
      error instanceof OpenAI.APIUserAbortError;
    if (!left && !LockgateError.isInstance(error)) throw error;
  }
}

test("leak_nothing: calls aborted and broken off at random", async (context) => {
  const random = randomFrom(7);
  // Rows on disk, and a cache that is soon full: what grows then is a leak.
  const store = `sqlite://${path.join(bench.folder, "lockgate.db")}`;
  const gateway = await bench.create({ store, cache_bytes: 2 ** 20, project: { monthly_cap: 1000 } });
  const client = new OpenAI({ apiKey: "unused", fetch: gateway.fetch, maxRetries: 0 });
  /** Leaves after at most so many milliseconds, or not at all. */
  const leaving = () => (random() < 0.5 ? AbortSignal.timeout(Math.floor(random() * 8)) : undefined);
  const ways = [
    (text) => gateway.chat(ask(text), { signal: leaving() }),
    async (text) => {
      let most = random() * 40;
      for await (const chunk of gateway.chatStream(ask(text), { signal: leaving() })) {
        assert.ok(chunk.id);
        if ((most -= 1) < 0) break;
      }
    },
    async (text) => {
      let most = random() * 40;
      const request = { ...ask(text), stream: true };
      for await (const chunk of await client.chat.completions.create(request, { signal: leaving() })) {
        assert.ok(chunk.id);
        if ((most -= 1) < 0) break;
      }
    },
    // Never read at all.
    (text) => gateway.chatStream(ask(text)),
    (text) => gateway.embed({ model: "text-embedding-3-small", input: text }, { signal: leaving() }),
  ];
  let asked = 0;
  const resident = () => {
    for (let round = 0; round < 3; round += 1) globalThis.gc();
    return process.memoryUsage().rss;
  };
  const grow = async (until) => {
    let left = until - asked;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while ((left -= 1) >= 0) {
          const number = (asked += 1);
          await expected(() => ways[Math.floor(random() * ways.length)](`count to 30 (${number})`));
          if (number % 50 === 0) await bench.simulator.reset();
        }
      }),
    );
  };
  // V8 gives young objects up to 48 MiB as calls come faster, and keeps it: with a small room what grows is a leak.
  for (const flag of ["--expose-gc", "--max-semi-space-size=1"])
    assert.ok(process.execArgv.includes(flag), `node runs without ${flag}`);
  await grow(CALLS / 5);
  await sleep(200);
  const before = resident();
  await grow(CALLS);
  await eventually(async () => {
    globalThis.gc();
    return (await gateway.inspect()).open === 0;
  });
  assert.equal(await gateway.flush(), true);
  await sleep(200);
  const grown = resident() - before;
  const [total] = await gateway.usage();
  context.diagnostic(
    `${CALLS} calls, ${total.requests} in the ledger; RSS after the first fifth: ${(grown / MIB).toFixed(1)} MiB`,
  );
  assert.equal((await gateway.inspect()).open, 0);
  assert.ok(total.requests > CALLS / 2);
  assert.ok(grown <= 8 * MIB, `RSS grew by ${(grown / MIB).toFixed(1)} MiB`);
});

test("64 streams at once leave the event loop to others", async (context) => {
  await bench.script({ kind: "slow_events", ms: 20, times: 64 });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  let beats = 0;
  const beating = setInterval(() => (beats += 1), 5);
  const reading = Array.from({ length: 64 }, async (_, number) => {
    let count = 0;
    let begun;
    for await (const chunk of bench.gateway.chatStream(ask(`count to 60 (${number})`))) {
      begun ??= beats;
      count += chunk.choices.length;
    }
    return { count, beats: beats - begun };
  });
  const seen = await Promise.all(reading);
  clearInterval(beating);
  delay.disable();
  const milliseconds = (nanoseconds) => (nanoseconds / 1e6).toFixed(1);
  context.diagnostic(
    `event-loop delay under 64 streams, ms: p50 ${milliseconds(delay.percentile(50))}, ` +
      `p99 ${milliseconds(delay.percentile(99))}, most ${milliseconds(delay.max)}`,
  );
  for (const stream of seen) {
    assert.ok(stream.count > 100);
    assert.ok(stream.beats > 1, "the event loop stood still for the whole of a stream");
  }
});
