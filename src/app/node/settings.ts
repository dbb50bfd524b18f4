/** What a node is started with, from words as they are typed to checked values. All faults are told at once. */
import {
  ADDRESS_FORM,
  type Address,
  formatAddress,
  PORT_FORM,
  parseAddress,
  parseHost,
  parsePort,
} from "../../base/address.ts";
import { Failure } from "../../base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../../base/units.ts";
import { isLoopback } from "../secrets/loopback.ts";

const PRESETS = ["local", "lan", "wan"] as const;
export type Preset = (typeof PRESETS)[number];

const SPLIT_BRAIN_STRATEGIES = ["off", "keep-majority", "static-quorum", "keep-oldest", "down-all"] as const;
export type SplitBrainStrategy = (typeof SPLIT_BRAIN_STRATEGIES)[number];

export interface SplitBrainSettings {
  readonly strategy: SplitBrainStrategy;
  readonly stableAfterMs: number;
  /** Of static-quorum. */
  readonly quorumSize: number | undefined;
}

export interface NodeSettings {
  readonly id: string;
  readonly name: string;
  /** Where it listens; port 0 takes one that is free. */
  readonly host: string;
  readonly port: number;
  /** Where others reach it, when that is somewhere else. */
  readonly advertise: Address | undefined;
  readonly seeds: readonly string[];
  readonly roles: readonly string[];
  readonly capacities: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly preset: Preset;
  /** About how many nodes there will be: waits are as long as so many need. */
  readonly clusterSize: number | undefined;
  readonly splitBrain: SplitBrainSettings;
  /** Where `init` put keys and certificates. */
  readonly secrets: string | undefined;
  readonly dataDir: string | undefined;
}

/** As typed; what is left out gets its default. */
export interface NodeWords {
  readonly name: string;
  readonly nodeId?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly advertise?: string | undefined;
  /** Each `host:port`, or several with commas between. */
  readonly seeds?: readonly string[] | undefined;
  readonly roles?: readonly string[] | undefined;
  /** Each `name=number`. */
  readonly capacities?: readonly string[] | undefined;
  /** Each `name=text`. */
  readonly labels?: readonly string[] | undefined;
  readonly preset?: string | undefined;
  readonly clusterSize?: string | undefined;
  readonly splitBrain?: string | undefined;
  readonly stableAfter?: string | undefined;
  readonly quorumSize?: string | undefined;
  readonly secrets?: string | undefined;
  readonly dataDir?: string | undefined;
}

const HOST_DEFAULT = "127.0.0.1";
/** Pekko's default: longer than any pause that is no partition, short enough to go on the same minute. */
const STABLE_AFTER_DEFAULT = "20s";

/** As the protocols bound it; a name stands in file names, URLs and tables as it is. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const NAME_FORM = "1 to 64 letters, digits and . _ @ - are required, the first a letter or digit";
/** Announced with every change of the node, so they have to stay small. */
const LIST_MAX = 16;
const TEXT_CHARS_MAX = 128;

export function readSettings(words: NodeWords): NodeSettings {
  const faults: string[] = [];
  const read = new Reader(faults);
  const { name } = words;
  const settings: NodeSettings = {
    name: read.name("name", name),
    id: words.nodeId === undefined ? name : read.name("node-id", words.nodeId),
    host: read.host(words.host ?? HOST_DEFAULT),
    port: read.port(words.port ?? "0"),
    advertise: words.advertise === undefined ? undefined : read.address("advertise", words.advertise),
    seeds: (words.seeds ?? [])
      .flatMap((each) => each.split(","))
      .map((each) => formatAddress(read.address("seeds", each))),
    roles: read.few("role", words.roles ?? []).map((each) => read.name("role", each)),
    capacities: Object.fromEntries(
      read.pairs("capacity", words.capacities ?? []).map(([key, value]) => [key, read.number(key, value)]),
    ),
    labels: Object.fromEntries(read.pairs("label", words.labels ?? [])),
    preset: read.choice("preset", words.preset ?? presetFor(words.host ?? HOST_DEFAULT), PRESETS),
    clusterSize: words.clusterSize === undefined ? undefined : read.whole("cluster-size", words.clusterSize),
    splitBrain: readSplitBrain(words, read),
    secrets: words.secrets,
    dataDir: words.dataDir,
  };
  if (faults.length > 0) throw new Failure("usage.node", faults.join("\n"), { data: { faults } });
  return settings;
}

function readSplitBrain({ splitBrain, stableAfter, quorumSize }: NodeWords, read: Reader): SplitBrainSettings {
  const strategy = read.choice("split-brain", splitBrain ?? "off", SPLIT_BRAIN_STRATEGIES);
  const isQuorum = strategy === "static-quorum";
  if (isQuorum !== (quorumSize !== undefined)) {
    read.fault(
      isQuorum ? "split-brain static-quorum needs --quorum-size" : "--quorum-size is for --split-brain static-quorum",
    );
  }
  return {
    strategy,
    stableAfterMs: read.duration("stable-after", stableAfter ?? STABLE_AFTER_DEFAULT),
    quorumSize: quorumSize === undefined ? undefined : read.whole("quorum-size", quorumSize),
  };
}

/** Between processes of one machine nothing is slow but the processes themselves. */
function presetFor(host: string): Preset {
  return isLoopback(host) ? "local" : "lan";
}

/** Each reads one kind of value, notes what is wrong with it, and gives something of the type to go on with. */
class Reader {
  readonly #faults: string[];

  constructor(faults: string[]) {
    this.#faults = faults;
  }

  fault(text: string): void {
    this.#faults.push(text);
  }

  name(what: string, text: string): string {
    if (!NAME.test(text)) this.#wrong(what, text, NAME_FORM);
    return text;
  }

  host(text: string): string {
    return (
      parseHost(text) ?? this.#wrong("host", text, "a name or address of this machine is required") ?? HOST_DEFAULT
    );
  }

  port(text: string): number {
    return parsePort(text) ?? this.#wrong("port", text, `${PORT_FORM} is required`) ?? 0;
  }

  address(what: string, text: string): Address {
    const address = parseAddress(text.trim());
    if (address && address.port > 0) return address;
    this.#wrong(what, text, `${ADDRESS_FORM} is required`);
    return { host: HOST_DEFAULT, port: 1 };
  }

  duration(what: string, text: string): number {
    return parseDurationMs(text) ?? this.#wrong(what, text, `${DURATION_FORM} is required`) ?? 0;
  }

  whole(what: string, text: string): number {
    if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
    return this.#wrong(what, text, "a whole number above 0 is required") ?? 1;
  }

  number(what: string, text: string): number {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value)) return value;
    return this.#wrong(`capacity ${what}`, text, "a number is required") ?? 0;
  }

  choice<T extends string>(what: string, text: string, allowed: readonly T[]): T {
    const found = allowed.find((each) => each === text);
    return found ?? this.#wrong(what, text, `one of ${allowed.join(", ")} is required`) ?? allowed[0]!;
  }

  few<T>(what: string, list: readonly T[]): readonly T[] {
    if (list.length > LIST_MAX) this.fault(`--${what} is given ${list.length} times; at most ${LIST_MAX} are allowed`);
    return list;
  }

  pairs(what: string, list: readonly string[]): readonly (readonly [string, string])[] {
    return this.few(what, list).flatMap((text) => {
      const [, key, value] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
      if (key !== undefined && value !== undefined && NAME.test(key) && value.length <= TEXT_CHARS_MAX) {
        return [[key, value] as const];
      }
      this.#wrong(what, text, `NAME=VALUE is required, the value of at most ${TEXT_CHARS_MAX} characters`);
      return [];
    });
  }

  #wrong(what: string, text: string, required: string): undefined {
    this.fault(`${what} is ${JSON.stringify(text.slice(0, TEXT_CHARS_MAX))}; ${required}`);
    return undefined;
  }
}
