// The official openai package against the simulated OpenAI. No gateway is involved: this proves the simulator.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import OpenAI from "openai";

import { Simulator } from "./lockgate.mjs";

const USAGE = { stream_options: { include_usage: true } };
const TOOL = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

let simulator;
let client;

before(async () => {
  simulator = await Simulator.start();
  client = new OpenAI({ apiKey: "sk-test", baseURL: simulator.urls.openai, timeout: 20_000, maxRetries: 0 });
});
after(() => simulator?.stop());
beforeEach(() => simulator.reset());

function ask(text, more = {}) {
  return { model: "gpt-4o-mini", messages: [{ role: "user", content: text }], ...more };
}

/** An answer, streamed or not. */
function answered(streamed, asked) {
  return streamed
    ? client.chat.completions.stream({ ...asked, ...USAGE }).finalChatCompletion()
    : client.chat.completions.create(asked);
}

async function refusal(promise, kind) {
  let error;
  await assert.rejects(promise, (thrown) => ((error = thrown), true));
  assert.ok(error instanceof kind, `expected ${kind.name}, got ${error.constructor.name}: ${error.message}`);
  return error;
}

test("an answer", async () => {
  const { data, response } = await client.chat.completions.create(ask("Tell of otters")).withResponse();
  assert.match(data.id, /^chatcmpl-/);
  assert.equal(data.model, "gpt-4o-mini-2024-07-18");
  assert.match(data.choices[0].message.content, /otters/);
  assert.equal(data.choices[0].finish_reason, "stop");
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.ok(Number(response.headers.get("x-ratelimit-limit-requests")) > 0);
});

test("a stream tells the same", async () => {
  const whole = await client.chat.completions.create(ask("Tell of otters"));
  let text = "";
  let last;
  for await (const chunk of await client.chat.completions.create({ ...ask("Tell of otters"), stream: true, ...USAGE })) {
    text += chunk.choices[0]?.delta.content ?? "";
    last = chunk;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, whole.usage);
});

test("an abort ends the stream", async () => {
  await simulator.scriptFor("openai", { kind: "stall", after_events: 3 });
  const stream = await client.chat.completions.create({ ...ask("Tell of otters"), stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) stream.controller.abort();
  const [request] = await simulator.settled(1);
  assert.equal(request.outcome, "aborted");
});

for (const streamed of [false, true]) {
  test(`tools, and their results, ${streamed ? "streamed" : "whole"}`, async () => {
    const asked = ask("The weather in both Paris and Rome?", { tools: [TOOL] });
    const { message, finish_reason } = (await answered(streamed, asked)).choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.equal(message.tool_calls.length, 2);
    for (const call of message.tool_calls) {
      assert.match(call.id, /^call_/);
      assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
    }
    const results = message.tool_calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "18 degrees" }));
    asked.messages.push(message, ...results);
    const told = (await answered(streamed, asked)).choices[0].message.content;
    assert.match(told, /The result of get_weather is 18 degrees\./);
  });
}

for (const [status, kind] of [
  [400, OpenAI.BadRequestError],
  [401, OpenAI.AuthenticationError],
  [403, OpenAI.PermissionDeniedError],
  [404, OpenAI.NotFoundError],
  [429, OpenAI.RateLimitError],
  [500, OpenAI.InternalServerError],
]) {
  test(`status ${status}`, async () => {
    await simulator.scriptFor("openai", { kind: "status", status, message: "told", code: "why" });
    const error = await refusal(client.chat.completions.create(ask("x")), kind);
    assert.deepEqual([error.status, error.code], [status, "why"]);
    assert.match(error.message, /told/);
  });
}

test("an error inside the stream", async () => {
  await simulator.scriptFor("openai", { kind: "error_in_stream", after_events: 3, message: "told" });
  const error = await refusal(client.chat.completions.stream(ask("x")).finalChatCompletion(), OpenAI.APIError);
  assert.match(error.message, /told/);
});

test("vectors and models", async () => {
  const made = await client.embeddings.create({ model: "text-embedding-3-small", input: ["red fox", "blue whale"] });
  assert.deepEqual(made.data.map(({ index, embedding }) => [index, embedding.length]), [[0, 1536], [1, 1536]]);
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  assert.ok(models.includes("gpt-4o-mini"));
});
