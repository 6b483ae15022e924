// Answers in pieces.

import { work } from "./desk";
import type { NativeStream } from "./native";
import { PIECES } from "./turn";
import type { ChatCompletionChunk, Metadata } from "./types";

type Result = IteratorResult<ChatCompletionChunk, undefined>;

const DONE: Result = { done: true, value: undefined };

/** The chunks of an answer. Leaving its loop early, closing it or aborting cancels the request and settles it. */
export class ChatStream implements AsyncIterable<ChatCompletionChunk> {
  /** What the gateway did: who answers from the start, cost and tokens once the last chunk was read. */
  lockgate: Metadata;
  readonly #native: NativeStream;
  readonly #leave: () => void;
  #ready: ChatCompletionChunk[] = [];
  #place = 0;
  #last: Promise<Result> = Promise.resolve(DONE);
  #aborted: { reason: unknown } | undefined;

  private constructor(native: NativeStream, report: Metadata, signal: AbortSignal | null | undefined) {
    this.#native = native;
    this.lockgate = report;
    // The signal may live longer than this, and must not keep it.
    const weak = new WeakRef(this);
    const abort = (): void => {
      const stream = weak.deref();
      if (stream !== undefined) stream.#abort(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#leave = () => signal?.removeEventListener("abort", abort);
    // It may have come while the stream was on its way here.
    if (signal?.aborted) this.#abort(signal.reason);
  }

  /** @internal */
  static of(native: NativeStream, report: Metadata, signal: AbortSignal | null | undefined): ChatStream {
    return new ChatStream(native, report, signal);
  }

  /** Whether the request is over: read to its end, failed or closed. */
  get closed(): boolean {
    return this.#native.closed;
  }

  [Symbol.asyncIterator](): AsyncIterator<ChatCompletionChunk, undefined, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        await this.close();
        return DONE;
      },
    };
  }

  /** Cancels the request, if it is not over. */
  async close(): Promise<void> {
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #next(): Promise<Result> {
    if (this.#place < this.#ready.length) return Promise.resolve(this.#take());
    // One after another, however many are asked for at once.
    const next = this.#last.then(
      () => this.#read(),
      () => this.#read(),
    );
    this.#last = next;
    return next;
  }

  async #read(): Promise<Result> {
    if (this.#place < this.#ready.length) return this.#take();
    if (this.#aborted === undefined) {
      try {
        const { json } = await work((ticket) => this.#native.next(ticket), undefined, PIECES);
        if (json !== undefined) {
          this.#ready = JSON.parse(json) as ChatCompletionChunk[];
          this.#place = 0;
          return this.#take();
        }
      } catch (error) {
        this.#end();
        throw error;
      }
    }
    this.#end();
    if (this.#aborted === undefined) return DONE;
    const { reason } = this.#aborted;
    this.#aborted = undefined;
    throw reason;
  }

  #take(): Result {
    const value = this.#ready[this.#place++] as ChatCompletionChunk;
    if (value.lockgate) this.lockgate = value.lockgate;
    return { done: false, value };
  }

  #abort(reason: unknown): void {
    if (this.closed) return;
    this.#aborted = { reason };
    this.#end();
  }

  #end(): void {
    this.#ready = [];
    this.#place = 0;
    this.#leave();
    this.#native.close();
  }
}

/** A stream on its way: to be awaited, or to be read from at once. */
export interface OpeningStream extends Promise<ChatStream>, AsyncIterable<ChatCompletionChunk> {}

/** Lets a promise of a stream be read from as the stream. */
export function opening(stream: Promise<ChatStream>): OpeningStream {
  const iterate = (): AsyncIterator<ChatCompletionChunk, undefined, undefined> => {
    const opened = stream.then((open) => open[Symbol.asyncIterator]());
    return {
      next: () => opened.then((iterator) => iterator.next()),
      return: async () => {
        opened.catch(() => {});
        stream.then(
          (open) => open.close(),
          () => {},
        );
        return DONE;
      },
    };
  };
  return Object.assign(stream, { [Symbol.asyncIterator]: iterate });
}
