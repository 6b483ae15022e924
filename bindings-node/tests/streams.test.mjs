// Answers in pieces.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LONG, SLOW, ask, atRest, collect, eventually, refusal, told, workbench } from "./support.mjs";

const bench = workbench();

test("a stream says what it cost", async () => {
  await bench.script({ kind: "reply", text: LONG });
  const stream = await bench.gateway.chatStream(ask("Hello"));
  assert.equal(stream.lockgate.provider, "openai");
  const chunks = await collect(stream);
  assert.equal(told(chunks), LONG);
  assert.ok(stream.lockgate.cost_nano_usd > 0);
  assert.equal(chunks.at(-1).lockgate.cost_nano_usd, stream.lockgate.cost_nano_usd);
  assert.equal(stream.closed, true);
  assert.deepEqual(await collect(stream), []);
  assert.equal(await atRest(bench.gateway, 1), stream.lockgate.cost_nano_usd);
});

test("a stream is read without being awaited first", async () => {
  await bench.script({ kind: "reply", text: LONG });
  assert.equal(told(await collect(bench.gateway.chatStream(ask("Hello")))), LONG);
});

test("a hit tells the same", async () => {
  const first = told(await collect(bench.gateway.chatStream(ask("Hello"))));
  const stream = await bench.gateway.chatStream(ask("Hello"));
  assert.equal(told(await collect(stream)), first);
  assert.deepEqual([stream.lockgate.cache, stream.lockgate.cost_nano_usd], ["exact", 0]);
});

test("the first chunk comes before the last is made", async () => {
  await bench.script({ kind: "stall", after_events: 3 });
  const stream = await bench.gateway.chatStream(ask("count to 50"));
  await stream[Symbol.asyncIterator]().next();
  assert.equal((await bench.requests())[0].outcome, "open");
  await stream.close();
  assert.equal((await bench.settled(1))[0].outcome, "aborted");
});

const WAYS = {
  break: async (gateway) => {
    for await (const chunk of gateway.chatStream(ask("Hello"))) if (chunk.choices[0].delta.content) break;
  },
  "break out of a stream that was awaited and is kept": async (gateway) => {
    const stream = await gateway.chatStream(ask("Hello"));
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
    return stream;
  },
  "an error in the loop": async (gateway) => {
    const looping = async () => {
      for await (const chunk of gateway.chatStream(ask("Hello")))
        if (chunk.choices[0].delta.content) throw new RangeError();
    };
    await assert.rejects(looping(), RangeError);
  },
  close: async (gateway) => {
    const stream = await gateway.chatStream(ask("Hello"));
    await stream[Symbol.asyncIterator]().next();
    await stream.close();
    return stream;
  },
  return: async (gateway) => {
    const iterator = gateway.chatStream(ask("Hello"))[Symbol.asyncIterator]();
    await iterator.next();
    assert.deepEqual(await iterator.return(), { done: true, value: undefined });
  },
  "`await using`": async (gateway) => {
    const stream = await gateway.chatStream(ask("Hello"));
    await stream[Symbol.asyncIterator]().next();
    await stream[Symbol.asyncDispose]();
    return stream;
  },
  "an abort between two reads": async (gateway) => {
    const leaving = new AbortController();
    const stream = await gateway.chatStream(ask("Hello"), { signal: leaving.signal });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    leaving.abort();
    await assert.rejects(iterator.next(), { name: "AbortError" });
    assert.equal((await iterator.next()).done, true);
    return stream;
  },
  "an abort while a read waits": async (gateway) => {
    const leaving = new AbortController();
    const reading = collect(gateway.chatStream(ask("Hello"), { signal: leaving.signal }));
    setTimeout(() => leaving.abort(), 150);
    await assert.rejects(reading, { name: "AbortError" });
  },
};

for (const [name, leave] of Object.entries(WAYS)) {
  test(`leaving by ${name} cancels upstream and settles`, async () => {
    await bench.script(SLOW);
    const kept = await leave(bench.gateway);
    assert.equal((await bench.settled(1))[0].outcome, "aborted");
    assert.ok((await atRest(bench.gateway, 1)) > 0);
    assert.ok(kept === undefined || kept.closed);
  });
}

test("an abort before the first chunk", async () => {
  await bench.script({ kind: "stall", stage: "headers" });
  const leaving = new AbortController();
  const opening = bench.gateway.chatStream(ask("Hello"), { signal: leaving.signal });
  await bench.simulator.arrived(1);
  leaving.abort();
  await assert.rejects(opening, { name: "AbortError" });
  assert.equal((await bench.settled(1))[0].outcome, "aborted");
  await atRest(bench.gateway, 1);
});

test("closing while a read waits ends the loop", async () => {
  await bench.script({ kind: "stall", after_events: 3 });
  const stream = await bench.gateway.chatStream(ask("count to 50"));
  const reading = collect(stream);
  await eventually(() => stream.closed === false);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await stream.close();
  assert.ok((await reading).length >= 1);
  assert.equal((await bench.settled(1))[0].outcome, "aborted");
});

test("chunks come in order, however many are asked for at once", async () => {
  await bench.script({ kind: "reply", text: LONG });
  const iterator = (await bench.gateway.chatStream(ask("Hello")))[Symbol.asyncIterator]();
  const results = [];
  for (;;) {
    const some = await Promise.all(Array.from({ length: 7 }, () => iterator.next()));
    results.push(...some);
    if (some.at(-1).done) break;
  }
  assert.equal(told(results.filter(({ done }) => !done).map(({ value }) => value)), LONG);
});

test("a refusal comes before the first chunk", async () => {
  await refusal(bench.gateway.chatStream(ask("Hello", { model: "nobody-has-this" })), "model_not_found");
  await refusal(collect(bench.gateway.chatStream(ask("Hello", { model: "nobody-has-this" }))), "model_not_found");
});

test("a failure within a stream comes after what came before", async () => {
  await bench.script({ kind: "cut", after_events: 5, close: "drop" });
  const seen = [];
  const reading = async () => {
    for await (const chunk of bench.gateway.chatStream(ask("count to 50"))) seen.push(chunk);
  };
  await refusal(reading(), "provider_error");
  assert.ok(seen.length > 0);
  await atRest(bench.gateway, 1);
});

test("a stream that is lost is cancelled when it is collected, though its signal lives on", async () => {
  await bench.script(SLOW);
  const { signal } = new AbortController();
  await (async () => {
    const stream = await bench.gateway.chatStream(ask("Hello"), { signal });
    await stream[Symbol.asyncIterator]().next();
  })();
  await eventually(async () => {
    globalThis.gc?.();
    return (await bench.requests())[0].outcome === "aborted";
  });
  assert.equal(signal.aborted, false);
  await atRest(bench.gateway, 1);
});

test("a stream that is all there gives others their turn", async () => {
  await bench.script({ kind: "reply", text: LONG });
  const stream = await bench.gateway.chatStream(ask("Hello"));
  await bench.settled(1);
  await eventually(async () => (await bench.gateway.inspect()).open === 0);
  let turns = 0;
  let running = true;
  const others = () => {
    turns += 1;
    if (running) setImmediate(others);
  };
  setImmediate(others);
  let most = 0;
  let together = 0;
  let before = -1;
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    together = turns === before ? together + 1 : 1;
    before = turns;
    most = Math.max(most, together);
  }
  running = false;
  assert.ok(most <= 3 * 64, "so many chunks were read without a turn for others");
  assert.ok(turns > 0, "others never had their turn");
});
