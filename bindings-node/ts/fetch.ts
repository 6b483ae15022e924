// A WHATWG fetch whose requests the gateway answers in process.

import { work } from "./desk";
import { invalid } from "./errors";
import type { NativeGateway, NativeStream } from "./native";
import { PIECES } from "./turn";

type Fetch = typeof globalThis.fetch;
type Given = NonNullable<RequestInit["body"]>;
type Content = ConstructorParameters<typeof Response>[0];
type Body = string | Uint8Array | undefined;

/** Paths of OpenAI's API below its version, for base URLs that have none. */
const UNVERSIONED = ["/chat/completions", "/responses", "/embeddings", "/models"];

/** What is asked for, read from the arguments of a fetch. */
interface Asked {
  url: string;
  method: string;
  headers: Headers;
  body: Body;
  signal: AbortSignal | null | undefined;
}

/** A fetch, bound to the gateway. */
export function fetchFor(gateway: NativeGateway): Fetch {
  return async (input, init) => {
    const asked = await read(input, init);
    const { url, method, body, signal } = asked;
    const headers: string[] = [];
    asked.headers.forEach((value, name) => headers.push(name, value));
    const answer = await work((ticket) => gateway.handle(ticket, method, path(url), headers, body), signal);
    const stream = answer.stream;
    const content = stream === undefined ? answer.bytes : flow(stream, signal);
    const response = new Response(content as Content, {
      status: answer.status ?? 500,
      headers: pairs(answer.headers ?? []),
    });
    // As of a fetch that went somewhere.
    Object.defineProperty(response, "url", { value: url });
    return response;
  };
}

async function read(input: Parameters<Fetch>[0], init: RequestInit | undefined): Promise<Asked> {
  if (typeof input !== "string" && !(input instanceof URL)) {
    // Rare, and its parts are better read by those who know how.
    const request = new Request(input, init);
    const bytes = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    return { url: request.url, method: request.method, headers: request.headers, body: bytes, signal: request.signal };
  }
  const method = (init?.method ?? "GET").toUpperCase();
  const headers = new Headers(init?.headers);
  const given = init?.body ?? null;
  if (given !== null && (method === "GET" || method === "HEAD")) {
    throw new TypeError(`Request with ${method} method cannot have body.`);
  }
  return { url: String(input), method, headers, body: await bytes(given, headers), signal: init?.signal };
}

async function bytes(body: Given | null, headers: Headers): Promise<Body> {
  if (body === null) return undefined;
  if (typeof body === "string") {
    if (!headers.has("content-type")) headers.set("content-type", "text/plain;charset=UTF-8");
    return body;
  }
  if (body instanceof Uint8Array) return body;
  // Forms, blobs, streams: read by those who know how.
  const whole = new Response(body);
  const kind = whole.headers.get("content-type");
  if (kind !== null && !headers.has("content-type")) headers.set("content-type", kind);
  return new Uint8Array(await whole.arrayBuffer());
}

/** The path below the host that the SDK believes in, whatever its base URL was. */
function path(url: string): string {
  const { pathname, search } = parsed(url);
  const version = pathname.indexOf("/v1/");
  if (version >= 0) return pathname.slice(version) + search;
  const known = UNVERSIONED.find((end) => pathname.endsWith(end) || pathname.includes("/models/"));
  if (known === undefined) return pathname + search;
  const end = pathname.includes("/models/") ? "/models/" : known;
  return `/v1${pathname.slice(pathname.lastIndexOf(end))}${search}`;
}

function parsed(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw invalid("url", `${JSON.stringify(url)} is not an absolute URL.`);
  }
}

function pairs(headers: string[]): [string, string][] {
  const out: [string, string][] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) out.push([headers[at] as string, headers[at + 1] as string]);
  return out;
}

/** A body that is read as fast as its reader reads, and cancelled when he leaves. */
function flow(stream: NativeStream, signal: AbortSignal | null | undefined): ReadableStream<Uint8Array> {
  let unwatch = (): void => {};
  const end = (): void => {
    unwatch();
    stream.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (signal) unwatch = watch(signal, controller, stream);
      },
      async pull(controller) {
        try {
          const { bytes } = await work((ticket) => stream.next(ticket), undefined, PIECES);
          if (bytes !== undefined) {
            controller.enqueue(bytes);
            return;
          }
        } catch (error) {
          end();
          throw error;
        }
        end();
        if (!signal?.aborted) controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

/** Ends a body when the signal says so. The signal may live longer than the body, and keeps nothing of it. */
function watch(
  signal: AbortSignal,
  controller: ReadableStreamDefaultController<Uint8Array>,
  stream: NativeStream,
): () => void {
  const [reader, source] = [new WeakRef(controller), new WeakRef(stream)];
  const abort = (): void => {
    reader.deref()?.error(signal.reason);
    source.deref()?.close();
  };
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
