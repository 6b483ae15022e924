// How arguments become a call.

import { LockgateError, invalid } from "./errors";
import type { Choices } from "./native";
import type { CallOptions, Settings } from "./types";

/** What each option must be. */
const OPTIONS: Record<string, string> = {
  key: "string",
  customer: "string",
  labels: "object",
  cache: "string",
  timeout: "number",
  requestId: "string",
  explain: "boolean",
  signal: "object",
};

/** The options, checked; nothing where none is given. */
export function choices(options: CallOptions | undefined): Choices | undefined {
  if (options === undefined || options === null) return undefined;
  const given: Record<string, unknown> = {};
  let some = false;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    const wanted = OPTIONS[name];
    if (wanted === undefined) {
      throw invalid(name, `There is no option ${shown(name)}; there are ${Object.keys(OPTIONS).join(", ")}.`);
    }
    if (typeof value !== wanted) throw invalid(name, `${name} = ${shown(value)}: must be of type ${wanted}.`);
    if (name === "signal") continue;
    if (name === "labels") words(value as object);
    given[name] = value;
    some = true;
  }
  return some ? given : undefined;
}

function words(labels: object): void {
  for (const [name, value] of Object.entries(labels)) {
    if (typeof value !== "string") throw invalid("labels", `labels.${name} = ${shown(value)}: must be of type string.`);
  }
}

/** A request as JSON text. */
export function body(request: unknown): string {
  if (typeof request !== "object" || request === null || Array.isArray(request)) {
    throw invalid("body", `The request is ${shown(request)}: must be an object, such as { model, messages }.`);
  }
  return JSON.stringify(request);
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** Settings as plain data, and `over` laid over `under`. Nothing is dropped in silence. */
export function merged(under: Settings, over: Settings): Settings {
  const out: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = out[name];
    out[name] = isTable(below) && isTable(value) ? merged(below, value) : value;
  }
  return out;
}

/** `settings` as JSON text. */
export function settingsText(settings: Settings): string {
  check(settings, "");
  return JSON.stringify(settings);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function check(value: unknown, name: string): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => check(item, `${name}[${index}]`));
  } else if (isTable(value)) {
    const plain = Object.getPrototypeOf(value);
    if (plain !== null && Object.getPrototypeOf(plain) !== null) throw wrong(name, value.constructor?.name ?? "object");
    for (const [field, inner] of Object.entries(value)) check(inner, name === "" ? field : `${name}.${field}`);
  } else if (typeof value === "number" && !Number.isFinite(value)) {
    throw wrong(name, String(value));
  } else if (["function", "symbol", "bigint"].includes(typeof value)) {
    throw wrong(name, `a ${typeof value}`);
  }
}

function wrong(name: string, value: string): LockgateError {
  return new LockgateError(`${name} = ${value}: a setting is text, a number, true or false, a list or an object`, {
    code: "config_error",
    status: 500,
    param: name,
  });
}

/** Amounts of US dollars as exact text: 5, "12.50", 0.25. */
export function capped(settings: object): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (isTable(value)) out[name] = capped(value);
    else out[name] = name.endsWith("_cap") && typeof value === "number" ? String(value) : value;
  }
  return out;
}
