/**
 * A leader's snapshot on its way to a follower that needs entries which are compacted: a question first (the follower may have some of
 * it from before), then one piece after the other, each when the one before is durable there. A newer snapshot takes over when the
 * pieces of an older one are not answered.
 */
import type { Core } from "./core.ts";
import type { NodeId, RaftInput, RaftMessage, SnapshotInfo } from "./messages.ts";
import type { Progress } from "./progress.ts";
import type { Replication } from "./replication.ts";

type SnapshotReply = Extract<RaftMessage, { type: "snapshotReply" }>;
type Piece = Extract<RaftInput, { type: "piece" }>;

export class SnapshotSending {
  readonly #core: Core;
  readonly #followers: ReadonlyMap<NodeId, Progress>;

  constructor(core: Core, followers: ReadonlyMap<NodeId, Progress>) {
    this.#core = core;
    this.#followers = followers;
  }

  get dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { sending } of this.#followers.values())
      if (sending !== undefined) dueMs = Math.min(dueMs, sending.askedMs + this.#core.options.pieceRetryMs);
    return dueMs;
  }

  begin(follower: Progress, replication: Replication): void {
    const { snapshot } = this.#core;
    if (snapshot === undefined) return;
    follower.become("snapshot", follower.next);
    this.#ask(follower, snapshot, replication);
  }

  tick(replication: Replication): void {
    const { nowMs, options, snapshot } = this.#core;
    for (const follower of this.#followers.values()) {
      const { sending } = follower;
      if (sending !== undefined && nowMs >= sending.askedMs + options.pieceRetryMs)
        this.#ask(follower, snapshot ?? sending.snapshot, replication);
    }
  }

  /** What was read for it; only the piece that it waits for is sent. */
  piece({ data, offset, snapshot, to }: Piece, replication: Replication): void {
    const follower = this.#followers.get(to);
    const sending = follower?.sending;
    if (follower === undefined || sending === undefined || !isSameSnapshot(sending.snapshot, snapshot)) return;
    if (sending.offset !== offset || data.length === 0 || offset + data.length > snapshot.sizeBytes) return;
    this.#send(follower, sending.snapshot, offset, data, replication);
    sending.askedMs = this.#core.nowMs;
  }

  onReply(follower: Progress, message: SnapshotReply, replication: Replication): void {
    if (!replication.heard(follower, message.round, message.repairId)) return;
    const { sending } = follower;
    if (sending === undefined) return;
    const { snapshot } = sending;
    if (message.index !== snapshot.index || message.checksum !== snapshot.checksum) return;
    if (message.offset > snapshot.sizeBytes) return;
    if (message.offset < snapshot.sizeBytes) return this.#read(follower, message.offset);
    replication.matched(follower, snapshot.index);
    follower.become("probe", follower.match + 1);
    replication.push(follower);
  }

  #read(follower: Progress, offset: number): void {
    const sending = follower.sending!;
    const { nowMs, options } = this.#core;
    const { snapshot } = sending;
    sending.offset = offset;
    sending.askedMs = nowMs;
    const sizeBytesMax = Math.min(options.pieceBytesMax, snapshot.sizeBytes - offset);
    this.#core.emit({ type: "readPiece", to: follower.id, snapshot, offset, sizeBytesMax });
  }

  #ask(follower: Progress, snapshot: SnapshotInfo, replication: Replication): void {
    follower.sending = { snapshot, offset: 0, askedMs: this.#core.nowMs };
    this.#send(follower, snapshot, 0, NOTHING, replication);
  }

  #send(follower: Progress, snapshot: SnapshotInfo, offset: number, data: Uint8Array, replication: Replication): void {
    const { nowMs, term } = this.#core;
    const round = replication.rounds.now(nowMs);
    const { repair } = follower;
    const message = { type: "snapshot", term, snapshot, offset, data, round } as const;
    const asked = repair && { id: repair.id, through: repair.through };
    replication.send(follower, asked === undefined ? message : { ...message, repair: asked });
  }
}

const NOTHING = new Uint8Array(0);

export function isSameSnapshot(left: SnapshotInfo, right: SnapshotInfo): boolean {
  return left.index === right.index && left.term === right.term && left.checksum === right.checksum;
}
