/** `queue peek|stats|list|configure|purge`: looking after queues. */
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import {
  consistencyFrom,
  dataArgs,
  dataFrom,
  durationFrom,
  groupFrom,
  readArgs,
  textOrBytes,
  wholeNumberFrom,
} from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { messageLine, queuesTable, queueText } from "../view/queue.ts";

const queue = { type: "positional", valueHint: "QUEUE", required: true, description: "the queue's name" } as const;

export const peek = defineCommand({
  about: "print the messages that come next; nobody is kept from them",
  examples: ["queue peek work-queue --limit 3", "queue peek work-queue.dead --json"],
  args: {
    queue,
    limit: { type: "string", valueHint: "N", default: "10", description: "so many at most" },
    ...readArgs,
  },
  async run(args) {
    const query = { ...groupFrom(args), queue: args.queue, ...consistencyFrom(args.consistency) };
    const limit = wholeNumberFrom("--limit", args.limit);
    const { messages } = await (await dataFrom(args)).calls.queue.peek({ ...query, limit });
    for (const { value, ...message } of messages) {
      if (args.json) await emitJson({ ...message, value });
      else {
        const plain =
          typeof value === "string" ? value : textOrBytes(new Uint8Array(Buffer.from(value.base64, "base64")));
        await emit(`${messageLine({ ...message, value: plain })}\n`);
      }
    }
    return EXIT.done;
  },
});

export const stats = defineCommand({
  about: "show how much is in a queue, and its settings; exit code 66 when there is none of that name",
  examples: ["queue stats work-queue", "queue stats work-queue --json"],
  args: { queue, ...readArgs },
  async run(args) {
    const query = { ...groupFrom(args), queue: args.queue, ...consistencyFrom(args.consistency) };
    const { stats: found } = await (await dataFrom(args)).calls.queue.stats(query);
    if (!found) throw new Failure("data.not_found", `there is no queue ${JSON.stringify(args.queue)}`);
    if (args.json) await emitJson(found);
    else await emit(`${queueText(found)}\n`);
    return EXIT.done;
  },
});

export const list = defineCommand({
  about: "list the queues",
  examples: ["queue list", "queue list --json"],
  args: readArgs,
  async run(args) {
    const query = { ...groupFrom(args), ...consistencyFrom(args.consistency) };
    const { more, queues } = await (await dataFrom(args)).calls.queue.list(query);
    if (args.json) await emitJson({ queues, more });
    else await emit(queues.length > 0 ? `${queuesTable(queues)}\n` : "there are no queues\n");
    if (more && !args.json) process.stderr.write(`the first ${queues.length}; there are more\n`);
    return EXIT.done;
  },
});

export const configure = defineCommand({
  about: "change a queue's settings; what is left out stays",
  examples: ["queue configure work-queue --deliveries 5 --dead-letter failed-jobs --dedupe-for 1h"],
  args: {
    queue,
    deliveries: { type: "string", valueHint: "N", description: "then a message goes to the dead letters" },
    "dead-letter": { type: "string", valueHint: "QUEUE", description: "that takes them (QUEUE.dead)" },
    "dedupe-for": { type: "string", valueHint: "TIME", description: "how long a dedupe key counts" },
    "messages-max": { type: "string", valueHint: "N", description: "more are refused" },
    ...dataArgs,
  },
  async run(args) {
    const given = Object.entries({
      deliveriesMax: wholeNumberFrom("--deliveries", args.deliveries),
      deadLetter: args["dead-letter"],
      dedupeMs: durationFrom("--dedupe-for", args["dedupe-for"]),
      messagesMax: wholeNumberFrom("--messages-max", args["messages-max"]),
    }).filter(([, value]) => value !== undefined);
    if (given.length === 0) throw new Failure("usage.settings", "one setting at least is required; --help lists them");
    const input = { ...groupFrom(args), queue: args.queue, settings: Object.fromEntries(given) };
    const { stats: after } = await (await dataFrom(args)).calls.queue.configure(input);
    if (args.json) await emitJson(after);
    else if (!args.quiet) await emit(`${queueText(after)}\n`);
    return EXIT.done;
  },
});

export const purge = defineCommand({
  about: "throw away all messages of a queue",
  examples: ["queue purge work-queue --yes"],
  args: { queue, yes: { type: "boolean", description: "it is meant" }, ...dataArgs },
  async run(args) {
    if (!args.yes) throw new Failure("usage.purge", `all messages of ${args.queue} would be gone; --yes is required`);
    const { removed } = await (await dataFrom(args)).calls.queue.purge({ ...groupFrom(args), queue: args.queue });
    if (args.json) await emitJson({ queue: args.queue, removed });
    else if (!args.quiet) process.stderr.write(`${removed} messages of ${printable(args.queue)} are gone\n`);
    return EXIT.done;
  },
});
