/** `lock acquire|keep|release|show|list`: locks with fencing tokens, around a command or by hand. */
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import {
  consistencyFrom,
  type DataFlags,
  dataArgs,
  dataFrom,
  durationFrom,
  groupFrom,
  readArgs,
  wholeNumberFrom,
} from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { locksTable, lockText } from "../view/lock.ts";

const lock = { type: "positional", valueHint: "NAME", required: true, description: "the lock's name" } as const;
const holder = {
  type: "string",
  valueHint: "ID",
  description: "who, unique (default: user, host, process; the token is enough to keep and release)",
} as const;

const acquire = defineCommand({
  about:
    "take a lock: around a command, which is killed when the lock is lost and ends with all that it has started, or by hand, then it prints the token; exit code 1 when somebody else has it",
  examples: [
    "lock acquire nightly --wait 10m -- ./backup.sh --full",
    "lock acquire deploy --ttl 5m --json",
    "lock acquire deploy -- sh -c 'echo \"token $DISTRIBUTED_SYSTEM_LOCK_TOKEN\"'",
  ],
  args: {
    lock,
    wait: { type: "string", valueHint: "TIME", default: "0s", description: "wait so long for it" },
    ttl: { type: "string", valueHint: "TIME", default: "30s", description: "gone after that unless it is kept" },
    holder,
    ...dataArgs,
  },
  takesCommand: true,
  async run(args, words) {
    const client = await dataFrom(args);
    const waitMs = durationFrom("--wait", args.wait);
    const ttlMs = durationFrom("--ttl", args.ttl);
    const named = { holder: args.holder ?? (await ownName()) };
    const target = client.lock(args.lock, groupFrom(args));
    if (words.length > 0) {
      const { runUnderLock } = await import("./lock-command.ts");
      return runUnderLock(target, { waitMs, ttlMs, ...named }, words);
    }
    const { holder: who, token } = await target.grab({ waitMs, ttlMs, ...named });
    if (args.json) await emitJson({ lock: args.lock, holder: who, token, ttlMs });
    else {
      await emit(`${token}\n`);
      if (!args.quiet) {
        const next = `lock keep ${printable(args.lock)} ${token} keeps it, lock release ${printable(args.lock)} ${token} gives it back`;
        process.stderr.write(`held for ${args.ttl}: ${next}\n`);
      }
    }
    return EXIT.done;
  },
});

const token = {
  type: "positional",
  valueHint: "TOKEN",
  required: true,
  description: "as acquire has printed it",
} as const;

const keep = defineCommand({
  about: "the lock's whole time again, from now on; exit code 1 when it is lost",
  examples: ["lock keep deploy 4711"],
  args: { lock, token, holder, ...dataArgs },
  async run(args) {
    return settle("keep", args);
  },
});

const release = defineCommand({
  about: "give a lock to the next one; exit code 1 when it is not held under this token",
  examples: ["lock release deploy 4711"],
  args: { lock, token, holder, ...dataArgs },
  async run(args) {
    return settle("release", args);
  },
});

const show = defineCommand({
  about: "show who holds a lock and who waits for it; exit code 66 when nobody holds it",
  examples: ["lock show deploy --json"],
  args: { lock, ...readArgs },
  async run(args) {
    const client = await dataFrom(args);
    const query = { ...groupFrom(args), lock: args.lock, ...consistencyFrom(args.consistency) };
    const { lock: found } = await client.calls.lock.show(query);
    if (!found) throw new Failure("data.not_found", `lock ${JSON.stringify(args.lock)} is held by nobody`);
    if (args.json) await emitJson(found);
    else await emit(`${lockText(found)}\n`);
    return EXIT.done;
  },
});

const list = defineCommand({
  about: "list the locks that are held",
  examples: ["lock list", "lock list --json"],
  args: readArgs,
  async run(args) {
    const client = await dataFrom(args);
    const query = { ...groupFrom(args), ...consistencyFrom(args.consistency) };
    const { locks, more } = await client.calls.lock.list(query);
    if (args.json) await emitJson({ locks, more });
    else await emit(locks.length > 0 ? `${locksTable(locks)}\n` : "no locks are held\n");
    if (more && !args.json) process.stderr.write(`the first ${locks.length}; there are more\n`);
    return EXIT.done;
  },
});

/** For people who look who has a lock; unique, so that nobody takes it for another one's. */
async function ownName(): Promise<string> {
  const { hostname, userInfo } = await import("node:os");
  const { newId } = await import("../../app/data/connect-data.ts");
  return `${userInfo().username}@${hostname()}:${process.pid}:${newId().slice(0, 8)}`.slice(-HOLDER_CHARS_MAX);
}

/** As the contract takes them. */
const HOLDER_CHARS_MAX = 200;

interface SettleArgs extends DataFlags {
  readonly lock: string;
  readonly token: string;
  readonly holder?: string | undefined;
}

/** Whoever knows the token may act for its holder. */
async function settle(word: "keep" | "release", args: SettleArgs): Promise<number> {
  const client = await dataFrom(args);
  const held = wholeNumberFrom("TOKEN", args.token);
  const where = { ...groupFrom(args), lock: args.lock };
  const found = args.holder === undefined ? (await client.calls.lock.show(where)).lock : undefined;
  const who = args.holder ?? (found?.token === held ? found.holder : undefined);
  const reply = who === undefined ? undefined : await client.calls.lock[word]({ ...where, holder: who, token: held });
  const isDone = reply?.state === "held" || reply?.state === "released";
  if (args.json) await emitJson({ lock: args.lock, token: held, state: reply?.state ?? "unknown" });
  else if (!isDone) process.stderr.write(`lock ${printable(args.lock)} is not held under token ${held}\n`);
  else if (!args.quiet) process.stderr.write(`${word === "keep" ? "kept" : "released"}: ${printable(args.lock)}\n`);
  return isDone ? EXIT.done : EXIT.failures;
}

export const lockCommands: CommandGroup = {
  about: "locks with fencing tokens: around a command, or by hand",
  commands: {
    acquire: { about: acquire.about, load: async () => acquire },
    keep: { about: keep.about, load: async () => keep },
    release: { about: release.about, load: async () => release },
    show: { about: show.about, load: async () => show },
    list: { about: list.about, load: async () => list },
  },
};
