/** How much of everything, each with its reason. */
import type { OutlierOptions } from "../../../protocol/balance/index.ts";
import type { BreakerOptions } from "../../../protocol/breaker/index.ts";
import type { BackoffPolicy } from "../../../protocol/retry/index.ts";

/** Calls of one service that this node has under way: half of what one link takes, so that one slow service cannot take a link. */
export const CALLS_IN_FLIGHT_MAX = 4_096;
/** Streams of one service that this node has open: half of what one link takes. */
export const STREAMS_OPEN_MAX = 512;
/** Attempts after the first one, unless the method says otherwise. */
export const RETRIES_DEFAULT = 2;
/** No description may make a caller ask more often. */
export const RETRIES_MAX = 10;
/** A process that has ended is started again at once, and serves within some tenths of a second: calls wait for so long for the last one. */
export const EMPTY_PATIENCE_MS = 2_000;
/** Looks within it, should pauses be short. */
export const EMPTY_WAITS_MAX = 100;
/** Between attempts at places that were asked before. */
export const BACKOFF: BackoffPolicy = { initialMs: 20, maxMs: 1_000 };
/** Share of calls that may be asked again within `BUDGET_WINDOW_MS`: more would multiply what an ailing service has to do. */
export const BUDGET_SHARE = 0.2;
/** Retries that are always allowed in a window: a service with few calls is not harmed by them. */
export const BUDGET_RESERVE = 20;
export const BUDGET_WINDOW_MS = 10_000;
/** A deadline that was missed is held against a place only when there was so much time, or as much as the method itself asks for. */
export const BLAMED_FROM_MS = 1_000;
/** The local node is asked until it has so many calls per process under way more than the place that the balancer draws. */
export const LOCAL_LEAD = 16;
/** Calls that fall back on calls that fall back. */
export const FALLBACKS_MAX = 4;
/** Nodes that are asked at the same time by one broadcast. */
export const BROADCAST_PARALLEL = 64;
/** Services that are remembered after their last place is gone, the longest gone is forgotten first, and for how long. */
export const GONE_MAX = 1_024;
export const GONE_MS = 600_000;
/** Failures of a method that are counted by code; the others are counted as `other`. */
export const CODES_MAX = 64;
export const OTHER_CODES = "other";
/** One item of a stream; what one answer may be. */
export const ITEM_BYTES_MAX = 16 * 1024 * 1024;
/** Who calls: names of nodes, of services and subjects of tokens. */
export const CALLER_CHARS_MAX = 512;
export const SCOPES_MAX = 256;
/** `name@version`, and a method. */
export const NAME_CHARS_MAX = 320;
/** No call is waited for longer: what links allow. */
export const TIMEOUT_MS_MAX = 3_600_000;

/** A place that fails is left alone for two seconds, then asked once. */
export const BREAKER: BreakerOptions = {
  failureThreshold: 5,
  rate: { failureRate: 0.5, minimumCalls: 20, windowMs: 10_000 },
  halfOpenAfterMs: 2_000,
};

/** Rather rare failures that are still far more than those of the others: what a breaker does not see. */
export const OUTLIERS: OutlierOptions = {
  intervalMs: 5_000,
  baseEjectionMs: 15_000,
  maxEjectionPercent: 50,
  failurePercentage: { thresholdPercent: 30, minimumHosts: 2, requestVolume: 20 },
};
