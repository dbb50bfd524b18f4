/** What has happened so far, as plain numbers. */
export type SwimCounts = Readonly<ReturnType<typeof newCounts>>;

/** What there is of everything now: all of it is bounded. */
export type SwimSizes = Readonly<{
  /** News that was dropped before it was sent often enough, ever. */
  gossipDropped: number;
  gossipQueued: number;
  timersWaiting: number;
  /** Members to be probed ahead of their turn. */
  urgentWaiting: number;
  probesUnderWay: number;
  relaysUnderWay: number;
  syncsPending: number;
}>;

export function newCounts() {
  return {
    /** Messages by what became of them. */
    sent: 0,
    received: 0,
    /** For another id than this node's: its address has changed hands. */
    wrongTarget: 0,
    /** From this node itself, or another process under its id. */
    fromSelf: 0,
    /** Ids, incarnations or addresses beyond the bounds. */
    outOfBounds: 0,
    /** Answers to nothing under way: late, doubled or replayed. */
    strayAnswers: 0,
    /** From somebody unknown, or from another life than the known one. */
    strangers: 0,
    /** Before the start, or after the end. */
    ignored: 0,
    probes: 0,
    probesUrgent: 0,
    probesAcked: 0,
    probesAckedIndirectly: 0,
    probesFailed: 0,
    /** Failed although the link was fresh: datagrams get lost. */
    probesLost: 0,
    pingReqs: 0,
    nacks: 0,
    relayed: 0,
    relaysRefused: 0,
    newsApplied: 0,
    newsOld: 0,
    /** Suspicions that this node began by a failed probe of its own. */
    suspicions: 0,
    /** Times it declared somebody dead. */
    deaths: 0,
    /** Times it contradicted what was said of it. */
    refutations: 0,
    /** Lives it began because the last one could not be contradicted, or was newer by its clock. */
    rebirths: 0,
    /** Deaths in others' views that were doubted: the one concerned was told. */
    doubts: 0,
    syncs: 0,
    syncsSame: 0,
    syncsUndelivered: 0,
    reconnects: 0,
    joinTries: 0,
    /** Newcomers for whom there is no room. */
    refusedFull: 0,
    /** Times this node came much too late for its own deadlines, and how late in all. */
    late: 0,
    lateMs: 0,
  };
}
