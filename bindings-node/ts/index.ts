// Lockgate: an LLM gateway that lives inside your process.

import { native } from "./native";

export type { Customers, InProject, Keys, Projects } from "./admin";
export { LockgateError, type ErrorDetails } from "./errors";
export { Gateway, type CreateOptions } from "./gateway";
export type { ChatStream, OpeningStream } from "./stream";
export type * from "./types";

/** The version of this package. */
export const version: string = native.VERSION;
