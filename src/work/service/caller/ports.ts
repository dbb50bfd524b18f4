/** What the caller needs of the node that it lives in. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { Tracer } from "../../../base/trace.ts";
import type { BalancerName, OutlierOptions } from "../../../protocol/balance/index.ts";
import type { BreakerOptions } from "../../../protocol/breaker/index.ts";
import type { PeerLink } from "../../../wire/link/index.ts";
import type { Catalogue } from "../registry/index.ts";
import type { LocalPort } from "../words/index.ts";

/** As much of a link as is used. */
export type CallLink = Pick<PeerLink, "isOpen" | "request" | "openStream">;

export interface CallerPorts {
  /** This node's id. */
  readonly self: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly catalogue: Catalogue;
  readonly local: LocalPort;
  /** The link to that node, if one is there: the registry sees to it that one is. */
  linkOf(node: string): CallLink | undefined;
  /** `NO_TRACER` unless told otherwise. */
  readonly tracer?: Tracer | undefined;
}

export interface CallerOptions {
  readonly breaker?: BreakerOptions | undefined;
  readonly outliers?: OutlierOptions | undefined;
  /** Of services that name none. With it, the local node has no precedence. */
  readonly balancer?: BalancerName | undefined;
  readonly callsInFlightMax?: number | undefined;
}
