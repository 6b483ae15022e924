// The gateway.

import { fileURLToPath } from "node:url";

import { Customers, Keys, Projects } from "./admin";
import { body, choices, merged, settingsText } from "./calls";
import { desk, work } from "./desk";
import { fetchFor } from "./fetch";
import { native, type NativeGateway, type NativeStream } from "./native";
import { ChatStream, opening, type OpeningStream } from "./stream";
import type {
  CallOptions,
  ChatCompletion,
  ChatRequest,
  EmbedRequest,
  EmbeddingResponse,
  Inspection,
  Metadata,
  Model,
  Settings,
  UsageLine,
  UsageQuery,
} from "./types";

/** What goes with a configuration. */
export interface CreateOptions {
  /** Settings that win over the configuration's. */
  settings?: Settings;
  /** Stands in for `process.env`. */
  environment?: Record<string, string | undefined>;
}

/** Milliseconds that `flush` and `close` wait where nobody says how long. */
const WITHIN = 5000;

/** An LLM gateway in this process. */
export class Gateway {
  readonly projects: Projects;
  readonly keys: Keys;
  readonly customers: Customers;
  /**
   * A `fetch` that this gateway answers, without a socket, for SDKs that take one: `new OpenAI({ apiKey, fetch:
   * gateway.fetch })`. It serves OpenAI's routes.
   */
  readonly fetch: typeof globalThis.fetch;
  readonly #native: NativeGateway;

  private constructor(own: NativeGateway) {
    this.#native = own;
    this.fetch = fetchFor(own);
    const administer = async <T>(step: string, parameters: object): Promise<T> => {
      const text = body(parameters);
      const { json } = await work((ticket) => own.administer(ticket, step, text));
      return JSON.parse(json as string) as T;
    };
    this.projects = new Projects(administer);
    this.keys = new Keys(administer);
    this.customers = new Customers(administer);
  }

  /**
   * Starts a gateway. `config` is the path of a TOML file, or settings with the file's names: `Gateway.create({ store:
   * "sqlite://lockgate.db", project: { monthly_cap: 20 } })`. Explicit settings win over the environment, the
   * environment over the file.
   */
  static async create(config?: string | URL | Settings | null, options: CreateOptions = {}): Promise<Gateway> {
    const file = fileOf(config);
    const explicit = settingsText(merged(file === undefined ? (config as Settings) : {}, options.settings ?? {}));
    const environment = JSON.stringify(options.environment ?? process.env);
    const { gateway } = await work((ticket) => {
      native.start(desk(), ticket, file, explicit, environment);
      return undefined;
    });
    return new Gateway(gateway as NativeGateway);
  }

  /** Asks for an answer, with OpenAI's parameters. */
  async chat(request: ChatRequest, options?: CallOptions): Promise<ChatCompletion> {
    const text = body(request);
    const chosen = choices(options);
    const { json } = await work((ticket) => this.#native.chat(ticket, text, chosen), options?.signal);
    return JSON.parse(json as string) as ChatCompletion;
  }

  /**
   * Asks for an answer in pieces: `for await (const chunk of gateway.chatStream(request))`. Awaited, it is a stream
   * that has begun, or the error that kept it from beginning.
   */
  chatStream(request: ChatRequest, options?: CallOptions): OpeningStream {
    return opening(this.#open(request, options));
  }

  async #open(request: ChatRequest, options: CallOptions | undefined): Promise<ChatStream> {
    const text = body(request);
    const chosen = choices(options);
    const signal = options?.signal;
    const { stream, json } = await work((ticket) => this.#native.chatStream(ticket, text, chosen), signal);
    return ChatStream.of(stream as NativeStream, JSON.parse(json as string) as Metadata, signal);
  }

  /** Asks for embeddings: `embed({ model: "text-embedding-3-small", input: ["one", "two"] })`. */
  async embed(request: EmbedRequest, options?: CallOptions): Promise<EmbeddingResponse> {
    const text = body(request);
    const chosen = choices(options);
    const { json } = await work((ticket) => this.#native.embed(ticket, text, chosen), options?.signal);
    return JSON.parse(json as string) as EmbeddingResponse;
  }

  /** The models that can be asked for; Ollama is asked which it has. */
  async models(): Promise<Model[]> {
    const { json } = await work((ticket) => this.#native.models(ticket));
    return JSON.parse(json as string) as Model[];
  }

  /** Sums of the ledger. */
  async usage(query: UsageQuery = {}): Promise<UsageLine[]> {
    const { since, until, ...rest } = query;
    return this.#administer("usage", { ...rest, since: milliseconds(since), until: milliseconds(until) });
  }

  /** What is under way in a project right now. */
  async inspect(project = "default"): Promise<Inspection> {
    return this.#administer("inspect", { project });
  }

  /** Waits until all that has ended is in the ledger, at most so many milliseconds. Resolves to whether it is. */
  async flush(within = WITHIN): Promise<boolean> {
    const { truth } = await work((ticket) => this.#native.flush(ticket, within));
    return truth as boolean;
  }

  /** Ends the gateway and waits for what is to be written. Resolves to whether all is. */
  async close(within = WITHIN): Promise<boolean> {
    const { truth } = await work((ticket) => this.#native.close(ticket, within));
    return truth as boolean;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #administer<T>(step: string, parameters: object): Promise<T> {
    const text = body(parameters);
    const { json } = await work((ticket) => this.#native.administer(ticket, step, text));
    return JSON.parse(json as string) as T;
  }
}

function fileOf(config: string | URL | Settings | null | undefined): string | undefined {
  if (config instanceof URL) return fileURLToPath(config as URL);
  return typeof config === "string" ? config : undefined;
}

function milliseconds(moment: Date | number | undefined): number | undefined {
  return moment === undefined ? undefined : Number(moment);
}
