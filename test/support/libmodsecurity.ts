/**
 * libmodsecurity3 (ModSecurity v3, as Debian packages it) behind bun:ffi: the second opinion that our engine is compared with. It takes one
 * request at a time, whole. It is no model of how a connector works: no connection, no files, no audit log.
 */
import { CString, dlopen, FFIType, JSCallback, type Pointer, ptr } from "bun:ffi";
import { existsSync } from "node:fs";

const LIBRARY = "libmodsecurity.so.3";
const PLACES = [
  `/usr/lib/x86_64-linux-gnu/${LIBRARY}`,
  `/usr/lib/aarch64-linux-gnu/${LIBRARY}`,
  `/usr/lib64/${LIBRARY}`,
];
/** Of `ModSecurityIntervention`: int status, int pause, char *url, char *log, int disruptive. */
const INTERVENTION_BYTES = 32;
const DISRUPTIVE_AT = 24;

const { ptr: pointer, i32, cstring, u64: usize, void: nothing } = FFIType;
const SYMBOLS = {
  msc_init: { args: [], returns: pointer },
  msc_cleanup: { args: [pointer], returns: nothing },
  msc_set_log_cb: { args: [pointer, FFIType.function], returns: nothing },
  msc_create_rules_set: { args: [], returns: pointer },
  msc_rules_cleanup: { args: [pointer], returns: i32 },
  msc_rules_add: { args: [pointer, cstring, pointer], returns: i32 },
  msc_rules_add_file: { args: [pointer, cstring, pointer], returns: i32 },
  msc_new_transaction: { args: [pointer, pointer, pointer], returns: pointer },
  msc_process_connection: { args: [pointer, cstring, i32, cstring, i32], returns: i32 },
  msc_process_uri: { args: [pointer, cstring, cstring, cstring], returns: i32 },
  msc_add_n_request_header: { args: [pointer, pointer, usize, pointer, usize], returns: i32 },
  msc_process_request_headers: { args: [pointer], returns: i32 },
  msc_append_request_body: { args: [pointer, pointer, usize], returns: i32 },
  msc_process_request_body: { args: [pointer], returns: i32 },
  msc_add_n_response_header: { args: [pointer, pointer, usize, pointer, usize], returns: i32 },
  msc_process_response_headers: { args: [pointer, i32, cstring], returns: i32 },
  msc_append_response_body: { args: [pointer, pointer, usize], returns: i32 },
  msc_process_response_body: { args: [pointer], returns: i32 },
  msc_process_logging: { args: [pointer], returns: i32 },
  msc_intervention: { args: [pointer, pointer], returns: i32 },
  msc_transaction_cleanup: { args: [pointer], returns: nothing },
} as const;

export interface SampleRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Name, value, … ; latin1. */
  readonly headers: readonly string[];
  readonly body?: Uint8Array | undefined;
}

export interface SampleReply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

export interface SecondOpinion {
  /** 200: it let the request through. */
  readonly status: number;
  /** Of the rules that logged, in order, each once. */
  readonly ruleIds: readonly number[];
  readonly log: readonly string[];
}

/** Where the library lies; undefined: it is not installed. */
export function libmodsecurityPath(): string | undefined {
  return PLACES.find((place) => existsSync(place));
}

export class LibModSecurity implements Disposable {
  readonly #library;
  readonly #engine: Pointer;
  readonly #rules: Pointer;
  readonly #onLog: JSCallback;
  #log: string[] = [];

  constructor(path: string) {
    this.#library = dlopen(path, SYMBOLS);
    const { symbols } = this.#library;
    this.#engine = known(symbols.msc_init());
    this.#rules = known(symbols.msc_create_rules_set());
    this.#onLog = new JSCallback((_data: Pointer, text: Pointer) => void this.#log.push(String(new CString(text))), {
      args: [pointer, pointer],
      returns: nothing,
    });
    symbols.msc_set_log_cb(this.#engine, this.#onLog);
  }

  addRules(text: string): void {
    const error = new BigUint64Array(1);
    if (this.#library.symbols.msc_rules_add(this.#rules, zeroEnded(text), ptr(error)) < 0) throw refused(text, error);
  }

  addFile(path: string): void {
    const error = new BigUint64Array(1);
    if (this.#library.symbols.msc_rules_add_file(this.#rules, zeroEnded(path), ptr(error)) < 0)
      throw refused(path, error);
  }

  ask(request: SampleRequest, reply?: SampleReply): SecondOpinion {
    const { symbols } = this.#library;
    this.#log = [];
    const transaction = known(symbols.msc_new_transaction(this.#engine, this.#rules, null));
    try {
      symbols.msc_process_connection(transaction, zeroEnded("192.0.2.7"), 40000, zeroEnded("192.0.2.1"), 80);
      const status = this.#process(transaction, request, reply);
      symbols.msc_process_logging(transaction);
      return { status, ruleIds: idsOf(this.#log), log: this.#log };
    } finally {
      symbols.msc_transaction_cleanup(transaction);
    }
  }

  #process(transaction: Pointer, request: SampleRequest, reply: SampleReply | undefined): number {
    const { symbols } = this.#library;
    symbols.msc_process_uri(
      transaction,
      zeroEnded(request.target),
      zeroEnded(request.method),
      zeroEnded(request.version),
    );
    addHeaders(symbols.msc_add_n_request_header, transaction, request.headers);
    symbols.msc_process_request_headers(transaction);
    let status = this.#intervention(transaction);
    if (status !== 200) return status;
    if (request.body && request.body.length > 0)
      symbols.msc_append_request_body(transaction, ptr(request.body), request.body.length);
    symbols.msc_process_request_body(transaction);
    status = this.#intervention(transaction);
    if (status !== 200 || !reply) return status;
    addHeaders(symbols.msc_add_n_response_header, transaction, reply.headers);
    symbols.msc_process_response_headers(transaction, reply.status, zeroEnded("HTTP 1.1"));
    status = this.#intervention(transaction);
    if (status !== 200) return status;
    if (reply.body.length > 0) symbols.msc_append_response_body(transaction, ptr(reply.body), reply.body.length);
    symbols.msc_process_response_body(transaction);
    return this.#intervention(transaction);
  }

  #intervention(transaction: Pointer): number {
    const bytes = new DataView(new ArrayBuffer(INTERVENTION_BYTES));
    bytes.setInt32(0, 200, true);
    this.#library.symbols.msc_intervention(transaction, ptr(bytes));
    return bytes.getInt32(DISRUPTIVE_AT, true) === 0 ? 200 : bytes.getInt32(0, true);
  }

  [Symbol.dispose](): void {
    this.#library.symbols.msc_rules_cleanup(this.#rules);
    this.#library.symbols.msc_cleanup(this.#engine);
    this.#onLog.close();
    this.#library.close();
  }
}

type AddHeader = (transaction: Pointer, name: Pointer, nameBytes: number, value: Pointer, valueBytes: number) => number;

function addHeaders(add: AddHeader, transaction: Pointer, headers: readonly string[]): void {
  for (let at = 0; at < headers.length; at += 2) {
    const name = zeroEnded(headers[at]!);
    const value = zeroEnded(headers[at + 1]!);
    add(transaction, ptr(name), name.length - 1, ptr(value), value.length - 1);
  }
}

/** `[id "942100"]` of each line, each once. */
function idsOf(log: readonly string[]): number[] {
  const ids = new Set<number>();
  for (const line of log) {
    const id = /\[id "(\d+)"\]/.exec(line)?.[1];
    if (id !== undefined) ids.add(Number(id));
  }
  return [...ids];
}

function zeroEnded(text: string): Buffer {
  return Buffer.from(`${text}\0`, "latin1");
}

function known(given: bigint | Pointer | null): Pointer {
  if (given === null) throw new Error("libmodsecurity gave no object");
  // Pointers of user space fit a number; the type of `bun:ffi` allows for either.
  return Number(given) as Pointer;
}

function refused(what: string, error: BigUint64Array): Error {
  const at = Number(error[0]);
  return new Error(
    `libmodsecurity refuses ${what.slice(0, 200)}: ${at === 0 ? "no reason given" : new CString(at as Pointer)}`,
  );
}
