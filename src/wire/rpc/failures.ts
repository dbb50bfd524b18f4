/**
 * Failures of calls, and what each kind is in HTTP. A failure of a method keeps its own code; the codes here say that the
 * call itself went wrong. Foreign failures are checked before they become ours again.
 */
import type { z } from "zod";
import { Failure, type FailureJson } from "../../base/errors.ts";
import { FAULTS_MAX } from "./limits.ts";

/** One thing that is wrong with a value, and where: `params.rate`, `stages[2].name`, empty for the whole. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

const STATUS: Readonly<Record<string, number>> = {
  "rpc.bad_request": 400,
  "rpc.invalid_input": 400,
  "rpc.unauthenticated": 401,
  "rpc.forbidden": 403,
  "rpc.unknown_path": 404,
  "rpc.unknown_contract": 404,
  "rpc.unknown_method": 404,
  "rpc.wrong_verb": 405,
  "rpc.body_timeout": 408,
  "rpc.wrong_version": 409,
  "rpc.too_large": 413,
  "rpc.path_too_long": 414,
  "rpc.content_type": 415,
  "auth.locked_out": 429,
  "auth.token_rate": 429,
  "service.dependency_failed": 502,
  "service.rate_limited": 429,
  "rpc.cancelled": 499,
  "rpc.defect": 500,
  "service.failed": 500,
  "service.bad_result": 500,
  "rpc.bad_response": 502,
  "rpc.busy": 503,
  "rpc.deadline_exceeded": 504,
};

/** A method's own failure is a refusal (422) unless its code or nature says more. */
export function statusOf({ code, retryable }: Failure): number {
  if (Object.hasOwn(STATUS, code)) return STATUS[code]!;
  if (/(^|[._])not_found$/.test(code)) return 404;
  return retryable ? 503 : 422;
}

/** Kinds of a union that are told: more of them are a schema for programs. */
const KINDS_MAX = 5;

export function faultsOf(error: z.core.$ZodError): Fault[] {
  return error.issues
    .slice(0, FAULTS_MAX)
    .map((issue) => ({ path: pathText(issue.path), message: messageOfIssue(issue) }));
}

/** Of a union it is said what each of its kinds misses: "Invalid input" alone helps nobody. */
function messageOfIssue(issue: z.core.$ZodIssue): string {
  if (issue.code !== "invalid_union") return issue.message;
  const kinds = issue.errors.slice(0, KINDS_MAX).flatMap(([first]) => (first ? [first] : []));
  const told = kinds.map(({ message, path }) => (path.length === 0 ? message : `${pathText(path)}: ${message}`));
  return told.length === 0 ? issue.message : [...new Set(told)].join(", or ");
}

export function faultsFailure(code: string, what: string, error: z.core.$ZodError): Failure {
  const faults = faultsOf(error);
  const told = faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  const left = error.issues.length - faults.length;
  return new Failure(code, `${what}: ${told}${left > 0 ? `; and ${left} more` : ""}`, { data: { faults } });
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}

/** The failure that another process wrote, as itself or as a problem of HTTP, or undefined when it is none. */
export function failureFromJson(value: unknown): Failure | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const {
    code,
    detail,
    message = detail,
    data,
    retryable,
  } = value as Partial<Record<keyof FailureJson | "detail", unknown>>;
  if (typeof code !== "string" || typeof message !== "string" || typeof retryable !== "boolean") return undefined;
  const isRecord = typeof data === "object" && data !== null && !Array.isArray(data);
  return Failure.fromJSON({ code, message, retryable, ...(isRecord && { data: data as Record<string, unknown> }) });
}
