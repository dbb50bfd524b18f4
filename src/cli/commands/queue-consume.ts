/** `queue consume QUEUE -- COMMAND`: runs a command for each message, with the message on its standard input. */
import { runGuarded } from "../../app/guarded-command.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import { dataArgs, dataFrom, durationFrom, groupFrom, toldEntry, wholeNumberFrom } from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { untilSignal } from "../until-signal.ts";
import { messageLine, receiptText } from "../view/queue.ts";

/** Between SIGTERM and SIGKILL of a command whose message others may have by now. */
const GRACE_MS = 2_000;

interface Message {
  readonly id: number;
  readonly delivery: number;
  readonly value: string | Uint8Array;
}

export const consume = defineCommand({
  about:
    "work through a queue until it is interrupted: each message to a command's standard input, done when that ends with 0, given back otherwise; without a command it is printed",
  examples: [
    "queue consume work-queue -- ./process-job.sh",
    "queue consume work-queue --concurrency 4 --visibility 5m --retry-delay 30s -- python3 job.py",
    "queue consume work-queue --count 100 --json",
  ],
  args: {
    queue: { type: "positional", valueHint: "QUEUE", required: true, description: "the queue's name" },
    concurrency: { type: "string", valueHint: "N", default: "1", description: "messages at once" },
    visibility: {
      type: "string",
      valueHint: "TIME",
      default: "30s",
      description: "after a crash others have to wait so long; while a command runs it is extended",
    },
    "retry-delay": { type: "string", valueHint: "TIME", description: "a message that failed is not to be had before" },
    count: { type: "string", valueHint: "N", description: "end after so many messages" },
    ...dataArgs,
  },
  takesCommand: true,
  async run(args, words) {
    const source = (await dataFrom(args)).queue(args.queue, groupFrom(args));
    const messagesMax = wholeNumberFrom("--count", args.count);
    const retryDelayMs = durationFrom("--retry-delay", args["retry-delay"]);
    const concurrency = wholeNumberFrom("--concurrency", args.concurrency);
    if (concurrency < 1 || concurrency > 1_000)
      throw new Failure("usage.number", `--concurrency is ${concurrency}; 1 to 1000 is required`);
    const handle = async (message: Message, { lost }: { readonly lost: AbortSignal }): Promise<void> => {
      if (words.length > 0) await runFor(message, args.queue, words, lost);
      else if (args.json) await emitJson(toldEntry(message));
      else await emit(`${messageLine(message)}\n`);
    };
    const failed = (message: Message, { message: why }: Failure): void => {
      process.stderr.write(`message ${receiptText(message)}: ${printable(why)}\n`);
    };
    return untilSignal(async (signal) => {
      await source.consume(handle, {
        concurrency,
        ...(messagesMax !== undefined && { messagesMax }),
        visibilityMs: durationFrom("--visibility", args.visibility),
        ...(retryDelayMs !== undefined && { retryDelayMs }),
        signal,
        failed,
      });
      return EXIT.done;
    });
  },
});

/** Fails unless it ends with 0. It is ended when somebody else may have the message. */
async function runFor(
  { delivery, id, value }: Message,
  queue: string,
  command: readonly string[],
  lost: AbortSignal,
): Promise<void> {
  const env = {
    DISTRIBUTED_SYSTEM_QUEUE: queue,
    DISTRIBUTED_SYSTEM_MESSAGE_ID: String(id),
    DISTRIBUTED_SYSTEM_MESSAGE_DELIVERY: String(delivery),
  };
  const stdin = typeof value === "string" ? Buffer.from(value) : value;
  const child = runGuarded(command, { env, stdin });
  let killing: { cancel(): void } | undefined;
  const stop = (): void => {
    child.kill("SIGTERM");
    killing = systemClock.after(GRACE_MS, () => child.kill("SIGKILL"));
  };
  lost.addEventListener("abort", stop, { once: true });
  const code = await child.exited;
  lost.removeEventListener("abort", stop);
  killing?.cancel();
  if (code === 0) return;
  const how = child.signalCode ? `by ${child.signalCode}` : `with ${code}`;
  throw new Failure("queue.handler", `${command[0]} ended ${how}; 0 is required`);
}
