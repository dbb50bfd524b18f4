/** Transactions from text: the form for people, or JSON as the contract takes it. All faults at once, each at its place. */
import type { z } from "zod";
import { Failure, messageOf } from "../../../base/errors.ts";
import { toldOperation, toldPart } from "../../../data/client/index.ts";
import { txnContract } from "../../../data/contract/index.ts";
import { COMMAND_BYTES_MAX } from "../../../data/words/index.ts";
import type { InputOf } from "../../../wire/rpc/index.ts";
import { formatFaults } from "../../../work/pipeline/file/index.ts";
import { parseTransaction, type TransactionPart } from "./parse.ts";

type Run = InputOf<typeof txnContract.methods.run>;
type Distributed = InputOf<typeof txnContract.methods.distributed>;

export type LoadedTransaction =
  | { readonly type: "local"; readonly input: Run }
  /** The id is made by whoever sends it. */
  | { readonly type: "distributed"; readonly parts: Distributed["parts"] };

/** `group` is meant where the text names none. Fails with `txn.file.faults`. */
export function loadTransaction(text: string, file: string, group: string | undefined): LoadedTransaction {
  if (Buffer.byteLength(text) > COMMAND_BYTES_MAX) {
    throw new Failure(
      "txn.file.too_large",
      `${file} is larger than ${COMMAND_BYTES_MAX} bytes, the most that is taken`,
    );
  }
  if (/^\s*[{[]/.test(text)) return fromJson(text, file, group);
  const { faults, parts } = parseTransaction(text, file);
  if (faults.length > 0) {
    const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
    throw new Failure("txn.file.faults", `${formatFaults(faults, text)}\n${count}`, { data: { faults } });
  }
  const [first, ...more] = parts;
  if (more.length > 0)
    return { type: "distributed", parts: parts.map((part) => ({ group: part.group!, ...told(part) })) };
  const where = first!.group ?? group; // a text without faults has a part
  return {
    type: "local",
    input: { ...(where !== undefined && { group: where }), ...told(first!), else: first!.otherwise.map(toldOperation) },
  };
}

function told({ compare, done }: TransactionPart) {
  return toldPart(compare, done);
}

function fromJson(text: string, file: string, group: string | undefined): LoadedTransaction {
  const value = parseJson(text, file);
  if (typeof value === "object" && value !== null && "parts" in value) {
    const { parts } = checked(txnContract.methods.distributed.input, { id: "checked-only", ...value }, value, file);
    return { type: "distributed", parts };
  }
  const input = group === undefined || typeof value !== "object" ? value : { group, ...value };
  return { type: "local", input: checked(txnContract.methods.run.input, input, input, file) };
}

/** The input as it was written, when the schema takes it: whoever carries it out checks it again. */
function checked<S extends z.ZodType>(schema: S, input: unknown, written: unknown, file: string): z.input<S> {
  const result = schema.safeParse(input);
  if (result.success) return written as z.input<S>;
  const faults = result.error.issues.map(
    ({ message, path }) => `${file}: ${path.join(".") || "the whole"}: ${message}`,
  );
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  throw new Failure("txn.file.faults", `${faults.join("\n")}\n${count}`);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new Failure("txn.file.json", `${file} is no JSON: ${messageOf(thrown)}`, { cause: thrown });
  }
}
