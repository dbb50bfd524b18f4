/** What the commands about replicated data share: whom they ask, values from the command line or standard input, and how they are shown. */
import type { ArgsDef } from "citty";
import { Failure } from "../base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../base/units.ts";
import { commonArgs } from "./command.ts";
import { nodeArgs } from "./node-flags.ts";

/** Of a value on standard input: more is refused by whoever keeps it. */
const VALUE_BYTES_MAX = 4 * 1024 * 1024;

export const dataArgs = {
  group: { type: "string", valueHint: "NAME", description: "the group that keeps it (main)" },
  ...nodeArgs,
  node: {
    type: "string",
    valueHint: "HOST:PORT,…",
    description: "which masters, any of them will do (default: those of this machine)",
  },
  timeout: { ...nodeArgs.timeout, default: "15s" },
  quiet: commonArgs.quiet,
} as const satisfies ArgsDef;

export const readArgs = {
  consistency: {
    type: "string",
    valueHint: "linearizable|lease|stale",
    description: "what the answer must have seen (linearizable: all that was done before)",
  },
  ...dataArgs,
} as const satisfies ArgsDef;

export interface DataFlags {
  readonly group?: string | undefined;
  readonly node?: string | undefined;
  readonly secrets?: string | undefined;
  readonly timeout: string;
  readonly "data-dir"?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** A client of whom the flags name. */
export async function dataFrom({ node, secrets, timeout, "data-dir": dataDir }: DataFlags) {
  const timeoutMs = parseDurationMs(timeout);
  if (!timeoutMs)
    throw new Failure("usage.timeout", `--timeout is ${JSON.stringify(timeout)}; ${DURATION_FORM} is required`);
  const { connectData } = await import("../app/data/connect-data.ts");
  return connectData({ nodes: node === undefined ? undefined : node.split(","), secrets, dataDir, timeoutMs });
}

/** For calls that name their group themselves. */
export function groupFrom({ group }: DataFlags): { readonly group?: string } {
  return group === undefined ? {} : { group };
}

export type Consistency = "linearizable" | "lease" | "stale";

export function consistencyFrom(text: string | undefined): { readonly consistency?: Consistency } {
  if (text === undefined) return {};
  if (text === "linearizable" || text === "lease" || text === "stale") return { consistency: text };
  throw new Failure(
    "usage.consistency",
    `--consistency is ${JSON.stringify(text)}; linearizable, lease or stale is required`,
  );
}

export function durationFrom(flag: string, text: string): number;
export function durationFrom(flag: string, text: string | undefined): number | undefined;
export function durationFrom(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new Failure("usage.duration", `${flag} is ${JSON.stringify(text)}; ${DURATION_FORM} is required`);
}

export function wholeNumberFrom(what: string, text: string): number;
export function wholeNumberFrom(what: string, text: string | undefined): number | undefined;
export function wholeNumberFrom(what: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new Failure("usage.number", `${what} is ${JSON.stringify(text)}; a whole number is required`);
}

/** `-` is standard input: text where it is UTF-8, bytes as they are where it is not. */
export async function valueFrom(text: string): Promise<string | Uint8Array> {
  return text === "-" ? textOrBytes(await readStdin()) : text;
}

export async function textFrom(text: string): Promise<string> {
  const value = await valueFrom(text);
  if (typeof value === "string") return value;
  throw new Failure("usage.input", "standard input is no UTF-8; text is required");
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    bytes += chunk.length;
    if (bytes > VALUE_BYTES_MAX) {
      throw new Failure(
        "usage.input",
        `standard input is larger than ${VALUE_BYTES_MAX} bytes, the most that is taken`,
      );
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes; // no text: it stays what it is
  }
}

/** As the contracts tell it, for `--json`. */
export function toldValue(value: string | Uint8Array): string | { readonly base64: string } {
  return typeof value === "string" ? value : { base64: Buffer.from(value).toString("base64") };
}

export function toldEntry<T extends { readonly value: string | Uint8Array }>(entry: T) {
  return { ...entry, value: toldValue(entry.value) };
}
