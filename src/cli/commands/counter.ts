/** `counter add|get|set|list`: whole numbers that count exactly. */
import { printable } from "../../base/printable.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import { consistencyFrom, dataArgs, dataFrom, groupFrom, readArgs, wholeNumberFrom } from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { textTable } from "../view/table.ts";

const counter = { type: "positional", valueHint: "NAME", required: true, description: "the counter's name" } as const;

const add = defineCommand({
  about: "add a whole number, 1 unless told otherwise, and print the sum",
  examples: ["counter add page-visits", "counter add account1 -- -100"],
  args: {
    counter,
    by: {
      type: "positional",
      valueHint: "BY",
      required: false,
      default: "1",
      description: "behind -- it may be negative",
    },
    ...dataArgs,
  },
  async run(args) {
    const target = (await dataFrom(args)).counter(args.counter, groupFrom(args));
    return tell(args.counter, await target.add(wholeNumberFrom("BY", args.by)), args.json);
  },
});

const set = defineCommand({
  about: "set a counter",
  examples: ["counter set account1 1000"],
  args: {
    counter,
    to: { type: "positional", valueHint: "N", required: true, description: "behind -- it may be negative" },
    ...dataArgs,
  },
  async run(args) {
    const target = (await dataFrom(args)).counter(args.counter, groupFrom(args));
    return tell(args.counter, await target.set(wholeNumberFrom("N", args.to)), args.json);
  },
});

const get = defineCommand({
  about: "print a counter; 0 when nobody has counted yet",
  examples: ["counter get page-visits", "counter get page-visits --consistency stale"],
  args: { counter, ...readArgs },
  async run(args) {
    const target = (await dataFrom(args)).counter(args.counter, groupFrom(args));
    return tell(args.counter, await target.get(consistencyFrom(args.consistency)), args.json);
  },
});

const list = defineCommand({
  about: "list the counters that are not 0",
  examples: ["counter list", "counter list --json"],
  args: readArgs,
  async run(args) {
    const query = { ...groupFrom(args), ...consistencyFrom(args.consistency) };
    const { counters, more } = await (await dataFrom(args)).calls.counter.list(query);
    if (args.json) await emitJson({ counters, more });
    else {
      const rows = counters.map(({ counter: name, value }) => [printable(name), String(value)]);
      await emit(rows.length > 0 ? `${textTable(["counter", "value"], rows)}\n` : "all counters are 0\n");
      if (more) process.stderr.write(`the first ${counters.length}; there are more\n`);
    }
    return EXIT.done;
  },
});

async function tell(name: string, value: number, json: boolean | undefined): Promise<number> {
  if (json) await emitJson({ counter: name, value });
  else await emit(`${value}\n`);
  return EXIT.done;
}

export const counterCommands: CommandGroup = {
  about: "whole numbers that count exactly",
  commands: {
    add: { about: add.about, load: async () => add },
    get: { about: get.about, load: async () => get },
    set: { about: set.about, load: async () => set },
    list: { about: list.about, load: async () => list },
  },
};
