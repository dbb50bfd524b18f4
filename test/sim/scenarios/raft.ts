/**
 * Scenarios of Raft on 3 to 7 nodes: `raft` with every fault of machines and networks, `raft-lease` with clocks that drift as much as
 * the lease's margin allows, `raft-membership` with members that come and go, `raft-damage` with logs of a minority that rot.
 */
import { type AnyScenario, defineScenario } from "../run/index.ts";
import type { FaultMix } from "../world/index.ts";
import { BUG_WORDS } from "./raft-bugs.ts";
import { RaftCast, type RaftProfile } from "./raft-cast.ts";
import type { RaftWire } from "./raft-wire.ts";

const FAULTS_MS = 6_000;
const CONVERGE_MS = 15_000;
const CHECK_EVERY_MS = 1_000;

const MIX: FaultMix = {
  kinds: {
    weather: { everyMs: 2_000, forMs: 1_500 },
    split: { everyMs: 1_500, forMs: 700 },
    clog: { everyMs: 2_000, forMs: 400 },
    pause: { everyMs: 1_500, forMs: 400 },
    slow: { everyMs: 4_000, forMs: 800 },
    kill: { everyMs: 700, forMs: 500 },
    drift: { everyMs: 3_000, forMs: 3_000 },
    jump: { everyMs: 5_000, forMs: 0 },
  },
  acts: {
    burst: { everyMs: 250, forMs: 0 },
    transfer: { everyMs: 1_200, forMs: 0 },
    blackout: { everyMs: 4_000, forMs: 500 },
    isolate: { everyMs: 2_500, forMs: 500 },
    stall: { everyMs: 2_500, forMs: 300 },
  },
  driftMax: 0.05,
  lossMax: 0.3,
  delayMsMax: 40,
};

const PROFILE: RaftProfile = {
  mix: { ...MIX, killedForGood: 0.05 },
  changesMembers: false,
  leaseReads: 0.3,
  reads: [0.2, 0.5],
  brokenSnapshots: 0,
  losesForGood: true,
  thinkMs: 30,
  isHasty: false,
};

/**
 * By how much clocks may differ: a lease of three quarters holds while the slowest clock is at least three quarters as fast as the
 * fastest one, and (1 - 0.14) / (1 + 0.14) is just above that.
 */
const LEASE_DRIFT_MAX = 0.14;

export const raftScenario = scenario({
  name: "raft",
  summary:
    "3 to 7 nodes, all faults: one leader a term, one history, nothing acknowledged is lost, reads are never stale",
  bugs: BUG_WORDS.safety,
  profile: PROFILE,
});

export const raftLeaseScenario = scenario({
  name: "raft-lease",
  summary: "reads by the leader's lease while clocks drift up to its margin, and nodes pause, restart and hand over",
  bugs: BUG_WORDS.lease,
  profile: {
    ...PROFILE,
    leaseReads: 1,
    // Where hardly anybody writes, one who has not heard the leader for a while can still be elected.
    reads: [0.5, 0.9, 0.97],
    thinkMs: 10,
    isHasty: true,
    mix: {
      ...MIX,
      kinds: { ...MIX.kinds, drift: { everyMs: 1_000, forMs: 1_000 } },
      acts: {
        ...MIX.acts,
        isolate: { everyMs: 700, forMs: 300 },
        stall: { everyMs: 700, forMs: 250 },
        handover: { everyMs: 700, forMs: 300 },
        deafen: { everyMs: 700, forMs: 300 },
        skew: { everyMs: 500, forMs: 1_500 },
      },
      driftMax: LEASE_DRIFT_MAX,
    },
  },
});

export const raftMembershipScenario = scenario({
  name: "raft-membership",
  summary: "members are added, promoted, removed and exchanged under all faults: no two majorities decide apart",
  bugs: BUG_WORDS.membership,
  profile: {
    ...PROFILE,
    mix: { ...MIX, acts: { ...MIX.acts, change: { everyMs: 250, forMs: 0 } } },
    changesMembers: true,
    losesForGood: false,
  },
});

export const raftDamageScenario = scenario({
  name: "raft-damage",
  summary:
    "logs and snapshots of a minority rot or lose their end: nothing acknowledged is lost, and all are made whole",
  bugs: BUG_WORDS.damage,
  profile: {
    ...PROFILE,
    mix: { ...MIX, acts: { ...MIX.acts, damage: { everyMs: 300, forMs: 150 } } },
    brokenSnapshots: 0.2,
    losesForGood: false,
  },
});

interface Plan {
  readonly name: string;
  readonly summary: string;
  readonly bugs: Readonly<Record<string, string>>;
  readonly profile: RaftProfile;
}

function scenario({ name, summary, bugs, profile }: Plan): AnyScenario {
  return defineScenario<RaftWire>({
    name,
    summary,
    faultsMs: FAULTS_MS,
    convergeMs: CONVERGE_MS,
    checkEveryMs: CHECK_EVERY_MS,
    bugs,
    cast: (setup) => new RaftCast(setup, profile),
  });
}
