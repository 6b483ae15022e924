// What goes in and comes out, with OpenAI's names. Data that Lockgate does not know passes through both ways: requests
// take any further field, and results have whatever the provider sent beside what is named here.

/** Whatever OpenAI's API takes; only what every request has is named. */
export interface ChatRequest {
  model: string;
  messages: readonly object[];
  [field: string]: any; // interfaces of SDKs are taken as they are, which only `any` allows
}

/** Texts or tokens to embed. */
export interface EmbedRequest {
  model: string;
  input: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  [field: string]: any; // interfaces of SDKs are taken as they are, which only `any` allows
}

/** What a caller says beside the request. */
export interface CallOptions {
  /** A gateway key (`lg_…`). Without one the call is the default project's. */
  key?: string | undefined;
  /** Whom the request is for. */
  customer?: string | undefined;
  /** Words for the ledger. */
  labels?: Record<string, string> | undefined;
  /** `off`: neither read nor write; `refresh`: only write; `only`: a miss is an error. */
  cache?: "off" | "refresh" | "only" | undefined;
  /** Milliseconds for the whole answer, all attempts together. */
  timeout?: number | undefined;
  /** The caller's own id, kept in the ledger. */
  requestId?: string | undefined;
  /** Tell what was decided, and why, in `lockgate.explain`. */
  explain?: boolean | undefined;
  /** Cancels the request and settles it. */
  signal?: AbortSignal | null | undefined;
}

/** What the gateway did for an answer. */
export interface Metadata {
  /** US dollars; null where the price is unknown. */
  cost_usd: number | null;
  /** The same, exact: billionths of a US dollar. */
  cost_nano_usd: number | null;
  latency_ms: number;
  provider: string | null;
  model: string | null;
  cache: "miss" | "exact" | "semantic" | "coalesced";
  request_id: string;
  /** What was changed or left out on the way to the provider. */
  warnings: string[];
  /** What was tried, as `openai/gpt-4o=429,openai/gpt-4o=200`. */
  attempts?: string;
  /** The model asked for, where a cheaper one was used because of a cap. */
  downgraded_from?: string;
  similarity?: number;
  /** What was decided, and why, where the caller asked. */
  explain?: Record<string, unknown>;
  /** What a cache hit saved, in US dollars. */
  saved_usd?: number;
}

/** Tokens of one answer. */
export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens?: number; cache_creation_tokens?: number; audio_tokens?: number };
  completion_tokens_details?: {
    reasoning_tokens?: number;
    audio_tokens?: number;
    accepted_prediction_tokens?: number;
    rejected_prediction_tokens?: number;
  };
}

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter" | "function_call";

/** A call of a function. */
export interface ToolCall {
  id: string;
  type: "function";
  function: {
    name: string;
    /** JSON text, as the model wrote it. */
    arguments: string;
  };
}

/** Thinking that can be handed back. */
export type ThinkingBlock = Record<string, unknown>;

/** What the model says. */
export interface Message {
  role: "assistant";
  content: string | null;
  refusal?: string | null;
  tool_calls?: ToolCall[];
  reasoning_content?: string | null;
  thinking_blocks?: ThinkingBlock[];
}

/** One of the answers. */
export interface Choice {
  index: number;
  message: Message;
  finish_reason: FinishReason | null;
  logprobs?: Record<string, unknown> | null;
}

/** A whole answer. */
export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: Choice[];
  usage?: Usage;
  system_fingerprint?: string | null;
  service_tier?: string | null;
  /** What the gateway did. */
  lockgate: Metadata;
}

/** A piece of a call of a function. */
export interface ToolCallDelta {
  /** Which call of the answer, from 0. */
  index: number;
  id?: string;
  type?: "function";
  function?: { name?: string; arguments?: string };
}

/** What is new in an answer. */
export interface Delta {
  role?: "assistant";
  content?: string | null;
  refusal?: string | null;
  tool_calls?: ToolCallDelta[];
  reasoning_content?: string | null;
  thinking_blocks?: ThinkingBlock[];
}

/** What is new in one of the answers. */
export interface ChunkChoice {
  index: number;
  delta: Delta;
  finish_reason: FinishReason | null;
  logprobs?: Record<string, unknown> | null;
}

/** A piece of a streamed answer. */
export interface ChatCompletionChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  choices: ChunkChoice[];
  usage?: Usage | null;
  system_fingerprint?: string | null;
  service_tier?: string | null;
  /** What the gateway did: on the last chunk. */
  lockgate?: Metadata;
}

/** The vector of one input. */
export interface Embedding {
  index: number;
  object: "embedding";
  /** Numbers, or base64 where that was asked for. */
  embedding: number[] | string;
}

/** One vector for each input. */
export interface EmbeddingResponse {
  object: "list";
  data: Embedding[];
  model: string;
  usage?: { prompt_tokens: number; total_tokens: number };
  /** What the gateway did. */
  lockgate: Metadata;
}

/** A model that can be asked for. */
export interface Model {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
  /** The provider that is asked for it first. */
  provider: string;
  /** `chat` or `embedding`, where known. */
  kind?: string | null;
  context_window?: number | null;
  max_output_tokens?: number | null;
  /** What it costs now: decimal strings of US dollars per million tokens. */
  pricing?: { input: string; output?: string | null; cached_input?: string | null; cache_write?: string | null } | null;
}

/** Limits of a customer. Caps are US dollars; none where absent. */
export interface CustomerLimits<Usd = string> {
  daily_cap: Usd | null;
  monthly_cap: Usd | null;
  per_request_cap: Usd | null;
  on_limit: "block" | "downgrade";
}

/** Settings of a project. Caps are decimal strings of US dollars. */
export interface ProjectSettings<Usd = string, Limits = CustomerLimits> {
  monthly_cap: Usd | null;
  require_customer: boolean;
  customer_defaults: Limits;
  /** Cheaper model when a cap is reached: model asked for → model used. */
  downgrade: Record<string, string>;
  downgrade_on_cap: boolean;
  default_output_tokens: number | null;
  cap_mode: "estimate" | "strict";
  cache: { enabled?: boolean; ttl_seconds?: number };
  on_store_loss: "closed" | "open" | "lease";
  models: string[] | null;
  providers?: string[] | null;
  /** Which models may stand in for others; absent = as the gateway is set. */
  substitute?: "never" | "chain" | "tier" | null;
  chains?: Record<string, string[] | { models: string[]; cache_substitutes?: boolean }>;
  /** Providers that have a key of the project's own; the keys themselves are not shown. */
  provider_keys?: Record<string, string>;
}

/** Settings of a project to change. Caps are US dollars, as numbers or exact decimal strings. */
export type ProjectChanges = Partial<ProjectSettings<string | number, Partial<CustomerLimits<string | number>>>>;

export interface Project {
  id: string;
  name: string;
  rev: number;
  /** Milliseconds since 1970. */
  created_at: number;
  settings: ProjectSettings;
}

/** Rate limits of a key; null = no limit. */
export interface Rates {
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  concurrency: number | null;
}

/** A key to make. Limits left out do not limit. */
export interface NewKey extends Partial<Rates> {
  project?: string;
  name?: string;
  /** US dollars. */
  monthly_cap?: string | number | null;
  /** The only models it may ask for. */
  models?: readonly string[] | null;
  /** The only customer it is for. */
  customer?: string | null;
  /** Seconds. */
  expires_in?: number | null;
}

/** A gateway key. */
export interface Key {
  id: string;
  project: string;
  name: string;
  /** Its first characters. */
  hint: string;
  /** The key in clear: only on the result of `create` and `rotate`; it is stored nowhere. */
  secret?: string;
  rates: Rates;
  monthly_cap: string | null;
  models: string[] | null;
  customer: string | null;
  /** Milliseconds since 1970. */
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  rotated_from: string | null;
}

/** A customer with limits of its own. */
export interface Customer {
  project: string;
  id: string;
  limits: CustomerLimits;
  /** Milliseconds since 1970. */
  updated_at: number;
}

/** Which usage to sum, and by what. */
export interface UsageQuery {
  project?: string;
  /** A key's id. */
  key?: string;
  customer?: string;
  /** A date, or milliseconds since 1970. */
  since?: Date | number;
  until?: Date | number;
  by?: "total" | "day" | "model" | "provider" | "key" | "customer";
}

/** Summed usage. */
export interface UsageLine {
  /** A day, model, provider, key or customer; empty for the total. */
  group: string;
  requests: number;
  cache_hits: number;
  input_tokens: number;
  output_tokens: number;
  /** Nano-USD. */
  cost: number;
  /** Nano-USD that caches saved. */
  saved: number;
  /** Requests whose price is unknown. */
  unpriced: number;
}

/** What is under way in a project. */
export interface Inspection {
  /** Open reservations. */
  open: number;
}

/** Settings of a provider. */
export interface ProviderSettings {
  api_key?: string | undefined;
  base_url?: string | undefined;
  [setting: string]: unknown;
}

/** Settings, with the names of `lockgate.toml`; `lockgate.toml.example` explains each. */
export interface Settings {
  /** `memory` (the default, touching no disk), `sqlite://PATH` or `postgres://…`. */
  store?: string | undefined;
  /** Several processes share the SQLite store. */
  shared?: boolean | undefined;
  single_process?: boolean | undefined;
  state_dir?: string | undefined;
  /** Whether a call needs a gateway key. */
  auth?: "required" | "optional" | undefined;
  /** Settings of the project `default`. */
  project?: ProjectChanges | undefined;
  /** By name: `openai`, `anthropic`, `gemini`, `ollama`, … */
  providers?: Record<string, ProviderSettings> | undefined;
  routing?: Record<string, unknown> | undefined;
  timeouts?: Record<string, number> | undefined;
  rates?: Partial<Rates> | undefined;
  [setting: string]: unknown;
}
