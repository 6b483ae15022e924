// Calls and results.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import * as lockgate from "lockgate";

import { ask, atRest, refusal, workbench } from "./support.mjs";

const bench = workbench();

test("an answer has OpenAI's names", async () => {
  const answer = await bench.gateway.chat(ask("Hello"));
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(answer.choices[0].message.content);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.equal(answer.lockgate.provider, "openai");
  assert.ok(answer.lockgate.attempts.endsWith("=200"));
  assert.ok(answer.lockgate.cost_nano_usd > 0);
  assert.equal(answer.lockgate.cost_nano_usd, Math.round(answer.lockgate.cost_usd * 1e9));
  assert.deepEqual(answer.lockgate.warnings, []);
  assert.deepEqual(structuredClone(answer), answer, "plain data");
});

test("import and require give the same package", () => {
  const required = createRequire(import.meta.url)("lockgate");
  assert.equal(required.Gateway, lockgate.Gateway);
  assert.equal(required.LockgateError, lockgate.LockgateError);
  assert.equal(required.version, lockgate.version);
  assert.match(lockgate.version, /^\d+\.\d+\.\d+/);
});

test("a message of an answer goes back in", async () => {
  const { message } = (await bench.gateway.chat(ask("Hello"))).choices[0];
  await bench.gateway.chat({ model: "gpt-4o-mini", messages: [message, { role: "user", content: "And?" }] });
  const sent = (await bench.requests()).at(-1).body.messages;
  assert.equal(sent[0].content, message.content);
});

test("text and numbers arrive as they are", async () => {
  const text = '\u{1F600} \u0000 " \\ é';
  await bench.gateway.chat(ask(text, { seed: 2 ** 53 - 1, temperature: 0, top_p: undefined }));
  const { body } = (await bench.requests()).at(-1);
  assert.equal(body.messages[0].content, text);
  assert.equal(body.seed, 2 ** 53 - 1);
  assert.equal(body.temperature, 0);
  assert.ok(!("top_p" in body));
});

test("what is no request is refused before anything happens", async () => {
  for (const wrong of [undefined, null, "Hello", 5, [], () => {}]) {
    assert.match((await refusal(bench.gateway.chat(wrong), "invalid_request")).message, /must be an object/);
    await refusal(bench.gateway.embed(wrong), "invalid_request");
    await refusal(bench.gateway.chatStream(wrong), "invalid_request");
  }
  const loop = {};
  loop.loop = loop;
  await assert.rejects(bench.gateway.chat(ask("Hello", { metadata: loop })), TypeError);
  await assert.rejects(bench.gateway.chat(ask("Hello", { seed: 1n })), TypeError);
  assert.equal((await refusal(bench.gateway.chat(ask("Hello", { temperature: "hot" })))).param, "temperature");
  assert.deepEqual(await bench.requests(), []);
});

test("a wrong option is named", async () => {
  for (const [options, said] of [
    [{ custommer: "x" }, /no option "custommer".*customer/],
    [{ customer: 5 }, /customer = 5.*string/],
    [{ timeout: "1" }, /timeout = "1".*number/],
    [{ timeout: -1 }, /-1/],
    [{ timeout: 0 }, /0 is not/],
    [{ timeout: Number.NaN }, /NaN/],
    [{ cache: "always" }, /always/],
    [{ labels: { a: 1 } }, /labels\.a = 1/],
    [{ explain: "yes" }, /explain = "yes"/],
  ]) {
    assert.match((await refusal(bench.gateway.chat(ask("Hello"), options), "invalid_request")).message, said);
  }
  assert.deepEqual(await bench.requests(), []);
});

test("a large request, and a large answer", async () => {
  const text = "ü".repeat(400_000);
  await bench.script({ kind: "reply", text: "word ".repeat(50_000) });
  const answer = await bench.gateway.chat(ask(text));
  assert.equal(answer.choices[0].message.content.length, 250_000);
  assert.equal((await bench.requests())[0].body.messages[0].content, text);
});

test("tools", async () => {
  const tool = { type: "function", function: { name: "add", parameters: { type: "object", properties: {} } } };
  const answer = await bench.gateway.chat(ask("add", { tools: [tool] }));
  const [call] = answer.choices[0].message.tool_calls;
  assert.deepEqual([call.type, call.function.name], ["function", "add"]);
});

test("calls wait side by side", async () => {
  await bench.script({ kind: "stall", stage: "headers", ms: 300, times: 8 });
  const calls = Array.from({ length: 8 }, (_, number) => bench.gateway.chat(ask(`call ${number}`)));
  await bench.simulator.arrived(8);
  const ids = (await Promise.all(calls)).map((answer) => answer.id);
  assert.equal(new Set(ids).size, 8);
});

test("embeddings", async () => {
  const request = { model: "text-embedding-3-small", input: ["one", "two"] };
  const made = await bench.gateway.embed(request);
  assert.deepEqual(
    made.data.map((vector) => vector.index),
    [0, 1],
  );
  assert.ok(made.data[0].embedding.every((number) => typeof number === "number"));
  assert.ok(made.lockgate.cost_nano_usd > 0);
  const again = await bench.gateway.embed(request);
  assert.deepEqual([again.lockgate.cache, again.lockgate.cost_nano_usd], ["exact", 0]);
  assert.equal((await bench.requests("/v1/embeddings")).length, 1);
});

test("an equal request is answered from the cache", async () => {
  const first = await bench.gateway.chat(ask("Hello"));
  const again = await bench.gateway.chat(ask("Hello"));
  assert.deepEqual([again.lockgate.cache, again.lockgate.cost_nano_usd], ["exact", 0]);
  assert.deepEqual(again.choices, first.choices);
  assert.equal((await bench.gateway.chat(ask("Hello"), { cache: "off" })).lockgate.cache, "miss");
  assert.equal((await bench.requests()).length, 2);
  await refusal(bench.gateway.chat(ask("Never asked"), { cache: "only" }), "cache_miss");
  await bench.gateway.projects.purgeCache();
  assert.equal((await bench.gateway.chat(ask("Hello"))).lockgate.cache, "miss");
});

test("what was decided is told to whom asks", async () => {
  const explained = await bench.gateway.chat(ask("Hello"), { explain: true });
  assert.equal(explained.lockgate.explain.candidates[0].model, "gpt-4o-mini");
  assert.equal((await bench.gateway.chat(ask("Hello there"))).lockgate.explain, undefined);
});

test("models", async () => {
  const model = (await bench.gateway.models()).find(({ id }) => id === "gpt-4o-mini");
  assert.deepEqual([model.provider, model.kind, model.context_window], ["openai", "chat", 128_000]);
  assert.deepEqual([model.pricing.input, model.pricing.output], ["0.15", "0.6"]);
  const local = await lockgate.Gateway.create({}, { environment: { OLLAMA_HOST: bench.simulator.urls.ollama } });
  assert.ok((await local.models()).some(({ id }) => id === "llama3.2:latest"));
  const answer = await local.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hello" }] });
  assert.deepEqual([answer.lockgate.provider, answer.lockgate.cost_usd], ["ollama", 0]);
  await local.close();
});

test("administration", async () => {
  const { gateway } = bench;
  const project = await gateway.projects.create("team-a", { monthly_cap: 2.5 });
  assert.equal(project.settings.monthly_cap, "2.5");
  const changed = await gateway.projects.set("team-a", { monthly_cap: null, require_customer: true });
  assert.deepEqual([changed.settings.monthly_cap, changed.settings.require_customer], [null, true]);
  assert.deepEqual((await gateway.projects.list()).map(({ name }) => name).sort(), ["default", "team-a"]);
  assert.equal((await gateway.projects.get()).name, "default");
  const key = await gateway.keys.create({ project: "team-a", name: "k", requests_per_minute: 5, expires_in: 60 });
  assert.match(key.secret, /^lg_/);
  assert.equal(key.rates.requests_per_minute, 5);
  assert.equal(key.expires_at - key.created_at, 60_000);
  assert.equal((await gateway.keys.list("team-a"))[0].secret, undefined);
  await refusal(gateway.chat(ask("Hello"), { key: key.secret }), "invalid_request");
  await gateway.chat(ask("Hello"), { key: key.secret, customer: "c1", labels: { job: "x" } });
  const fresh = await gateway.keys.rotate(key.id);
  await refusal(gateway.chat(ask("Hello"), { key: key.secret, customer: "c1" }), "invalid_api_key");
  await gateway.chat(ask("Hello again"), { key: fresh.secret, customer: "c1" });
  await gateway.keys.revoke(fresh.id);
  await refusal(gateway.chat(ask("Hello"), { key: fresh.secret, customer: "c1" }), "invalid_api_key");
  const limited = await gateway.customers.set("c1", { daily_cap: 0.1 }, { project: "team-a" });
  assert.equal(limited.limits.daily_cap, "0.1");
  assert.deepEqual(
    (await gateway.customers.list({ project: "team-a" })).map(({ id }) => id),
    ["c1"],
  );
  assert.equal(await gateway.customers.forget("c1", { project: "team-a" }), true);
  assert.equal(await gateway.customers.forget("c2", { project: "team-a" }), false);
  await gateway.flush();
  const since = new Date(Date.now() - 3_600_000);
  const [total] = await gateway.usage({ project: "team-a", since });
  assert.equal(total.requests, 2);
  const models = await gateway.usage({ project: "team-a", by: "model" });
  assert.deepEqual(
    models.map(({ group, requests }) => [group, requests]),
    [["gpt-4o-mini", 2]],
  );
  assert.match((await refusal(gateway.projects.set("team-a", { no_such_setting: 1 }))).message, /no_such_setting/);
  assert.equal((await refusal(gateway.keys.create({ expires_in: -1 }))).param, "expires_in");
  assert.match((await refusal(gateway.keys.create({ colour: "red" }))).message, /colour/);
});

test("an abort cancels a call and settles it", async () => {
  await bench.script({ kind: "stall", stage: "headers" });
  const leaving = new AbortController();
  const call = bench.gateway.chat(ask("Hello"), { signal: leaving.signal });
  await bench.simulator.arrived(1);
  const reason = new Error("enough");
  leaving.abort(reason);
  await assert.rejects(call, (error) => error === reason);
  assert.equal((await bench.settled(1))[0].outcome, "aborted");
  await atRest(bench.gateway, 1);
  const late = bench.gateway.chat(ask("Hello"), { signal: AbortSignal.abort() });
  await assert.rejects(late, { name: "AbortError" });
  assert.equal((await bench.requests()).length, 1);
});

test("a closed gateway says so", async () => {
  const gateway = await bench.create();
  assert.equal(await gateway.close(), true);
  assert.equal(await gateway.close(), true);
  assert.equal((await refusal(gateway.chat(ask("Hello")), "shutting_down")).status, 503);
  await refusal(gateway.chatStream(ask("Hello")), "shutting_down");
  await refusal(gateway.usage(), "shutting_down");
  await refusal(gateway.fetch("http://lockgate/v1/models"), "shutting_down");
});

test("`await using` closes it", async () => {
  const gateway = await bench.create();
  await gateway[Symbol.asyncDispose]();
  await refusal(gateway.chat(ask("Hello")), "shutting_down");
});

test("answers that need no provider give others their turn", async () => {
  await bench.gateway.chat(ask("Hello"));
  let over = false;
  setImmediate(() => (over = true));
  let count = 0;
  while (!over) {
    await bench.gateway.chat(ask("Hello"));
    count += 1;
    assert.ok(count < 1000, "timers and sockets never got their turn");
  }
});
