// The official openai package, unmodified, against a gateway, however it is reached.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import OpenAI from "openai";

const TEXT = "Grüße aus 東京, 𝒳 und 👩‍👩‍👧 — \"quoted\" \\ /";
const USAGE = { stream_options: { include_usage: true } };
const TOOLS = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];

let count = 0;

/** A chat that no other test asks for, so that no cache answers it. */
function ask(text = "Say something.") {
  count += 1;
  return { model: "gpt-4o-mini", messages: [{ role: "user", content: `${text} [node ${count}]` }] };
}

async function refusal(promise, kind) {
  let error;
  await assert.rejects(promise, (thrown) => ((error = thrown), true));
  assert.ok(error instanceof kind, `expected ${kind.name}, got ${error.constructor.name}: ${error.message}`);
  return error;
}

/**
 * Declares the tests. `start` gives the gateway: with the simulator's `reset`, `script`, `requests` and `settled`, with
 * `createKey(…options)` and `stop`, and with `reached`, the OpenAI client's options that lead to it.
 */
export function suite(start) {
  let lockgate;
  let key;

  before(async () => {
    lockgate = await start();
    key = await lockgate.createKey();
  });
  after(() => lockgate?.stop());
  beforeEach(() => lockgate.reset());

  function client(options = {}) {
    return new OpenAI({ apiKey: key.key, timeout: 20_000, ...lockgate.reached, ...options });
  }

  test("chat", async () => {
    await lockgate.script({ kind: "reply", text: TEXT });
    const asked = ask(TEXT);
    const { data, response } = await client().chat.completions.create(asked).withResponse();
    assert.equal(data.choices[0].message.content, TEXT);
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.ok(data.usage.total_tokens > 0);
    assert.equal(response.headers.get("x-lockgate-provider"), "openai");
    assert.equal(response.headers.get("x-lockgate-cache"), "miss");
    assert.equal(response.headers.get("x-lockgate-attempts"), "openai/gpt-4o-mini=200");
    assert.ok(Number(response.headers.get("x-lockgate-cost-usd")) > 0);
    const [seen] = await lockgate.settled(1);
    assert.deepEqual(seen.body.messages, asked.messages);
    assert.equal(seen.headers.authorization, "Bearer sk-upstream-of-the-tests");
  });

  test("a stream is whole, reports usage and ends with the metadata frame", async () => {
    await lockgate.script({ kind: "reply", text: TEXT });
    const chunks = [];
    for await (const chunk of await client().chat.completions.create({ ...ask(), stream: true, ...USAGE })) {
      chunks.push(chunk);
    }
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), TEXT);
    const last = chunks.at(-1);
    assert.deepEqual(last.choices, []);
    assert.ok(last.usage.total_tokens > 0);
    assert.equal(last.lockgate.provider, "openai");
    assert.ok(Number.isInteger(last.lockgate.cost_nano_usd));
  });

  test("a naive loop gets through the whole stream", async () => {
    await lockgate.script({ kind: "reply", text: TEXT });
    let text = "";
    for await (const chunk of await client().chat.completions.create({ ...ask(), stream: true })) {
      text += chunk.choices[0].delta.content ?? "";
    }
    assert.equal(text, TEXT);
  });

  test("the package's own stream helper", async () => {
    await lockgate.script({ kind: "reply", text: TEXT });
    const final = await client().chat.completions.stream({ ...ask(), ...USAGE }).finalChatCompletion();
    assert.equal(final.choices[0].message.content, TEXT);
  });

  test("tool calls, whole and streamed", async () => {
    const fault = { kind: "tool_calls", calls: [{ name: "weather", arguments: { city: "Zürich" } }] };
    await lockgate.script(fault, fault);
    const whole = await client().chat.completions.create({ ...ask(), tools: TOOLS });
    const streamed = await client().chat.completions.stream({ ...ask(), tools: TOOLS }).finalChatCompletion();
    for (const answer of [whole, streamed]) {
      const [call] = answer.choices[0].message.tool_calls;
      assert.equal(answer.choices[0].finish_reason, "tool_calls");
      assert.equal(call.function.name, "weather");
      assert.deepEqual(JSON.parse(call.function.arguments), { city: "Zürich" });
    }
  });

  test("models", async () => {
    const ids = [];
    for await (const model of client().models.list()) ids.push(model.id);
    assert.ok(ids.includes("gpt-4o-mini"));
    assert.equal((await client().models.retrieve("gpt-4o-mini")).id, "gpt-4o-mini");
  });

  test("unknown fields survive both ways", async () => {
    const future = { b: 1, a: [1, 2.5, null, "ü"] };
    const answer = {
      id: "chatcmpl-future",
      object: "chat.completion",
      created: 1700000000,
      model: "gpt-4o-mini",
      x_future: future,
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hi.", x_more: 7 } }],
      usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
    };
    const headers = { "content-type": "application/json" };
    await lockgate.script({ kind: "status", status: 200, body: JSON.stringify(answer), headers });
    const parsed = await client().chat.completions.create({ ...ask(), x_future: future });
    assert.deepEqual(parsed.x_future, future);
    assert.equal(parsed.choices[0].message.x_more, 7);
    assert.deepEqual((await lockgate.settled(1))[0].body.x_future, future);
  });

  test("a bad key", async () => {
    const call = client({ apiKey: "lg_unknown" }).chat.completions.create(ask());
    assert.equal((await refusal(call, OpenAI.AuthenticationError)).code, "invalid_api_key");
    assert.deepEqual(await lockgate.requests(), []);
  });

  test("a bad request names the field", async () => {
    const call = client().chat.completions.create({ ...ask(), max_tokens: -1 });
    assert.equal((await refusal(call, OpenAI.BadRequestError)).param, "max_tokens");
    assert.deepEqual(await lockgate.requests(), []);
  });

  test("an unknown model", async () => {
    const call = client().chat.completions.create({ ...ask(), model: "no-such-model" });
    assert.equal((await refusal(call, OpenAI.NotFoundError)).code, "model_not_found");
  });

  test("a rate limit", async () => {
    const limited = await lockgate.createKey("--requests-per-minute", "1");
    const mine = client({ apiKey: limited.key, maxRetries: 0 });
    await mine.chat.completions.create(ask());
    const error = await refusal(mine.chat.completions.create(ask()), OpenAI.RateLimitError);
    assert.equal(error.code, "rate_limit_exceeded");
    const seconds = Number(error.headers.get("retry-after"));
    assert.ok(seconds >= 1 && seconds <= 60, `retry-after is ${seconds}`);
  });

  test("a spend cap is not retried", async () => {
    const capped = await lockgate.createKey("--monthly-cap", "0");
    const call = client({ apiKey: capped.key, maxRetries: 3 }).chat.completions.create(ask());
    const error = await refusal(call, OpenAI.APIError);
    assert.equal(error.status, 402);
    assert.equal(error.code, "spend_cap_exceeded");
    assert.equal(error.headers.get("x-should-retry"), "false");
    assert.deepEqual(await lockgate.requests(), []);
  });

  test("an exhausted plan is not multiplied by the client's retries", async () => {
    await lockgate.script({ kind: "status", status: 500, times: 100 });
    const call = client({ maxRetries: 3 }).chat.completions.create(ask());
    const error = await refusal(call, OpenAI.InternalServerError);
    assert.equal(error.status, 502);
    assert.equal(error.headers.get("x-should-retry"), "false");
    const attempts = error.headers.get("x-lockgate-attempts").split(",").length;
    assert.equal((await lockgate.requests()).length, attempts);
  });

  test("an upstream rate limit", async () => {
    await lockgate.script({ kind: "status", status: 429, retry_after: "7", times: 100 });
    const error = await refusal(client({ maxRetries: 3 }).chat.completions.create(ask()), OpenAI.RateLimitError);
    assert.equal(error.code, "upstream_rate_limited");
  });

  test("a stream that breaks after content throws", async () => {
    await lockgate.script({ kind: "error_in_stream", after_events: 3, and: [{ kind: "reply", text: "one two three" }] });
    const stream = await client({ maxRetries: 3 }).chat.completions.create({ ...ask(), stream: true });
    const read = async () => {
      for await (const chunk of stream) assert.ok(chunk.id);
    };
    await refusal(read(), OpenAI.APIError);
    assert.equal((await lockgate.requests()).length, 1);
  });

  for (const [name, leave] of [
    ["break", async (stream) => { for await (const chunk of stream) if (chunk.choices[0].delta.content) break; }],
    ["controller.abort()", async (stream) => {
      for await (const chunk of stream) if (chunk.choices[0].delta.content) stream.controller.abort();
    }],
  ]) {
    test(`${name} aborts the provider's answer and frees the slot`, async () => {
      const lone = await lockgate.createKey("--concurrency", "1");
      const mine = client({ apiKey: lone.key });
      await lockgate.script({ kind: "slow_events", ms: 20, and: [{ kind: "reply", text: "word ".repeat(400) }] });
      await leave(await mine.chat.completions.create({ ...ask(), stream: true }));
      const [seen] = await lockgate.settled(1);
      assert.equal(seen.outcome, "aborted");
      assert.ok((await mine.chat.completions.create(ask())).choices[0].message.content);
    });
  }

  test("a caller's timeout aborts the provider's answer", async () => {
    await lockgate.script({ kind: "stall", stage: "headers" });
    const call = client({ timeout: 200, maxRetries: 0 }).chat.completions.create(ask());
    await refusal(call, OpenAI.APIConnectionTimeoutError);
    assert.equal((await lockgate.settled(1))[0].outcome, "aborted");
  });

  test("a hit reads like the answer, whole and as a stream, and costs nothing", async () => {
    const question = ask();
    const first = await client().chat.completions.create(question);
    const second = await client().chat.completions.create(question);
    assert.deepEqual(second.choices, first.choices);
    assert.equal(second.lockgate.cache, "exact");
    assert.equal(second.lockgate.cost_nano_usd, 0);
    let text = "";
    for await (const chunk of await client().chat.completions.create({ ...question, stream: true })) {
      text += chunk.choices[0].delta.content ?? "";
    }
    assert.equal(text, first.choices[0].message.content);
    assert.equal((await lockgate.requests()).length, 1);
  });

  test("embeddings", async () => {
    const { data, usage } = await client().embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
    assert.deepEqual(data.map((vector) => vector.embedding.length), [1536, 1536]);
    assert.ok(usage.prompt_tokens > 0);
  });
}
