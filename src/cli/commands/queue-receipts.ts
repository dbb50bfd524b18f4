/** Receipts as they are typed, and what became of them. */
import { Failure } from "../../base/errors.ts";
import { EXIT } from "../command.ts";
import { emitJson } from "../output.ts";

export interface Receipt {
  readonly id: number;
  readonly delivery: number;
}

/** `17:1,18:2` */
export function receiptsFrom(text: string): Receipt[] {
  return text.split(",").map((each) => {
    const found = /^(\d{1,15}):(\d{1,9})$/.exec(each.trim());
    if (found) return { id: Number(found[1]), delivery: Number(found[2]) };
    throw new Failure(
      "usage.receipt",
      `a receipt is ${JSON.stringify(each.slice(0, 60))}; ID:DELIVERY is required, as dequeue prints it`,
    );
  });
}

export async function tellSettled(
  done: string,
  reply: { readonly done: readonly number[]; readonly unknown: readonly number[] },
  { json, quiet }: { readonly json?: boolean | undefined; readonly quiet?: boolean | undefined },
): Promise<number> {
  if (json) await emitJson(reply);
  else {
    if (!quiet && reply.done.length > 0) process.stderr.write(`${done}: ${reply.done.join(", ")}\n`);
    if (reply.unknown.length > 0) {
      const why = "delivered again since, done already, or never delivered";
      process.stderr.write(`not ${done}: ${reply.unknown.join(", ")} (${why})\n`);
    }
  }
  return reply.unknown.length > 0 ? EXIT.failures : EXIT.done;
}
