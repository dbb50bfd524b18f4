/**
 * Expected failures. A `Failure` carries a stable dotted code that programs match on, a message that people read,
 * data, and whether trying again can help. It survives a trip to another process as plain JSON.
 */
export interface FailureOptions {
  readonly data?: Readonly<Record<string, unknown>>;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

export interface FailureJson {
  readonly code: string;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
}

export class Failure extends Error {
  readonly code: string;
  readonly data: Readonly<Record<string, unknown>> | undefined;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.data = options.data;
    this.retryable = options.retryable ?? false;
  }

  toJSON(): FailureJson {
    const { code, message, data, retryable } = this;
    return data === undefined ? { code, message, retryable } : { code, message, data, retryable };
  }

  static fromJSON(json: FailureJson): Failure {
    return new Failure(json.code, json.message, { retryable: json.retryable, ...(json.data && { data: json.data }) });
  }
}

/** Wraps whatever was thrown; a Failure stays itself. `code` names what the caller was doing. */
export function toFailure(thrown: unknown, code: string): Failure {
  if (thrown instanceof Failure) return thrown;
  return new Failure(code, messageOf(thrown), { cause: thrown });
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : textOf(thrown);
}

/** Any value in a message. Never throws, as `String` does for an object that has no `toString` or, from outside, one that is no function. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `an ${typeof value}`;
  }
}

/** A broken invariant is a bug of ours: crash, the supervisor decides. On hot paths the message is a function: numbers as text cost more than the check. */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${typeof message === "string" ? message : message()}`);
}
