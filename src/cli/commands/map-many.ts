/** `map range` and `map watch`: many entries, many changes, a line each. */
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import { consistencyFrom, dataArgs, dataFrom, groupFrom, readArgs, toldEntry, wholeNumberFrom } from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { untilSignal } from "../until-signal.ts";
import { entryLine, eventLine } from "../view/data.ts";

const map = { type: "positional", valueHint: "MAP", required: true, description: "the map's name" } as const;
const prefix = { type: "string", valueHint: "TEXT", description: "only keys that begin with it" } as const;

export const range = defineCommand({
  about: "print keys and values in the order of the keys, all as they were at one moment",
  examples: [
    "map range config",
    "map range sessions --prefix user: --limit 20 --after user:123 --json",
    "map range sessions --prefix user: --count",
  ],
  args: {
    map,
    prefix,
    from: { type: "string", valueHint: "KEY", description: "from this key on" },
    after: { type: "string", valueHint: "KEY", description: "behind this key" },
    end: { type: "string", valueHint: "KEY", description: "before this key" },
    limit: { type: "string", valueHint: "N", description: "so many at most (all)" },
    "keys-only": { type: "boolean", description: "no values" },
    count: { type: "boolean", description: "only how many keys the range has" },
    ...readArgs,
  },
  async run(args) {
    const { after, end, from } = args;
    const source = (await dataFrom(args)).map(args.map, groupFrom(args));
    let left = wholeNumberFrom("--limit", args.limit) ?? Number.POSITIVE_INFINITY;
    const bounds = Object.entries({ after, end, from, prefix: args.prefix }).filter(([, text]) => text !== undefined);
    const query = { ...Object.fromEntries(bounds), ...consistencyFrom(args.consistency) };
    const pages = { limit: Math.min(PAGE, Math.max(1, left)), keysOnly: args["keys-only"] ?? false };
    if (args.count) return countOf(source, query, args);
    if (left <= 0) return EXIT.done;
    for await (const entry of source.entries({ ...query, ...pages })) {
      if (args.json) await emitJson(args["keys-only"] ? withoutValue(entry) : toldEntry(entry));
      else await emit(args["keys-only"] ? `${printable(entry.key)}\n` : `${entryLine(entry)}\n`);
      if (--left <= 0) break;
    }
    return EXIT.done;
  },
});

interface CountArgs {
  readonly after?: string | undefined;
  readonly limit?: string | undefined;
  readonly json?: boolean | undefined;
}

async function countOf(source: Counted, query: object, { after, json, limit }: CountArgs): Promise<number> {
  if (after !== undefined || limit !== undefined)
    throw new Failure("usage.count", "--count is of a whole range: --from, --end and --prefix bound it");
  const count = await source.count(query);
  await (json ? emitJson({ count }) : emit(`${count}\n`));
  return EXIT.done;
}

/** As of a map. */
interface Counted {
  count(query: object): Promise<number>;
}

export const watch = defineCommand({
  about: "print every change as it happens, until it is interrupted; goes on when masters come and go",
  examples: [
    "map watch config",
    "map watch sessions --prefix user: --from 1 --json",
    "map watch config version --count 1",
  ],
  args: {
    map,
    key: { type: "positional", valueHint: "KEY", required: false, description: "only this key" },
    prefix,
    from: { type: "string", valueHint: "REVISION", description: "from this revision on (from now on)" },
    count: { type: "string", valueHint: "N", description: "end after so many changes" },
    ...dataArgs,
  },
  async run(args) {
    const source = (await dataFrom(args)).map(args.map, groupFrom(args));
    const from = wholeNumberFrom("--from", args.from);
    let left = wholeNumberFrom("--count", args.count) ?? Number.POSITIVE_INFINITY;
    const what = {
      ...(args.key !== undefined && { key: args.key }),
      ...(args.prefix !== undefined && { prefix: args.prefix }),
      ...(from !== undefined && { from }),
    };
    return untilSignal(async (signal) => {
      for await (const event of source.watch({ ...what, signal })) {
        if (args.json) await emitJson({ ...event, entry: toldEntry(event.entry) });
        else await emit(`${eventLine(event)}\n`);
        if (--left <= 0) return EXIT.done;
      }
      return EXIT.done;
    });
  },
});

/** Of one answer. */
const PAGE = 1_000;

function withoutValue<T extends { readonly value: unknown }>({ value: _, ...entry }: T): Omit<T, "value"> {
  return entry;
}
