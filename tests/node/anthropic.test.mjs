// The official @anthropic-ai/sdk package against the simulated Anthropic. No gateway is involved: this proves the simulator.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { Simulator } from "./lockgate.mjs";

const HAIKU = "claude-haiku-4-5";
const WEATHER = {
  name: "get_weather",
  description: "The weather of a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

let simulator;
let client;

before(async () => {
  simulator = await Simulator.start();
  client = new Anthropic({
    apiKey: "sk-ant-test",
    baseURL: simulator.urls.anthropic,
    timeout: 20_000,
    maxRetries: 0,
  });
});
after(() => simulator?.stop());
beforeEach(() => simulator.reset());

function ask(text, more = {}) {
  return { model: HAIKU, max_tokens: 4000, messages: [{ role: "user", content: text }], ...more };
}

function told(message) {
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

/** An answer, streamed or not. */
function answered(streamed, asked) {
  return streamed ? client.messages.stream(asked).finalMessage() : client.messages.create(asked);
}

async function refusal(promise, kind) {
  let error;
  await assert.rejects(promise, (thrown) => ((error = thrown), true));
  assert.ok(error instanceof kind, `expected ${kind.name}, got ${error.constructor.name}: ${error.message}`);
  return error;
}

test("an answer", async () => {
  const answer = await client.messages.create(ask("Tell of otters"));
  assert.match(answer.id, /^msg_01/);
  assert.equal(answer.role, "assistant");
  assert.equal(answer.model, "claude-haiku-4-5-20251001");
  assert.match(told(answer), /otters/);
  assert.equal(answer.stop_reason, "end_turn");
  assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
  assert.match(answer._request_id, /^req_011C/);
});

test("a stream tells the same, event by event", async () => {
  const kinds = [];
  for await (const event of await client.messages.create(ask("Tell of otters", { stream: true }))) {
    kinds.push(event.type);
  }
  assert.deepEqual(kinds.slice(0, 2), ["message_start", "content_block_start"]);
  assert.deepEqual(kinds.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
  let text = "";
  const stream = client.messages.stream(ask("Tell of otters")).on("text", (piece) => (text += piece));
  const final = await stream.finalMessage();
  const whole = await client.messages.create(ask("Tell of otters"));
  assert.equal(text, told(whole));
  assert.deepEqual(final.usage, whole.usage);
});

test("an abort ends the stream", async () => {
  await simulator.scriptFor("anthropic", { kind: "stall", after_events: 4 });
  const stream = await client.messages.create(ask("Tell of otters", { stream: true }));
  for await (const event of stream) if (event.type === "content_block_delta") stream.controller.abort();
  const [request] = await simulator.settled(1);
  assert.equal(request.outcome, "aborted");
});

for (const streamed of [false, true]) {
  const how = streamed ? "streamed" : "whole";

  test(`tools, and their results, ${how}`, async () => {
    const asked = ask("The weather in both Paris and Rome?", { tools: [WEATHER] });
    const answer = await answered(streamed, asked);
    assert.equal(answer.stop_reason, "tool_use");
    const calls = answer.content.filter((block) => block.type === "tool_use");
    assert.equal(calls.length, 2);
    for (const call of calls) {
      assert.match(call.id, /^toolu_01/);
      assert.equal(typeof call.input.city, "string");
    }
    const results = calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "18 degrees" }));
    asked.messages.push({ role: "assistant", content: answer.content }, { role: "user", content: results });
    assert.match(told(await answered(streamed, asked)), /The result of get_weather is 18 degrees\./);
  });

  test(`thinking, and its return, ${how}`, async () => {
    const asked = ask("The weather in Paris?", {
      tools: [WEATHER],
      thinking: { type: "enabled", budget_tokens: 2048 },
    });
    const answer = await answered(streamed, asked);
    const [thought, call] = answer.content;
    assert.equal(thought.type, "thinking");
    assert.ok(thought.thinking && thought.signature);
    const results = [{ type: "tool_result", tool_use_id: call.id, content: "18 degrees" }];
    asked.messages.push({ role: "assistant", content: answer.content }, { role: "user", content: results });
    assert.match(told(await answered(streamed, asked)), /18 degrees/);
    thought.thinking += " More.";
    const error = await refusal(answered(streamed, asked), Anthropic.BadRequestError);
    assert.match(error.message, /cannot be modified/);
  });
}

for (const [status, kind] of [
  [400, Anthropic.BadRequestError],
  [401, Anthropic.AuthenticationError],
  [403, Anthropic.PermissionDeniedError],
  [404, Anthropic.NotFoundError],
  [429, Anthropic.RateLimitError],
  [500, Anthropic.InternalServerError],
  [529, Anthropic.InternalServerError],
]) {
  test(`status ${status}`, async () => {
    await simulator.scriptFor("anthropic", { kind: "status", status, message: "told" });
    const error = await refusal(client.messages.create(ask("x")), kind);
    assert.equal(error.status, status);
    assert.equal(error.error.error.message, "told");
    assert.equal(error.requestID, error.error.request_id);
  });
}

test("an error inside the stream", async () => {
  for (const after_events of [0, 1, 4]) {
    await simulator.scriptFor("anthropic", { kind: "error_in_stream", after_events });
    const error = await refusal(client.messages.stream(ask("x")).finalMessage(), Anthropic.APIError);
    assert.match(error.message, /overloaded_error/);
  }
});

test("retries", async () => {
  const fault = { kind: "status", status: 529, retry_after: "0", retry_after_ms: 1, times: 2 };
  await simulator.scriptFor("anthropic", fault);
  assert.ok(told(await client.messages.create(ask("x"), { maxRetries: 2 })));
  assert.equal((await simulator.requests("/v1/messages")).length, 3);
});

test("tokens and models", async () => {
  const { max_tokens, ...asked } = ask("How long is this?", { system: "Be terse.", tools: [WEATHER] });
  const counted = await client.messages.countTokens(asked);
  const answer = await client.messages.create({ ...asked, max_tokens });
  assert.equal(counted.input_tokens, answer.usage.input_tokens);
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  assert.ok(models.includes("claude-opus-5-5"));
  assert.equal((await client.models.retrieve(HAIKU)).display_name, "Claude Haiku 4.5");
});
