/**
 * The way to the port mapper of a port: finds out who listens there before it shows a token, and believes no answer without
 * a proof. Says in words why it cannot: nobody there, another user's, Erlang's, some other program. After a restart of the
 * port mapper it asks anew. Keeps no connections.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { formatDurationMs } from "../../base/units.ts";
import { createClient, httpTransport, type Transport } from "../../wire/rpc/index.ts";
import { type PmdMethods, pmdContract } from "./contract.ts";
import {
  callAudience,
  IDENTITY_PATH,
  identityShape,
  isUntimely,
  NONCE_HEADER,
  type PmdAuth,
  type PmdIdentity,
  PROOF_HEADER,
  proofAudience,
  WATCH_PATH,
} from "./identity.ts";
import { CALL_TIMEOUT_MS, IDENTITY_BYTES_MAX, PMD_HOST, PROBE_PATIENCE_MS, PROBE_TIMEOUT_MS } from "./limits.ts";
import { boundedText, localFetch } from "./local-http.ts";
import { type Listener, probeEpmd } from "./probe.ts";

export interface ConnectionOptions {
  readonly port: number;
  readonly auth: PmdAuth;
  readonly clock: Clock;
  /** Never the same twice: 16 to 64 letters, digits, `_` and `-`. */
  readonly nonce: () => string;
}

/** Codes that say: there is no port mapper, and the port is free. */
export const NOT_RUNNING = "pmd.not_running";

const UNAUTHENTICATED = 401;

export class PmdConnection {
  readonly methods: PmdMethods;
  readonly #options: ConnectionOptions;
  #identity: Promise<PmdIdentity> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const transport = ownFailures(httpTransport((path, init) => this.#send(path, init), this.#place));
    this.methods = createClient(pmdContract, transport, { clock: options.clock, timeoutMs: CALL_TIMEOUT_MS });
  }

  /**
   * Who listens, asked now. Fails with `pmd.not_running`, `pmd.other_key`, `pmd.clock`, `pmd.port_taken_by_epmd`, `pmd.port_taken`.
   */
  async identify(): Promise<PmdIdentity> {
    const asked = this.#ask();
    this.#identity = asked;
    asked.catch(() => this.#forget(asked));
    return asked;
  }

  /** An open stream of events whose sender is proven. */
  async watch(signal: AbortSignal): Promise<Response> {
    const response = await this.#send(WATCH_PATH, { signal });
    if (response.ok && response.body !== null) return response;
    const words = await boundedText(response, IDENTITY_BYTES_MAX).catch(messageOf);
    throw new Failure("pmd.watch_refused", `cannot watch at ${this.#place}: ${words}`, { retryable: true });
  }

  /** A token for one request of another program. */
  async token(): Promise<string> {
    const { life } = await this.identify();
    return this.#options.auth.token(callAudience(this.#options.port, life));
  }

  get #place(): string {
    return `${PMD_HOST}:${this.#options.port}`;
  }

  /**
   * A port mapper that was started anew refuses what was meant for the one before, and after this machine's clock was set what
   * was signed before: then once more, with a fresh token, to whoever is there now.
   */
  async #send(path: string, init: RequestInit): Promise<Response> {
    const known = this.#identity ?? this.identify();
    const identity = await known;
    const response = await this.#sendTo(identity, path, init).catch(async (thrown) => {
      this.#forget(known);
      if (!init.signal?.aborted) await this.identify(); // says why, unless it is back already
      throw thrown;
    });
    if (response && response.status !== UNAUTHENTICATED) return response;
    await response?.body?.cancel();
    this.#forget(known);
    const again = await this.#sendTo(await this.identify(), path, init);
    if (again) return again;
    throw new Failure("pmd.unproven", `the answer of ${this.#place} carries no proof of our key; it is not believed`);
  }

  /** Undefined when the answer carries no proof. */
  async #sendTo({ life }: PmdIdentity, path: string, init: RequestInit): Promise<Response | undefined> {
    const { auth, nonce, port } = this.#options;
    const own = nonce();
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${await auth.token(callAudience(port, life))}`);
    headers.set(NONCE_HEADER, own);
    const response = await localFetch(path, { ...init, port, headers });
    if ((await this.#doubt(response, life, own)) === undefined) return response;
    await response.body?.cancel();
    return undefined;
  }

  /** Why the answer is not to be believed; undefined when it is proven. */
  async #doubt({ headers }: Response, life: string, nonce: string): Promise<unknown> {
    const { auth, port } = this.#options;
    const proof = headers.get(PROOF_HEADER);
    if (proof === null) return "no proof";
    return auth.verify(proof, proofAudience(port, life, nonce)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  }

  #forget(identity: Promise<PmdIdentity>): void {
    if (this.#identity === identity) this.#identity = undefined;
  }

  async #ask(): Promise<PmdIdentity> {
    for (let tries = 1; ; tries++) {
      const { answer, listener, isLate } = await this.#askOnce();
      if (isIdentity(answer)) return answer;
      if (answer instanceof Failure) throw answer;
      if (listener.kind === "epmd") throw this.#takenByEpmd(listener.names);
      // One that began to listen between the two questions is no stranger yet.
      if (listener.kind === "none" || isLate || tries === 2) throw this.#stranger(listener, answer, isLate);
    }
  }

  /** Over HTTP first; when that takes long, Erlang's protocol beside it, for epmd says nothing to HTTP. */
  async #askOnce(): Promise<Asked> {
    const { clock, port } = this.#options;
    const end = new AbortController();
    const patience = Promise.withResolvers<void>();
    const timers = [
      clock.after(PROBE_PATIENCE_MS, patience.resolve),
      clock.after(PROBE_TIMEOUT_MS, () => end.abort(new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`))),
    ];
    const asked = this.#askOverHttp(end.signal).catch((thrown): unknown => thrown);
    try {
      const early = await Promise.race([asked, patience.promise]);
      if (isIdentity(early) || early instanceof Failure) return { answer: early, listener: NOBODY, isLate: false };
      const listener = await probeEpmd(port, clock);
      if (listener.kind === "epmd") return { answer: early, listener, isLate: false };
      return { answer: await asked, listener, isLate: end.signal.aborted };
    } finally {
      for (const timer of timers) timer.cancel();
      end.abort();
    }
  }

  async #askOverHttp(signal: AbortSignal): Promise<PmdIdentity> {
    const { nonce: draw, port } = this.#options;
    const nonce = draw();
    const response = await localFetch(IDENTITY_PATH, { port, headers: { [NONCE_HEADER]: nonce }, signal });
    const identity = identityShape.parse(JSON.parse(await boundedText(response, IDENTITY_BYTES_MAX)));
    const doubt = await this.#doubt(response, identity.life, nonce);
    if (doubt === undefined) return identity;
    if (isUntimely(doubt)) throw this.#otherClock(identity, doubt);
    const message = `the port mapper at ${this.#place} (process ${identity.pid}) works under another key: it is another user's or of another --data-dir; another port by --port or DISTRIBUTED_SYSTEM_PMD_PORT is required, or the same data directory`;
    throw new Failure("pmd.other_key", message, { data: { pid: identity.pid } });
  }

  #otherClock({ pid }: PmdIdentity, doubt: Failure): Failure {
    const message = `the port mapper at ${this.#place} (process ${pid}) works under our key and not by our clock: ${clockWords(doubt)}; one clock for both is required`;
    return new Failure("pmd.clock", message, { data: { pid, ...doubt.data }, retryable: true, cause: doubt });
  }

  #takenByEpmd(names: readonly string[]): Failure {
    const { port } = this.#options;
    const nodes = names.length === 0 ? "no Erlang nodes" : `Erlang's ${names.slice(0, 10).join(", ")}`;
    const message = `port ${port} is held by Erlang's epmd (with ${nodes}); another port by --port or DISTRIBUTED_SYSTEM_PMD_PORT is required, or the end of epmd`;
    return new Failure("pmd.port_taken_by_epmd", message, { data: { port, names } });
  }

  #stranger({ kind }: Listener, thrown: unknown, isLate: boolean): Failure {
    const { port } = this.#options;
    if (kind === "none") {
      return new Failure(NOT_RUNNING, `no port mapper listens on ${this.#place}`, { retryable: true, data: { port } });
    }
    const what = isLate
      ? `a program that does not answer within ${PROBE_TIMEOUT_MS} ms: no port mapper, or one on a machine without time`
      : `another program, which is no port mapper (${messageOf(thrown).slice(0, 200)})`;
    const message = `port ${port} is held by ${what}; another port by --port or DISTRIBUTED_SYSTEM_PMD_PORT is required`;
    return new Failure("pmd.port_taken", message, { data: { port }, retryable: isLate });
  }
}

interface Asked {
  /** Who it is, or what was thrown. */
  readonly answer: unknown;
  readonly listener: Listener;
  readonly isLate: boolean;
}

const NOBODY: Listener = { kind: "none" };

/** Of a proof that was made just now. */
function clockWords({ data, message }: Failure): string {
  const aheadMs = data?.aheadMs;
  if (typeof aheadMs !== "number") return message;
  return `its clock is ${formatDurationMs(Math.abs(aheadMs))} ${aheadMs < 0 ? "behind" : "ahead of"} ours`;
}

function isIdentity(value: unknown): value is PmdIdentity {
  return identityShape.safeParse(value).success;
}

/** The transport tells whatever kept it from sending as "nobody answers"; why is what people need. */
function ownFailures(transport: Transport): Transport {
  return (call) =>
    transport(call).catch((thrown) => {
      const cause = thrown instanceof Failure ? thrown.cause : undefined;
      throw cause instanceof Failure && cause.code.startsWith("pmd.") ? cause : thrown;
    });
}
