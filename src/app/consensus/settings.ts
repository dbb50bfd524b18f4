/** How a master's groups are set up, from words as they are typed. All faults are told at once. Pure. */
import { formatAddress } from "../../base/address.ts";
import { Failure } from "../../base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../../base/units.ts";
import { COMMAND_BYTES_MAX } from "../../data/words/index.ts";
import { type RaftOptions, raftOptions, validateRaft } from "../../protocol/raft/index.ts";
import { type NamedMaster, parseMasters } from "./masters-list.ts";

export interface ConsensusWords {
  readonly masters?: string | undefined;
  readonly standby?: boolean | undefined;
  readonly groups?: string | undefined;
  readonly durability?: string | undefined;
  readonly electionTimeout?: string | undefined;
  readonly heartbeat?: string | undefined;
}

export interface ConsensusSettings {
  readonly masters: readonly NamedMaster[] | undefined;
  readonly isStandby: boolean;
  readonly groups: readonly string[];
  readonly durability: "fsync" | "relaxed";
  readonly raft: RaftOptions;
}

/** Each group has a log, heart-beats and elections of its own. */
const GROUPS_MAX = 16;
/** It names a directory, and stands in commands. */
const GROUP = /^[a-z0-9][a-z0-9._-]{0,31}$/;
/** A command, its clock and its marks. */
const ENTRY_BYTES_MAX = COMMAND_BYTES_MAX + 64 * 1024;

/** Where the masters' own state is, and what is asked for without a group's name. */
export const MAIN_GROUP = "main";

/** The other masters are where a node finds its cluster, too. */
export function seedsWith<Settings extends { readonly seeds: readonly string[] }>(
  settings: Settings,
  { masters = [] }: Pick<ConsensusSettings, "masters">,
): Settings {
  return { ...settings, seeds: [...settings.seeds, ...masters.map(({ address }) => formatAddress(address))] };
}

/** Fails with `usage.masters`. */
export function consensusSettings(words: ConsensusWords): ConsensusSettings {
  const faults: string[] = [];
  const masters = words.masters === undefined ? undefined : parseMasters(words.masters);
  const isStandby = words.standby ?? false;
  if (isStandby && masters)
    faults.push("--standby waits to be added by somebody, and --masters begins a group: one of them is required");
  const raft = raftOptions({ entryBytesMax: ENTRY_BYTES_MAX, ...timesOf(words, faults) });
  for (const { message, path } of validateRaft(raft)) faults.push(`${path}: ${message}`);
  const groups = groupsOf(words.groups, faults);
  const durability = words.durability ?? "fsync";
  if (durability !== "fsync" && durability !== "relaxed") {
    faults.push(`--durability is ${JSON.stringify(durability)}; fsync or relaxed is required`);
  }
  if (faults.length > 0) throw new Failure("usage.masters", faults.join("; "));
  return { masters, isStandby, groups, durability: durability === "relaxed" ? "relaxed" : "fsync", raft };
}

function groupsOf(text: string | undefined, faults: string[]): readonly string[] {
  const names = [...new Set((text ?? "").split(",").map((each) => each.trim()))].filter((each) => each !== "");
  for (const name of names) {
    if (!GROUP.test(name)) {
      faults.push(`--groups names ${JSON.stringify(name)}; 1 to 32 small letters, digits and . _ - are required`);
    }
  }
  if (names.length > GROUPS_MAX) faults.push(`--groups names ${names.length}; at most ${GROUPS_MAX} are allowed`);
  return names.filter((name) => name !== MAIN_GROUP);
}

/** `150ms..300ms`, or one time: then up to twice as much. */
function timesOf({ electionTimeout, heartbeat }: ConsensusWords, faults: string[]): Partial<RaftOptions> {
  const times: { electionMinMs?: number; electionMaxMs?: number; heartbeatMs?: number } = {};
  if (electionTimeout !== undefined) {
    const [least, most] = electionTimeout.split("..").map((each) => parseDurationMs(each));
    if (least === undefined || (electionTimeout.includes("..") && most === undefined)) {
      faults.push(
        `--election-timeout is ${JSON.stringify(electionTimeout)}; ${DURATION_FORM}, or two with .. between, is required`,
      );
    } else Object.assign(times, { electionMinMs: least, electionMaxMs: most ?? 2 * least });
  }
  if (heartbeat !== undefined) {
    const ms = parseDurationMs(heartbeat);
    if (ms === undefined) faults.push(`--heartbeat is ${JSON.stringify(heartbeat)}; ${DURATION_FORM} is required`);
    else times.heartbeatMs = ms;
  }
  return times;
}
