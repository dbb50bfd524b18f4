/** What the machine can be told, its bounds, and the check of it: all faults at once, in words. */
import { Failure } from "../../base/errors.ts";
import type { Address, Member, NodeMeta, Update } from "./messages.ts";

/** Ids are names that people type and that ride on every message. */
export const ID_LENGTH_MAX = 64;
/** A host name's own bound (RFC 1035). */
export const HOST_LENGTH_MAX = 255;
/** Far more refutations than a life has; claims above it are made up. A node that is driven there starts a new life. */
export const INCARNATION_MAX = 2 ** 31;
/** The last day that a Date can name: births after it are made up. */
export const BORN_MS_MAX = 8.64e15;

/** What a node says of itself. */
export interface SelfDescription {
  readonly id: string;
  readonly address: Address;
  readonly bornMs: number;
  readonly meta: NodeMeta;
}

export interface SwimOptions {
  /** The protocol period: each begins with a probe of one member. */
  readonly probeIntervalMs: number;
  /** An answer later than this makes others try too. Above the round trip of nearly all pings, below the interval. */
  readonly probeTimeoutMs: number;
  /** Others who are asked to probe one who does not answer. */
  readonly indirectProbes: number;
  /** α: a suspect has α · log10(n) periods to refute when enough others confirm. */
  readonly suspicionMult: number;
  /** β: β times as long when nobody confirms. */
  readonly suspicionMaxMult: number;
  /** Confirmations of others that shorten a suspicion to its least. */
  readonly confirmations: number;
  /** How many members, on average, probe a suspect out of turn when they hear of it. */
  readonly verifiers: number;
  /** The worst score of local health; time-outs grow to one more than that many times. 0 switches local health off. */
  readonly healthMax: number;
  readonly gossipIntervalMs: number;
  /** Members told in each gossip interval. */
  readonly gossipFanout: number;
  /** Those who died this recently are told as well, so that they can refute. */
  readonly gossipToDeadMs: number;
  /** λ: each piece of news is sent ⌈λ · ln(n + 1)⌉ times by each member. */
  readonly retransmitMult: number;
  /** Bytes of gossip on one message, by `sizeOf`. */
  readonly gossipBytesMax: number;
  readonly sizeOf: (update: Update) => number;
  /** News waiting to be sent. Beyond it what was sent most often is dropped; anti-entropy carries it then. */
  readonly queueMax: number;
  /** Between two comparisons with a random member; grows with the cluster above 32 members. */
  readonly syncIntervalMs: number;
  /** First delay before seeds are tried again; it doubles up to `joinRetryMsMax`. */
  readonly joinRetryMs: number;
  readonly joinRetryMsMax: number;
  /** Between two tries to reach one who is dead, or a seed nobody of which is known. */
  readonly reconnectIntervalMs: number;
  /** How long the dead are remembered. */
  readonly reclaimMs: number;
  /** Dead ones remembered; beyond it those who died first are forgotten. */
  readonly rememberedMax: number;
  /** Members known, the dead included. More are refused. */
  readonly membersMax: number;
  /** How long one who leaves spreads it before it falls silent. */
  readonly leaveSpreadMs: number;
}

export interface OptionFault {
  readonly path: string;
  readonly message: string;
}

type Check = readonly [keyof SwimOptions, (value: number) => boolean, string];

const above = (least: number) => (value: number) => Number.isFinite(value) && value > least;
const count = (least: number) => (value: number) => Number.isSafeInteger(value) && value >= least;

const TIME = "milliseconds above 0 are required";
const CHECKS: readonly Check[] = [
  ["probeIntervalMs", above(0), TIME],
  ["probeTimeoutMs", above(0), TIME],
  ["indirectProbes", count(0), "a whole number from 0 is required"],
  ["suspicionMult", above(0), "a number above 0 is required"],
  ["suspicionMaxMult", (value) => Number.isFinite(value) && value >= 1, "a number from 1 is required"],
  ["confirmations", count(0), "a whole number from 0 is required"],
  ["verifiers", (value) => Number.isFinite(value) && value >= 0, "a number from 0 is required"],
  ["healthMax", count(0), "a whole number from 0 is required"],
  ["gossipIntervalMs", above(0), TIME],
  ["gossipFanout", count(1), "a whole number from 1 is required"],
  ["gossipToDeadMs", (value) => Number.isFinite(value) && value >= 0, "milliseconds from 0 are required"],
  ["retransmitMult", above(0), "a number above 0 is required"],
  ["gossipBytesMax", count(1), "a whole number of bytes from 1 is required"],
  ["queueMax", count(1), "a whole number from 1 is required"],
  ["syncIntervalMs", above(0), TIME],
  ["joinRetryMs", above(0), TIME],
  ["joinRetryMsMax", above(0), TIME],
  ["reconnectIntervalMs", above(0), TIME],
  ["reclaimMs", above(0), TIME],
  ["rememberedMax", count(0), "a whole number from 0 is required"],
  ["membersMax", count(2), "a whole number from 2 is required"],
  ["leaveSpreadMs", (value) => Number.isFinite(value) && value >= 0, "milliseconds from 0 are required"],
];

/** Everything that is wrong with these options; nothing when a machine can be made of them. */
export function validateSwim(options: SwimOptions): readonly OptionFault[] {
  const faults: OptionFault[] = [];
  for (const [path, isRight, demand] of CHECKS) {
    const value = options[path];
    if (typeof value !== "number" || !isRight(value)) faults.push({ path, message: `${String(value)}, ${demand}` });
  }
  const { joinRetryMs, joinRetryMsMax, probeIntervalMs, probeTimeoutMs } = options;
  if (probeTimeoutMs >= probeIntervalMs)
    faults.push({ path: "probeTimeoutMs", message: `${probeTimeoutMs}, less than probeIntervalMs is required` });
  if (joinRetryMsMax < joinRetryMs)
    faults.push({ path: "joinRetryMsMax", message: `${joinRetryMsMax}, at least joinRetryMs is required` });
  if (typeof options.sizeOf !== "function") faults.push({ path: "sizeOf", message: "a function is required" });
  return faults;
}

export function assertValidSwim(options: SwimOptions): void {
  const faults = validateSwim(options);
  if (faults.length === 0) return;
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new Failure("swim.invalid_options", `cannot start the membership protocol: ${text}`, { data: { faults } });
}

/** Ids that messages may name. */
export function isId(id: string): boolean {
  return id.length > 0 && id.length <= ID_LENGTH_MAX;
}

export function isAddress({ host, port }: Address): boolean {
  return host.length > 0 && host.length <= HOST_LENGTH_MAX && Number.isInteger(port) && port > 0 && port <= 65_535;
}

/** What is said of this node, its suspicion too, must fit on a message: otherwise nobody could hear of it. */
export function assertFitsGossip(member: Member, { gossipBytesMax, sizeOf }: SwimOptions): void {
  const bytes = sizeOf({ member, by: "x".repeat(ID_LENGTH_MAX) });
  if (bytes <= gossipBytesMax) return;
  const text = `cannot tell the others of ${member.id}: ${bytes} bytes with its metadata, at most ${gossipBytesMax} are required`;
  throw new Failure("swim.metadata_too_large", text);
}

export function assertValidSelf({ address, bornMs, id }: SelfDescription): void {
  const fault = !isId(id)
    ? `id ${JSON.stringify(id)}, 1 to ${ID_LENGTH_MAX} characters are required`
    : !isAddress(address)
      ? `address ${address.host}:${address.port}, a host and a port from 1 to 65535 are required`
      : !Number.isSafeInteger(bornMs) || bornMs < 0 || bornMs > BORN_MS_MAX
        ? `bornMs ${bornMs}, whole milliseconds since the epoch are required`
        : undefined;
  if (fault !== undefined) throw new Failure("swim.invalid_self", `cannot start the membership protocol: ${fault}`);
}
