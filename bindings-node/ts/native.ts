// The native module: where it is, and what it offers. Nobody outside this folder sees it.

import { LockgateError } from "./errors";

/** How one piece of work ended. */
export interface Answer {
  ticket: number;
  json?: string;
  error?: string;
  truth?: boolean;
  bytes?: Uint8Array;
  stream?: NativeStream;
  gateway?: NativeGateway;
  status?: number;
  headers?: string[];
}

/** An answer; nothing where the work goes on and the desk will ring. */
export type Begun = Answer | null | undefined;

export interface Choices {
  key?: string;
  customer?: string;
  labels?: Record<string, string>;
  cache?: string;
  timeout?: number;
  requestId?: string;
  explain?: boolean;
}

export interface NativeDesk {
  drain(): Answer[];
  cancel(ticket: number): void;
  shutDown(): void;
}

export interface NativeStream {
  readonly closed: boolean;
  next(ticket: number): Begun;
  close(): void;
}

export interface NativeGateway {
  chat(ticket: number, body: string, choices: Choices | undefined): Begun;
  chatStream(ticket: number, body: string, choices: Choices | undefined): Begun;
  embed(ticket: number, body: string, choices: Choices | undefined): Begun;
  handle(ticket: number, method: string, path: string, headers: string[], body: string | Uint8Array | undefined): Begun;
  models(ticket: number): Begun;
  administer(ticket: number, step: string, parameters: string): Begun;
  flush(ticket: number, within: number): Begun;
  close(ticket: number, within: number): Begun;
}

export interface Native {
  VERSION: string;
  Desk: new (ring: () => void) => NativeDesk;
  start(desk: NativeDesk, ticket: number, file: string | undefined, explicit: string, environment: string): void;
  kinds(): { code: string; status: number }[];
}

/** Packages with the module, by system and processor. npm installs the one that fits. */
function packages(): string[] {
  const here = `${process.platform}-${process.arch}`;
  if (process.platform === "linux") return [`@lockgate/${here}-gnu`, `@lockgate/${here}-musl`];
  return [`@lockgate/${here}`];
}

function load(): Native {
  const tried: unknown[] = [];
  for (const name of packages()) {
    try {
      return require(name) as Native;
    } catch (error) {
      tried.push(error);
    }
  }
  throw new LockgateError(
    `lockgate has no native module for ${process.platform} on ${process.arch} here: none of ${packages().join(", ")} ` +
      "can be loaded. Install without --omit=optional and --no-optional.",
    { code: "config_error", status: 500, cause: tried[0] },
  );
}

export const native = load();
