// The Vercel AI SDK and LangChain.js through the drop-in fetch. The examples show their tool loops.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { APICallError, embedMany, generateObject, generateText, streamText } from "ai";
import OpenAI from "openai";
import { z } from "zod";

import { LONG, SLOW, ask, atRest, workbench } from "./support.mjs";

const bench = workbench();
const openai = () => createOpenAI({ apiKey: "unused", fetch: bench.gateway.fetch });
const WAYS = {
  "chat completions": (provider) => provider.chat("gpt-4o-mini"),
  responses: (provider) => provider.responses("gpt-4o-mini"),
};

for (const [name, model] of Object.entries(WAYS)) {
  test(`the Vercel AI SDK over ${name}: an answer, and what it cost`, async () => {
    await bench.script({ kind: "reply", text: LONG });
    const { text, usage, response } = await generateText({ model: model(openai()), prompt: "Hello" });
    assert.equal(text, LONG);
    assert.ok(usage.totalTokens > 0);
    assert.equal(response.headers["x-lockgate-provider"], "openai");
    assert.ok((await atRest(bench.gateway, 1)) > 0);
  });

  test(`the Vercel AI SDK over ${name}: a stream`, async () => {
    await bench.script({ kind: "reply", text: LONG });
    const result = streamText({ model: model(openai()), prompt: "Hello" });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, LONG);
    assert.ok((await result.totalUsage).totalTokens > 0);
    await atRest(bench.gateway, 1);
  });

  test(`the Vercel AI SDK over ${name}: an abort`, async () => {
    await bench.script(SLOW);
    const leaving = new AbortController();
    const options = { model: model(openai()), prompt: "Hello", abortSignal: leaving.signal, onError: () => {} };
    for await (const piece of streamText(options).textStream) {
      assert.ok(piece);
      leaving.abort();
    }
    assert.equal((await bench.settled(1))[0].outcome, "aborted");
    await atRest(bench.gateway, 1);
  });
}

test("the Vercel AI SDK: an object by its schema, vectors, a refusal", async () => {
  const schema = z.object({ city: z.string() });
  await bench.script({ kind: "reply", text: '{"city":"Zürich"}' });
  const { object } = await generateObject({ model: openai().chat("gpt-4o-mini"), schema, prompt: "A city?" });
  assert.deepEqual(object, { city: "Zürich" });
  const model = openai().embedding("text-embedding-3-small");
  const { embeddings } = await embedMany({ model, values: ["one", "two"] });
  assert.deepEqual(
    embeddings.map((vector) => vector.length),
    [1536, 1536],
  );
  await bench.gateway.projects.set("default", { monthly_cap: 0 });
  const refused = generateText({ model: openai().chat("gpt-4o-mini"), prompt: "More?" });
  await assert.rejects(refused, (error) => {
    assert.ok(APICallError.isInstance(error), String(error));
    return error.statusCode === 402 && JSON.parse(error.responseBody).error.code === "spend_cap_exceeded";
  });
});

test("LangChain: an answer, a stream that is left, vectors", async () => {
  const configuration = { fetch: bench.gateway.fetch };
  const model = new ChatOpenAI({ model: "gpt-4o-mini", apiKey: "unused", configuration, maxRetries: 0 });
  const answer = await model.invoke([new HumanMessage("Hello")]);
  assert.ok(answer.text && answer.usage_metadata.total_tokens > 0);
  await bench.script(SLOW);
  for await (const piece of await model.stream([new HumanMessage("Hello again")])) if (piece.text) break;
  assert.equal((await bench.settled(2))[1].outcome, "aborted");
  const vectors = new OpenAIEmbeddings({ model: "text-embedding-3-small", apiKey: "unused", configuration });
  assert.equal((await vectors.embedDocuments(["one", "two"])).length, 2);
  await atRest(bench.gateway, 3);
});

test("OpenAI's SDK: the Responses protocol, whole and streamed", async () => {
  const client = new OpenAI({ apiKey: "unused", fetch: bench.gateway.fetch });
  await bench.script({ kind: "reply", text: LONG }, { kind: "reply", text: LONG });
  const whole = await client.responses.create({ model: "gpt-4o-mini", input: "Hello" });
  assert.equal(whole.output_text, LONG);
  const stream = client.responses.stream({ model: "gpt-4o-mini", input: "Hello there" });
  assert.equal((await stream.finalResponse()).output_text, LONG);
  const same = await client.chat.completions.create(ask("Hello"));
  assert.deepEqual(
    [same.lockgate.cache, same.lockgate.cost_nano_usd],
    ["exact", 0],
    "one question, whatever the protocol",
  );
});
