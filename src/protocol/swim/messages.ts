/**
 * What members know of each other, what they say to each other, and what goes into and comes out of the machine. All of it
 * is plain data; whether bytes from the network have this shape is the codec's business. What the values may be (bounds,
 * right receiver, news or old) the machine judges itself.
 */
import type { Tick } from "../../base/machine.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface NodeMeta {
  readonly name: string;
  readonly roles: readonly string[];
  readonly capacities: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** In the order in which one supersedes the other at the same incarnation. */
export type MemberState = "alive" | "suspect" | "dead" | "left";

export interface Member {
  readonly id: string;
  readonly address: Address;
  /** Wall clock when its process started, told by itself: its age, and which of two lives of one id is the newer. */
  readonly bornMs: number;
  readonly meta: NodeMeta;
  readonly incarnation: number;
  readonly state: MemberState;
}

/** Who sends a message: enough to answer, and to notice another life behind a known address. */
export interface Peer {
  readonly id: string;
  readonly address: Address;
  readonly bornMs: number;
}

/** News of one member. */
export interface Update {
  readonly member: Member;
  /** Id of who found it out: what makes confirmations of a suspicion independent. */
  readonly by: string;
}

/** Are you there? `to` is the id: another node may have that address by now. */
export interface PingMessage {
  readonly type: "ping";
  readonly seq: number;
  readonly from: Peer;
  readonly to: string;
  readonly gossip: readonly Update[];
}

/** I am. With `of`: I am not the one you probe, but that one has answered me. */
export interface AckMessage {
  readonly type: "ack";
  readonly seq: number;
  readonly from: Peer;
  readonly to: string;
  readonly of?: Peer | undefined;
  readonly gossip: readonly Update[];
}

/** I have pinged the target for you, without an answer so far: so at least we two can talk. */
export interface NackMessage {
  readonly type: "nack";
  readonly seq: number;
  readonly from: Peer;
  readonly to: string;
  readonly gossip: readonly Update[];
}

/** Ping the target for me. */
export interface PingReqMessage {
  readonly type: "ping_req";
  readonly seq: number;
  readonly from: Peer;
  readonly to: string;
  readonly target: Peer;
  readonly gossip: readonly Update[];
}

/** News only. */
export interface GossipMessage {
  readonly type: "gossip";
  readonly from: Peer;
  readonly to: string;
  readonly gossip: readonly Update[];
}

/**
 * Anti-entropy over a stream: a request and its reply (`isReply`, the same `seq`). A request without members only compares
 * digests; a reply without members says that there is nothing to tell. `isJoin` is the request of one who knows nobody yet.
 */
export interface SyncMessage {
  readonly type: "sync";
  readonly seq: number;
  readonly from: Peer;
  /** Of all alive and suspect members: an unsigned 32-bit number, equal where the views are. */
  readonly digest: number;
  readonly members: readonly Member[];
  readonly isReply: boolean;
  readonly isJoin: boolean;
}

export type DatagramMessage = PingMessage | AckMessage | NackMessage | PingReqMessage | GossipMessage;
export type SwimMessage = DatagramMessage | SyncMessage;

/** What the heart-beats over a link say of the one at its other end; `none`: there is no link. */
export type LinkState = "fresh" | "silent" | "closed" | "none";

export type SwimInput =
  | { readonly type: "start" }
  | { readonly type: "join"; readonly seeds: readonly Address[] }
  | { readonly type: "receive"; readonly from: Address; readonly message: SwimMessage }
  /** A stream message could not be delivered: nobody there, refused, or no answer in time. */
  | { readonly type: "undelivered"; readonly to: Address; readonly message: SwimMessage }
  /** This node says something else of itself from now on. */
  | { readonly type: "update"; readonly meta: NodeMeta; readonly address?: Address | undefined }
  | { readonly type: "leave" }
  | { readonly type: "link"; readonly id: string; readonly state: LinkState }
  | Tick;

export type SwimEffect =
  /** A sync request wants an answer: its reply, or `undelivered`. */
  | { readonly type: "send"; readonly to: Address; readonly via: "datagram" | "stream"; readonly message: SwimMessage }
  | { readonly type: "event"; readonly event: MemberEvent }
  /** A seed or a remembered member has answered while this node knew nobody alive. */
  | { readonly type: "joined"; readonly through: Address }
  /** The last thing it ever does. Left: it is spread. Yielded: a newer process (`to`) runs under this id. */
  | { readonly type: "ended"; readonly reason: "left" }
  | { readonly type: "ended"; readonly reason: "yielded"; readonly to: Peer };

/** Of other members only. A new life of an id is a leave (failed) and a join. */
export interface MemberEvent {
  readonly kind: "join" | "leave" | "suspect" | "alive" | "update";
  readonly member: Member;
  /** Who found it out, where somebody did. */
  readonly by?: string | undefined;
  /** In words; of a leave `left` or `failed`. */
  readonly reason: string;
  /** On the machine's clock. */
  readonly atMs: number;
}
