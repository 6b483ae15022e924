// What the types say, to be read by `tsc --strict`: each line marked with an expected error must be one.

import { createOpenAI } from "@ai-sdk/openai";
import { ChatOpenAI } from "@langchain/openai";
import { Gateway, LockgateError, version } from "lockgate";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatStream,
  Customer,
  EmbeddingResponse,
  Key,
  Metadata,
  Model,
  OpeningStream,
  Project,
  Settings,
  UsageLine,
} from "lockgate";
import OpenAI from "openai";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<T extends true>(): T | undefined {
  return undefined;
}

const settings: Settings = {
  store: "sqlite://lockgate.db",
  shared: true,
  project: { monthly_cap: 20, customer_defaults: { daily_cap: "0.5" } },
  providers: { openai: { api_key: process.env["OPENAI_API_KEY"] } },
  routing: { retries: 1 },
};
await using gateway = await Gateway.create(settings, { environment: process.env });
await Gateway.create("lockgate.toml", { settings });
await Gateway.create(new URL("lockgate.toml", import.meta.url));
// @ts-expect-error a gateway is not made by its constructor
new Gateway();
// @ts-expect-error a number is no configuration
await Gateway.create(5);
// @ts-expect-error a store is named by text
await Gateway.create({ store: 5 });

const request = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }], temperature: 0 };
const answer = await gateway.chat(request, { customer: "c", labels: { job: "x" }, cache: "off", timeout: 1000 });
is<Same<typeof answer, ChatCompletion>>();
is<Same<typeof answer.lockgate, Metadata>>();
is<Same<typeof answer.lockgate.cost_usd, number | null>>();
const text: string | null | undefined = answer.choices[0]?.message.content;
await gateway.chat({ model: "gpt-4o-mini", messages: [answer.choices[0]!.message, { role: "user", content: text }] });
// @ts-expect-error every request names a model
await gateway.chat({ messages: [] });
// @ts-expect-error no such cache mode
await gateway.chat(request, { cache: "always" });
// @ts-expect-error no such option
await gateway.chat(request, { custommer: "c" });

const opening = gateway.chatStream(request, { signal: AbortSignal.timeout(1000), key: "lg_" });
is<Same<typeof opening, OpeningStream>>();
for await (const chunk of opening) {
  is<Same<typeof chunk, ChatCompletionChunk>>();
  const piece: string | null | undefined = chunk.choices[0]?.delta.content;
  void piece;
}
const stream = await gateway.chatStream(request);
is<Same<typeof stream, ChatStream>>();
is<Same<typeof stream.lockgate, Metadata>>();
is<Same<typeof stream.closed, boolean>>();
await using disposed = await gateway.chatStream(request);
await disposed.close();

const vectors = await gateway.embed({ model: "text-embedding-3-small", input: ["one", "two"] });
is<Same<typeof vectors, EmbeddingResponse>>();
is<Same<Awaited<ReturnType<typeof gateway.models>>, Model[]>>();
is<Same<Awaited<ReturnType<typeof gateway.usage>>, UsageLine[]>>();
await gateway.usage({ by: "day", since: new Date(), until: Date.now() });
// @ts-expect-error no such group
await gateway.usage({ by: "hour" });

is<Same<Awaited<ReturnType<typeof gateway.projects.list>>, Project[]>>();
await gateway.projects.set("default", { monthly_cap: null, downgrade: { "gpt-4.1": "gpt-4.1-nano" } });
const key: Key = await gateway.keys.create({ requests_per_minute: 5, monthly_cap: "2.50", expires_in: 60 });
await gateway.keys.rotate(key.id, { overlap: 60 });
const customer: Customer = await gateway.customers.set("c", { daily_cap: 1, on_limit: "downgrade" });
void customer;
const { open }: { open: number } = await gateway.inspect();
void open;
const closed: boolean = await gateway.close();
void closed;
const known: string = version;
void known;

try {
  await gateway.chat(request);
} catch (error) {
  if (LockgateError.isInstance(error)) {
    is<Same<typeof error.code, string>>();
    is<Same<typeof error.status, number>>();
    is<Same<typeof error.retryAfter, number | undefined>>();
    const provider: string | undefined = error.provider ?? error.requestId;
    void provider;
  }
}

// The types of SDKs fit, both ways.
const client = new OpenAI({ apiKey: "unused", fetch: gateway.fetch });
const asked: OpenAI.ChatCompletionCreateParamsNonStreaming = {
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "Hello" }],
};
const same: ChatCompletion = await gateway.chat(asked);
asked.messages.push({ role: "assistant", content: same.choices[0]?.message.content ?? null });
await client.chat.completions.create(asked);
createOpenAI({ apiKey: "unused", fetch: gateway.fetch });
new ChatOpenAI({ apiKey: "unused", configuration: { fetch: gateway.fetch } });
const plain: typeof globalThis.fetch = gateway.fetch;
void plain;
