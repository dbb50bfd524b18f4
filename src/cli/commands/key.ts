/** `key list|add|use|remove`: replaces the key of a running cluster, step by step. */
import type { ArgsDef } from "citty";
import type { KeyListing, KeyPlace } from "../../app/secrets/change-keys.ts";
import { printable } from "../../base/printable.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

const place = {
  type: "positional",
  valueHint: "DIR|FILE",
  required: false,
  description: "a directory made by init, or a key file (default: what nodes use that are started with the same flags)",
} as const;
const id = {
  type: "positional",
  valueHint: "ID",
  required: false,
  description: "which key, as list shows it (default: the second)",
} as const;
/** As nodes have them; the environment's DISTRIBUTED_SYSTEM_SECRETS and DISTRIBUTED_SYSTEM_DATA_DIR too. */
const shared = {
  secrets: nodeArgs.secrets,
  "data-dir": commonArgs["data-dir"],
  json: commonArgs.json,
} as const satisfies ArgsDef;

const EVERYWHERE = "Copy the file to every node; running nodes take it over within seconds.";

const list = defineCommand({
  about: "show the ids of the keys, never the keys",
  examples: ["key list secrets", "key list --json", "key list --data-dir /var/lib/distributed_system"],
  args: { place, ...shared },
  async run(args) {
    const keys = await import("../../app/secrets/change-keys.ts");
    const listing = keys.listKeys(keys.keyFileAt(placeFrom(args)));
    if (!args.json) process.stderr.write(`${printable(listing.file)}:\n`);
    return show(listing, args.json);
  },
});

const add = defineCommand({
  about: "step 1: add a second key, which is believed and signs nothing yet",
  examples: ["key add secrets"],
  args: { place, ...shared },
  async run(args) {
    const keys = await import("../../app/secrets/change-keys.ts");
    const listing = await keys.addKey(keys.keyFileAt(placeFrom(args)));
    return show(listing, args.json, `${EVERYWHERE} Then: key use`);
  },
});

const use = defineCommand({
  about: "step 2: let the second key sign; the first one is still believed",
  examples: ["key use secrets", "key use secrets 3f9a01bc", "key use 3f9a01bc"],
  args: { place, id, ...shared },
  async run(args) {
    const keys = await import("../../app/secrets/change-keys.ts");
    const { file, id: chosen } = keys.keyChoice({ ...placeFrom(args), id: args.id });
    const listing = await keys.useKey(file, chosen);
    return show(listing, args.json, `${EVERYWHERE} Then: key remove`);
  },
});

const remove = defineCommand({
  about: "step 3: remove the key that no longer signs",
  examples: ["key remove secrets", "key remove secrets 3f9a01bc"],
  args: { place, id, ...shared },
  async run(args) {
    const keys = await import("../../app/secrets/change-keys.ts");
    const { file, id: chosen } = keys.keyChoice({ ...placeFrom(args), id: args.id });
    const listing = await keys.removeKey(file, chosen);
    return show(listing, args.json, EVERYWHERE);
  },
});

function placeFrom({
  place: typed,
  secrets,
  "data-dir": dataDir,
}: Pick<KeyPlace, "place" | "secrets"> & { readonly "data-dir"?: string | undefined }): KeyPlace {
  return { place: typed, secrets, dataDir };
}

async function show(listing: KeyListing, asJson: boolean | undefined, next?: string): Promise<number> {
  if (asJson) {
    await emitJson(listing);
    return EXIT.done;
  }
  await emit(listing.keys.map((key) => `${key.id}  ${key.does}\n`).join(""));
  if (next) process.stderr.write(`${printable(listing.file)} is changed. ${next}\n`);
  return EXIT.done;
}

export const key: CommandGroup = {
  about: "replace the cluster key while the cluster runs: add, use, remove, each time copied to every node",
  commands: {
    list: { about: list.about, load: async () => list },
    add: { about: add.about, load: async () => add },
    use: { about: use.about, load: async () => use },
    remove: { about: remove.about, load: async () => remove },
  },
};
