/**
 * Options for three kinds of networks, derived from how large the cluster is expected to be. It may grow beyond that: what
 * depends on its size at work (suspicion, retransmits, the sync interval) is worked out from the members it has.
 */

import type { NodeMeta, Update } from "./messages.ts";
import type { SwimOptions } from "./options.ts";

/** Most clusters are smaller; bounds are a multiple of it. */
const MEMBERS_EXPECTED = 128;

/** One data centre: a round trip is below 10 ms, a busy process answers within half a second. */
export function lanOptions(membersExpected = MEMBERS_EXPECTED): SwimOptions {
  return {
    // One probe a second costs a node two datagrams a second and finds a crash after one to two seconds.
    probeIntervalMs: 1_000,
    // Garbage collection and a lost ARP reply fit in; half of the period is left for the others.
    probeTimeoutMs: 500,
    // At 5 % loss each way three helpers fail together once in 6,000 (SWIM's own choice).
    indirectProbes: 3,
    // 4 · log10(n) periods are several rounds of gossip there and back: a refutation has time to spread.
    suspicionMult: 4,
    // Six times as long for one who suspects alone: most likely it is itself that is slow (Lifeguard).
    suspicionMaxMult: 6,
    // With two others who agree, the fault is hardly with the first one.
    confirmations: 2,
    // About twice the confirmations wanted, because some of those chosen by lot are slow or hear of it late.
    verifiers: 4,
    // Time-outs grow to nine times: a node starved for a few seconds at a time harms nobody.
    healthMax: 8,
    // Five rounds a second to three members reach a thousand in two seconds.
    gossipIntervalMs: 200,
    gossipFanout: 3,
    // As long as a suspicion without confirmations lasts.
    gossipToDeadMs: 30_000,
    // Each member sends each piece of news 3 · ln(n + 1) times: then about one in n² pieces misses somebody.
    retransmitMult: 3,
    // 1,400 bytes fit the smallest usual MTU with seal and headers; what the message itself needs is left free.
    gossipBytesMax: 1_100,
    sizeOf: sizeOfUpdate,
    // Each member has at most one piece of news waiting, so only a storm about more than the usual number drops any.
    queueMax: Math.max(1_024, 4 * membersExpected),
    // Gossip has long reached everybody; this mends what it has missed. Equal views cost two small messages.
    syncIntervalMs: 30_000,
    // A seed that is just starting answers soon; one that is down is not asked more than twice a minute.
    joinRetryMs: 500,
    joinRetryMsMax: 30_000,
    // A healed partition is found within seconds, and a dead host is asked six times a minute by the whole cluster.
    reconnectIntervalMs: 10_000,
    // A host that is back after a day's repair is found; later it joins by its seeds.
    reclaimMs: 24 * 3_600_000,
    // A partition in the middle of the largest cluster leaves half of it to remember.
    rememberedMax: Math.max(512, 2 * membersExpected),
    // Room for eight times the cluster before a stranger can fill the memory: about 1 KB each.
    membersMax: Math.max(2_048, 8 * membersExpected),
    // Ten gossip rounds.
    leaveSpreadMs: 2_000,
  };
}

/** Between data centres: round trips of some 100 ms, loss in bursts. All is slower, nothing is asked less often of others. */
export function wanOptions(membersExpected = MEMBERS_EXPECTED): SwimOptions {
  return {
    ...lanOptions(membersExpected),
    // Round trips of up to 300 ms, twice there and back through a helper, and a lost datagram in between.
    probeIntervalMs: 5_000,
    probeTimeoutMs: 3_000,
    // Six periods rather than four: bursts of loss last seconds.
    suspicionMult: 6,
    // Fewer rounds, each to more members: a round trip takes longer than a LAN's round.
    gossipIntervalMs: 500,
    gossipFanout: 4,
    gossipToDeadMs: 60_000,
    syncIntervalMs: 60_000,
    joinRetryMs: 2_000,
    joinRetryMsMax: 60_000,
    reconnectIntervalMs: 30_000,
    // Ten gossip rounds, as in a LAN.
    leaveSpreadMs: 5_000,
  };
}

/** Processes of one machine: nothing gets lost, but a process may wait long for a processor. */
export function localOptions(membersExpected = MEMBERS_EXPECTED): SwimOptions {
  return {
    ...lanOptions(membersExpected),
    // Somebody probes a killed process after 0.3 s in the middle; 0.4 s later it is suspect. α · log10(16) periods more are
    // 1.9 s: dead everywhere after 2.7 s in the middle and 4.1 s once in a hundred, and time to refute for one that is starved.
    probeIntervalMs: 400,
    // Far above the round trip of 0.1 ms; it is the processor that is waited for.
    probeTimeoutMs: 200,
    // Without confirmations 5.8 s: of 16 nearly always two confirm within a second.
    suspicionMaxMult: 3,
    gossipIntervalMs: 100,
    gossipToDeadMs: 10_000,
    syncIntervalMs: 10_000,
    joinRetryMs: 100,
    joinRetryMsMax: 2_000,
    reconnectIntervalMs: 2_000,
    // Ports are used again by others here: a day is too long.
    reclaimMs: 3_600_000,
    leaveSpreadMs: 500,
  };
}

/** Length words, numbers and keys of an update in a compact encoding, without its texts. */
const UPDATE_OVERHEAD_BYTES = 40;
const NUMBER_BYTES = 9;

/** An estimate for those who encode nothing: close to msgpack's compact arrays, and never below them for ASCII. */
export function sizeOfUpdate({ by, member }: Update): number {
  return UPDATE_OVERHEAD_BYTES + by.length + member.id.length + member.address.host.length + sizeOfMeta(member.meta);
}

function sizeOfMeta({ capacities, labels, name, roles }: NodeMeta): number {
  let size = name.length;
  for (const role of roles) size += role.length + 1;
  for (const key in capacities) size += key.length + 1 + NUMBER_BYTES;
  for (const key in labels) size += key.length + labels[key]!.length + 2;
  return size;
}
