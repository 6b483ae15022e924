// The one error.

const BRAND = Symbol.for("lockgate.LockgateError");

/** What an error knows beside its message. */
export interface ErrorDetails {
  code: string;
  status: number;
  retryAfter?: number | null | undefined;
  requestId?: string | null | undefined;
  provider?: string | null | undefined;
  param?: string | null | undefined;
  attempts?: string | null | undefined;
  cause?: unknown;
}

/** Whatever goes wrong in Lockgate. `code` tells what. */
export class LockgateError extends Error {
  /** The same stable code as over HTTP, such as `rate_limit_exceeded`. */
  readonly code: string;
  /** The HTTP status that the server would answer with. */
  readonly status: number;
  /** Seconds until the same call can succeed, where that is known. */
  readonly retryAfter: number | undefined;
  /** The gateway's id of the request, where there was one. */
  readonly requestId: string | undefined;
  /** The provider that answered last, where one did. */
  readonly provider: string | undefined;
  /** The field or setting at fault. */
  readonly param: string | undefined;
  /** What was tried, as `openai/gpt-4o=429,openai/gpt-4o=500`. */
  readonly attempts: string | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.retryAfter = details.retryAfter ?? undefined;
    this.requestId = details.requestId ?? undefined;
    this.provider = details.provider ?? undefined;
    this.param = details.param ?? undefined;
    this.attempts = details.attempts ?? undefined;
  }

  /** Whether `error` is one, be it of another copy of this package. */
  static isInstance(error: unknown): error is LockgateError {
    return typeof error === "object" && error !== null && BRAND in error;
  }
}

Object.defineProperty(LockgateError.prototype, "name", { value: "LockgateError", configurable: true, writable: true });
Object.defineProperty(LockgateError.prototype, BRAND, { value: true });

/** The error that the native module tells of. */
export function raised(text: string): LockgateError {
  const told = JSON.parse(text) as ErrorDetails & { message: string; causes: string[] };
  const cause = told.causes.reduceRight<Error | undefined>(
    (deeper, message) => new Error(message, deeper && { cause: deeper }),
    undefined,
  );
  return new LockgateError(told.message, { ...told, cause });
}

/** A call that cannot be made as it is: names the field, its value and what is allowed. */
export function invalid(param: string, message: string): LockgateError {
  return new LockgateError(message, { code: "invalid_request", status: 400, param });
}
