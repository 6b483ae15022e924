// The drop-in fetch, as a fetch.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LONG, SLOW, ask, atRest, eventually, workbench } from "./support.mjs";

const bench = workbench();
const URL_OF_CHAT = "https://api.openai.com/v1/chat/completions";

function post(body, more = {}) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), ...more };
}

test("an answer is a Response", async () => {
  const { fetch } = bench.gateway;
  const response = await fetch(URL_OF_CHAT, post(ask("Hello")));
  assert.ok(response instanceof Response);
  assert.deepEqual([response.status, response.ok, response.url], [200, true, URL_OF_CHAT]);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.match(response.headers.get("x-request-id"), /^req_/);
  const answer = await response.clone().json();
  assert.ok(answer.choices[0].message.content);
  assert.equal(response.headers.get("x-lockgate-cost-usd"), String(answer.lockgate.cost_usd));
});

test("whatever base URL an SDK has", async () => {
  for (const url of [
    "http://lockgate/v1/chat/completions",
    "http://lockgate/chat/completions",
    "https://proxy.example/openai/v1/chat/completions?api-version=1",
    new URL(URL_OF_CHAT),
  ]) {
    assert.equal((await bench.gateway.fetch(url, post(ask("Hello")))).status, 200, String(url));
  }
  for (const url of [
    "http://lockgate/v1/models",
    "http://lockgate/models",
    "http://lockgate/x/v1/models/gpt-4o-mini",
  ]) {
    assert.equal((await bench.gateway.fetch(url)).status, 200, url);
  }
  const lost = await bench.gateway.fetch("http://lockgate/v1/nothing");
  assert.deepEqual([lost.status, (await lost.json()).error.code], [404, "not_found"]);
  await assert.rejects(bench.gateway.fetch("/v1/models"), { code: "invalid_request", param: "url" });
});

test("every form that a fetch takes", async () => {
  const text = JSON.stringify(ask("Grüße"));
  const headers = { "content-type": "application/json" };
  const bytes = new TextEncoder().encode(text);
  const whole = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const stream = () => new Blob([text]).stream();
  for (const [input, init] of [
    [URL_OF_CHAT, { method: "post", headers, body: text }],
    [URL_OF_CHAT, { method: "POST", headers: Object.entries(headers), body: bytes }],
    [URL_OF_CHAT, { method: "POST", headers: new Headers(headers), body: Buffer.from(text) }],
    [URL_OF_CHAT, { method: "POST", headers, body: whole }],
    [URL_OF_CHAT, { method: "POST", headers, body: new DataView(whole) }],
    [URL_OF_CHAT, { method: "POST", body: new Blob([text], { type: "application/json" }) }],
    [URL_OF_CHAT, { method: "POST", headers, body: stream(), duplex: "half" }],
    [new Request(URL_OF_CHAT, { method: "POST", headers, body: text }), undefined],
    [new Request(URL_OF_CHAT, { method: "POST", headers, body: "{}" }), { body: text }],
  ]) {
    const response = await bench.gateway.fetch(input, init);
    assert.equal(response.status, 200, await response.clone().text());
    await response.arrayBuffer();
  }
  assert.equal((await bench.requests())[0].body.messages[0].content, "Grüße");
  assert.equal((await bench.requests()).length, 1, "all were one request");
  const form = await bench.gateway.fetch(URL_OF_CHAT, { method: "POST", body: new URLSearchParams({ a: "1" }) });
  assert.equal(form.status, 400);
  await assert.rejects(bench.gateway.fetch(URL_OF_CHAT, { body: "x" }), TypeError);
  await assert.rejects(bench.gateway.fetch(URL_OF_CHAT, post({}, { headers: { "bad name": "x" } })), TypeError);
});

test("refusals are OpenAI's error objects", async () => {
  const headers = { authorization: `Bearer lg_${"A".repeat(43)}`, "content-type": "application/json" };
  const refused = await bench.gateway.fetch(URL_OF_CHAT, post(ask("Hello"), { headers }));
  assert.equal(refused.status, 401);
  assert.equal((await refused.json()).error.code, "invalid_api_key");
  const unread = await bench.gateway.fetch(URL_OF_CHAT, post(ask("Hello"), { body: "{" }));
  assert.equal(unread.status, 400);
});

test("a key of another's is no key", async () => {
  const headers = { authorization: "Bearer sk-somebody", "content-type": "application/json" };
  assert.equal((await bench.gateway.fetch(URL_OF_CHAT, post(ask("Hello"), { headers }))).status, 200);
  assert.equal((await bench.requests())[0].headers.authorization, "Bearer sk-upstream");
});

test("a body comes as it is made, and no faster than it is read", async () => {
  await bench.script({ kind: "stall", after_events: 3 });
  const response = await bench.gateway.fetch(URL_OF_CHAT, post(ask("count to 50", { stream: true })));
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  const reader = response.body.getReader();
  const { value } = await reader.read();
  assert.ok(value instanceof Uint8Array && value.length > 0);
  assert.equal((await bench.requests())[0].outcome, "open");
  await reader.cancel();
  assert.equal((await bench.settled(1))[0].outcome, "aborted");
  await atRest(bench.gateway, 1);
});

test("a reader that pauses is not pushed", async () => {
  await bench.script({ kind: "reply", text: LONG });
  const response = await bench.gateway.fetch(URL_OF_CHAT, post(ask("Hello", { stream: true })));
  await bench.settled(1);
  const reader = response.body.getReader();
  const first = await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const text = [new TextDecoder().decode(first.value)];
  const events = text[0].split("\n\n").length - 1;
  assert.ok(events <= 64, `${events} events came in one read`);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text.push(new TextDecoder().decode(value));
  }
  assert.ok(text.length > 2);
  assert.ok(text.at(-1).endsWith("data: [DONE]\n\n"));
});

test("an abort ends a call, and a body", async () => {
  await bench.script({ kind: "stall", stage: "headers" }, SLOW);
  const early = new AbortController();
  const call = bench.gateway.fetch(URL_OF_CHAT, post(ask("Hello"), { signal: early.signal }));
  await bench.simulator.arrived(1);
  early.abort();
  await assert.rejects(call, { name: "AbortError" });
  const late = new AbortController();
  const body = post(ask("Something else", { stream: true }), { signal: late.signal });
  const response = await bench.gateway.fetch(URL_OF_CHAT, body);
  const reader = response.body.getReader();
  await reader.read();
  late.abort();
  await assert.rejects(
    async () => {
      for (;;) if ((await reader.read()).done) return;
    },
    { name: "AbortError" },
  );
  assert.deepEqual(
    (await bench.settled(2)).map(({ outcome }) => outcome),
    ["aborted", "aborted"],
  );
  await atRest(bench.gateway, 2);
  await assert.rejects(bench.gateway.fetch(URL_OF_CHAT, post(ask("x"), { signal: AbortSignal.abort() })), {
    name: "AbortError",
  });
});

test("a body that is lost is cancelled when it is collected, though its signal lives on", async () => {
  await bench.script(SLOW);
  const { signal } = new AbortController();
  await (async () => {
    const response = await bench.gateway.fetch(URL_OF_CHAT, post(ask("Hello", { stream: true }), { signal }));
    assert.equal(response.status, 200);
  })();
  await eventually(async () => {
    globalThis.gc?.();
    return (await bench.requests())[0].outcome === "aborted";
  });
  assert.equal(signal.aborted, false);
});
