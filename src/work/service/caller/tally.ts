/** What is counted of calls: plain numbers, read when somebody looks. They outlive places and versions of a service. */
import { Histogram } from "../../../base/histogram.ts";
import { CODES_MAX, OTHER_CODES } from "./limits.ts";

export interface MethodCounts {
  readonly service: string;
  readonly method: string;
  /** Begun by this node's callers, streams too; `ended` of them have, `failed` of those with a failure. */
  readonly calls: number;
  readonly ended: number;
  readonly failed: number;
  /** By the failure's code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Attempts after the first. */
  readonly retries: number;
  /** Retries that the budget refused. */
  readonly unbudgeted: number;
  /** Answered by a fallback. */
  readonly fallbacks: number;
  readonly inFlight: number;
  /** Of calls that ended, attempts and pauses included; of streams none. */
  readonly latency: Histogram;
}

export class MethodTally {
  readonly service: string;
  readonly method: string;
  readonly latency = new Histogram();
  readonly #errors = new Map<string, number>();
  calls = 0;
  ended = 0;
  failed = 0;
  retries = 0;
  unbudgeted = 0;
  fallbacks = 0;

  constructor(service: string, method: string) {
    this.service = service;
    this.method = method;
  }

  fail(code: string): void {
    this.failed++;
    const key = this.#errors.has(code) || this.#errors.size < CODES_MAX ? code : OTHER_CODES;
    this.#errors.set(key, (this.#errors.get(key) ?? 0) + 1);
  }

  counts(): MethodCounts {
    const { calls, ended, failed, fallbacks, latency, method, retries, service, unbudgeted } = this;
    const errors = Object.fromEntries(this.#errors);
    const inFlight = calls - ended;
    return { service, method, calls, ended, failed, errors, retries, unbudgeted, fallbacks, inFlight, latency };
  }
}
