/** `map get|put|delete|cas|range|watch|compact`: strongly consistent maps. */
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import {
  consistencyFrom,
  dataArgs,
  dataFrom,
  durationFrom,
  groupFrom,
  readArgs,
  toldEntry,
  valueFrom,
  wholeNumberFrom,
} from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { valueText } from "../view/data.ts";
import { range, watch } from "./map-many.ts";

const map = { type: "positional", valueHint: "MAP", required: true, description: "the map's name" } as const;
const key = { type: "positional", valueHint: "KEY", required: true, description: "the key" } as const;

/** What must hold for a change; none of them: nothing must. */
const conditions = {
  "if-revision": { type: "string", valueHint: "N", description: "only if its last change has this revision" },
  "if-value": { type: "string", valueHint: "TEXT", description: "only if it has this value" },
  "if-absent": { type: "boolean", description: "only if it is not there" },
} as const;

const get = defineCommand({
  about: "print the value of a key; exit code 66 when it is not there",
  examples: ["map get config max-connections", "map get config max-connections --consistency lease --json"],
  args: {
    map,
    key,
    revision: { type: "string", valueHint: "N", description: "as it was at this revision" },
    ...readArgs,
  },
  async run(args) {
    const client = await dataFrom(args);
    const revision = wholeNumberFrom("--revision", args.revision);
    const { entry: found } = await client.calls.map.get({
      ...groupFrom(args),
      map: args.map,
      key: args.key,
      ...consistencyFrom(args.consistency),
      ...(revision !== undefined && { revision }),
    });
    if (!found) throw absent(args.map, args.key);
    if (args.json) await emitJson(found);
    else await emit(typeof found.value === "string" ? `${found.value}\n` : Buffer.from(found.value.base64, "base64"));
    return EXIT.done;
  },
});

const put = defineCommand({
  about: "set the value of a key; exit code 1 when a condition does not hold",
  examples: [
    "map put config max-connections 1000",
    "map put sessions user:123 - --ttl 30s < session.json",
    "map put config version 1.1 --if-value 1.0",
  ],
  args: {
    map,
    key,
    value: { type: "positional", valueHint: "VALUE", required: true, description: "a text; - is standard input" },
    ttl: { type: "string", valueHint: "TIME", description: "gone after that" },
    lease: { type: "string", valueHint: "N", description: "gone with this lease" },
    ...conditions,
    ...dataArgs,
  },
  async run(args) {
    const client = await dataFrom(args);
    const value = await valueFrom(args.value);
    const expect = conditionFrom(args);
    const where = groupFrom(args);
    const ttlMs = durationFrom("--ttl", args.ttl);
    const lease =
      ttlMs === undefined ? wholeNumberFrom("--lease", args.lease) : await client.grantLease(ttlMs, { ...where });
    const under = lease === undefined ? {} : { lease };
    const target = client.map(args.map, where);
    if (!expect) return changed({ revision: await target.put(args.key, value, under), ...under }, args);
    const reply = await target.cas(args.key, expect, value, under);
    return swapped(reply, args);
  },
});

const cas = defineCommand({
  about: "compare and swap: set a key to NEW if it is OLD; exit code 1 when it is something else",
  examples: ["map cas app-config version 1.0 1.1"],
  args: {
    map,
    key,
    old: { type: "positional", valueHint: "OLD", required: true, description: "the value that it has" },
    new: { type: "positional", valueHint: "NEW", required: true, description: "the value that it gets" },
    ...dataArgs,
  },
  async run(args) {
    const target = (await dataFrom(args)).map(args.map, groupFrom(args));
    return swapped(await target.cas(args.key, { value: args.old }, args.new), args);
  },
});

const remove = defineCommand({
  about: "take a key away, or with --prefix all that begin with it; exit code 1 when a condition does not hold",
  examples: ["map delete config max-connections", "map delete sessions --prefix user:"],
  args: {
    map,
    key: { ...key, required: false },
    prefix: { type: "string", valueHint: "TEXT", description: "all keys that begin with it" },
    ...conditions,
    ...dataArgs,
  },
  async run(args) {
    const client = await dataFrom(args);
    const expect = conditionFrom(args);
    if ((args.key === undefined) === (args.prefix === undefined))
      throw new Failure("usage.key", "one of KEY and --prefix is required");
    if (args.prefix !== undefined) {
      return changed(await client.map(args.map, groupFrom(args)).deletePrefix(args.prefix), args);
    }
    if (expect) return swapped(await client.map(args.map, groupFrom(args)).cas(args.key!, expect, undefined), args);
    const { revision, deleted = 0 } = await client.calls.map.delete({
      ...groupFrom(args),
      map: args.map,
      key: args.key!,
    });
    return changed({ revision, deleted }, args);
  },
});

const compact = defineCommand({
  about: "forget what was before a revision: watches and reads of the past that need it are refused then",
  examples: ["map compact 120000"],
  args: {
    revision: { type: "positional", valueHint: "REVISION", required: true, description: "the first that is kept" },
    ...dataArgs,
  },
  async run(args) {
    const revision = wholeNumberFrom("REVISION", args.revision);
    return changed(await (await dataFrom(args)).calls.map.compact({ ...groupFrom(args), revision }), args);
  },
});

interface ConditionFlags {
  readonly "if-revision"?: string | undefined;
  readonly "if-value"?: string | undefined;
  readonly "if-absent"?: boolean | undefined;
}

function conditionFrom(flags: ConditionFlags) {
  const revision = wholeNumberFrom("--if-revision", flags["if-revision"]);
  const value = flags["if-value"];
  const given = [
    ...(revision === undefined ? [] : [{ revision }]),
    ...(value === undefined ? [] : [{ value }]),
    ...(flags["if-absent"] ? [{ absent: true } as const] : []),
  ];
  if (given.length <= 1) return given[0];
  throw new Failure("usage.condition", "one of --if-revision, --if-value and --if-absent at most is required");
}

interface Shown {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

async function changed(reply: { readonly revision: number; readonly deleted?: number }, { json, quiet }: Shown) {
  if (json) await emitJson(reply);
  else if (!quiet) {
    const deleted = reply.deleted === undefined ? "" : `, ${reply.deleted} deleted`;
    process.stderr.write(`revision ${reply.revision}${deleted}\n`);
  }
  return EXIT.done;
}

type Swap = Awaited<ReturnType<ReturnType<Awaited<ReturnType<typeof dataFrom>>["map"]>["cas"]>>;

async function swapped(reply: Swap, shown: Shown): Promise<number> {
  if (reply.swapped) return changed(reply, shown);
  const { current, revision } = reply;
  if (shown.json) await emitJson({ swapped: false, revision, current: current && toldEntry(current) });
  else {
    const found = current ? `is ${valueText(current.value)}, of revision ${current.revision}` : "is not there";
    process.stderr.write(`not changed: the key ${found}\n`);
  }
  return EXIT.failures;
}

function absent(name: string, wanted: string): Failure {
  return new Failure("data.not_found", `map ${printable(name)} has no key ${JSON.stringify(wanted)}`);
}

export const mapCommands: CommandGroup = {
  about: "maps that are the same for everybody: read, change, watch",
  commands: {
    get: { about: get.about, load: async () => get },
    put: { about: put.about, load: async () => put },
    cas: { about: cas.about, load: async () => cas },
    delete: { about: remove.about, load: async () => remove },
    range: { about: range.about, load: async () => range },
    watch: { about: watch.about, load: async () => watch },
    compact: { about: compact.about, load: async () => compact },
  },
};
