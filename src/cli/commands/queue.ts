/** `queue enqueue|dequeue|ack|nack|extend|consume|peek|stats|list|configure|purge`: durable queues. */
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import {
  dataArgs,
  dataFrom,
  durationFrom,
  groupFrom,
  textFrom,
  toldEntry,
  valueFrom,
  wholeNumberFrom,
} from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { messageLine } from "../view/queue.ts";
import { consume } from "./queue-consume.ts";
import { configure, list, peek, purge, stats } from "./queue-manage.ts";
import { receiptsFrom, tellSettled } from "./queue-receipts.ts";

const queue = { type: "positional", valueHint: "QUEUE", required: true, description: "the queue's name" } as const;

/** Of one command: so many values make one entry of the log. */
const LINES_AT_ONCE = 500;

const enqueue = defineCommand({
  about: "put a message at the end of a queue, or each line of standard input",
  examples: [
    'queue enqueue work-queue \'{"job":"process"}\'',
    "queue enqueue work-queue - < payload.bin",
    "queue enqueue work-queue - --lines < jobs.ndjson",
    "queue enqueue mails 'to alice' --delay 10m --dedupe order-17",
  ],
  args: {
    queue,
    value: { type: "positional", valueHint: "VALUE", required: true, description: "a text; - is standard input" },
    lines: { type: "boolean", description: "each line of standard input is a message" },
    delay: { type: "string", valueHint: "TIME", description: "not to be had before" },
    dedupe: { type: "string", valueHint: "KEY", description: "a second message of this key is the first one" },
    ...dataArgs,
  },
  async run(args) {
    const target = (await dataFrom(args)).queue(args.queue, groupFrom(args));
    const delayMs = durationFrom("--delay", args.delay);
    const options = {
      ...(delayMs !== undefined && { delayMs }),
      ...(args.dedupe !== undefined && { dedupeKey: args.dedupe }),
    };
    const values = args.lines
      ? (await textFrom(args.value)).split("\n").filter((line) => line !== "")
      : [await valueFrom(args.value)];
    const ids: number[] = [];
    let isDuplicate = false;
    for (let at = 0; at < values.length; at += LINES_AT_ONCE) {
      const reply = await target.enqueue(values.slice(at, at + LINES_AT_ONCE), options);
      ids.push(...reply.ids);
      isDuplicate ||= reply.isDuplicate ?? false;
    }
    if (args.json) await emitJson({ queue: args.queue, ids, ...(isDuplicate && { isDuplicate }) });
    else if (!args.quiet) {
      const what = isDuplicate ? "was there already" : `${ids.length === 1 ? "1 message" : `${ids.length} messages`}`;
      process.stderr.write(`${what}: ${ids.length > 5 ? `${ids[0]} to ${ids.at(-1)}` : ids.join(", ")}\n`);
    }
    return EXIT.done;
  },
});

const dequeue = defineCommand({
  about:
    "take messages: hidden from others until they are acknowledged, or the time is over; exit code 1 when there is none",
  examples: [
    "queue dequeue work-queue",
    "queue dequeue work-queue --count 10 --visibility 5m --wait 30s --json",
    "queue dequeue work-queue --ack",
  ],
  args: {
    queue,
    count: { type: "string", valueHint: "N", default: "1", description: "so many at most" },
    visibility: { type: "string", valueHint: "TIME", default: "30s", description: "others may have them after that" },
    wait: { type: "string", valueHint: "TIME", default: "0s", description: "wait so long when there is none" },
    ack: { type: "boolean", description: "acknowledge them once they are printed" },
    ...dataArgs,
  },
  async run(args) {
    const source = (await dataFrom(args)).queue(args.queue, groupFrom(args));
    const messages = await source.dequeue({
      count: wholeNumberFrom("--count", args.count),
      visibilityMs: durationFrom("--visibility", args.visibility),
      waitMs: durationFrom("--wait", args.wait),
    });
    for (const message of messages) {
      if (args.json) await emitJson(toldEntry(message));
      else await emit(`${messageLine(message)}\n`);
    }
    if (args.ack && messages.length > 0) await source.ack(messages);
    if (messages.length === 0 && !args.json && !args.quiet) process.stderr.write("no message is ready\n");
    return messages.length > 0 ? EXIT.done : EXIT.failures;
  },
});

const receipts = {
  type: "positional",
  valueHint: "ID:DELIVERY,…",
  required: true,
  description: "as dequeue has printed them",
} as const;

const ack = defineCommand({
  about: "say that messages are done; exit code 1 when one was delivered again since, or is done already",
  examples: ["queue ack work-queue 17:1", "queue ack work-queue 17:1,18:1,19:2"],
  args: { queue, receipts, ...dataArgs },
  async run(args) {
    const source = (await dataFrom(args)).queue(args.queue, groupFrom(args));
    return tellSettled("acknowledged", await source.ack(receiptsFrom(args.receipts)), args);
  },
});

const nack = defineCommand({
  about: "give messages back: others may have them, at their old place",
  examples: ["queue nack work-queue 17:1 --delay 10s"],
  args: {
    queue,
    receipts,
    delay: { type: "string", valueHint: "TIME", description: "not to be had before" },
    ...dataArgs,
  },
  async run(args) {
    const source = (await dataFrom(args)).queue(args.queue, groupFrom(args));
    const delayMs = durationFrom("--delay", args.delay);
    const reply = await source.nack(receiptsFrom(args.receipts), delayMs === undefined ? {} : { delayMs });
    return tellSettled("given back", reply, args);
  },
});

const extend = defineCommand({
  about: "keep messages hidden for so long from now on",
  examples: ["queue extend work-queue 17:1 --visibility 5m"],
  args: {
    queue,
    receipts,
    visibility: { type: "string", valueHint: "TIME", default: "30s", description: "others may have them after that" },
    ...dataArgs,
  },
  async run(args) {
    const source = (await dataFrom(args)).queue(args.queue, groupFrom(args));
    const reply = await source.extend(receiptsFrom(args.receipts), durationFrom("--visibility", args.visibility));
    return tellSettled("extended", reply, args);
  },
});

export const queueCommands: CommandGroup = {
  about: "durable queues: put, take, acknowledge, work through",
  commands: {
    enqueue: { about: enqueue.about, load: async () => enqueue },
    dequeue: { about: dequeue.about, load: async () => dequeue },
    ack: { about: ack.about, load: async () => ack },
    nack: { about: nack.about, load: async () => nack },
    extend: { about: extend.about, load: async () => extend },
    consume: { about: consume.about, load: async () => consume },
    peek: { about: peek.about, load: async () => peek },
    stats: { about: stats.about, load: async () => stats },
    list: { about: list.about, load: async () => list },
    configure: { about: configure.about, load: async () => configure },
    purge: { about: purge.about, load: async () => purge },
  },
};
