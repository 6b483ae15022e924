// What is under way on this thread, and how its results come back to the event loop.

import { raised } from "./errors";
import { native, type Answer, type Begun, type NativeDesk } from "./native";
import { mayGoOn, turn } from "./turn";

interface Waiting {
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
  leave(): void;
}

const waiting = new Map<number, Waiting>();
let last = 0;
let made: NativeDesk | undefined;
let alive: NodeJS.Timeout | undefined;

/** The desk of this thread; made when first needed, so that loading the package starts nothing. */
export function desk(): NativeDesk {
  if (made === undefined) {
    const own = (made = new native.Desk(ring));
    // Holds the process as long as somebody waits for an answer, as an open socket would.
    alive = setInterval(() => {}, 2 ** 31 - 1).unref();
    process.once("exit", () => own.shutDown());
  }
  return made;
}

function ring(): void {
  for (const answer of desk().drain()) {
    const one = waiting.get(answer.ticket);
    if (one === undefined) answer.stream?.close();
    else
      settle(answer.ticket, one, () =>
        answer.error === undefined ? one.resolve(answer) : one.reject(raised(answer.error)),
      );
  }
}

function settle(ticket: number, one: Waiting, end: () => void): void {
  waiting.delete(ticket);
  if (waiting.size === 0) alive?.unref();
  one.leave();
  end();
}

/**
 * Does one piece of work. Most that needs no provider is done at once; the rest goes on elsewhere. An abort drops it,
 * which settles what it reserved.
 */
export async function work(
  begin: (ticket: number) => Begun,
  signal?: AbortSignal | null,
  results = 1,
): Promise<Answer> {
  signal?.throwIfAborted();
  const at = desk();
  const ticket = (last = (last + 1) >>> 0);
  const answer = begin(ticket);
  if (answer === null || answer === undefined) return rest(at, ticket, signal);
  if (answer.error !== undefined) throw raised(answer.error);
  if (!mayGoOn(results)) await turn();
  return answer;
}

function rest(at: NativeDesk, ticket: number, signal: AbortSignal | null | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      at.cancel(ticket);
      settle(ticket, one, () => reject(signal?.reason));
    };
    const one = { resolve, reject, leave: () => signal?.removeEventListener("abort", abort) };
    if (waiting.size === 0) alive?.ref();
    waiting.set(ticket, one);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
