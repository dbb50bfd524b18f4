/**
 * What the main process of a gateway and the others that share its port say to each other: a line of JSON each, over a socket that the
 * child inherits. Both are one program and one version, so what comes is believed to have its form.
 */
import type { FailureJson } from "../../../base/errors.ts";
import type { LogLevel, LogRecord } from "../../../base/log.ts";
import type { SharedMessage } from "../../../edge/gateway/limit/index.ts";
import type { Caller } from "../../../wire/rpc/index.ts";
import type { TracingWords } from "../../observe/tracing.ts";
import type { GatewayRoleSettings } from "../settings.ts";
import type { SnapshotJson } from "../snapshot.ts";
import type { RouteHealth } from "./target-health.ts";

export interface StartWords {
  /** Its port is the one to share: never 0. */
  readonly settings: GatewayRoleSettings;
  /** What stands in the gateway file, or stood there when the main process read it: all go by the same. */
  readonly text: string;
  /** Of the node, for traces. */
  readonly node: string;
  readonly version: string;
  readonly logLevel: LogLevel;
  readonly tracing: TracingWords;
  /** One for all processes: a request that comes round to another one of them has come round. */
  readonly pseudonym: string;
  /** Where the main process answers for services, pipelines and tasks. */
  readonly named: string;
}

export type ToProcess =
  | { readonly type: "start"; readonly words: StartWords }
  | { readonly type: "reload"; readonly id: number; readonly text: string }
  | { readonly type: "look"; readonly id: number; readonly withProposals: boolean }
  | { readonly type: "drain"; readonly graceMs: number }
  | { readonly type: "limits"; readonly message: SharedMessage }
  /** How targets are, all that the main process checks. */
  | { readonly type: "health"; readonly routes: readonly RouteHealth[] }
  | { readonly type: "caller"; readonly id: number; readonly caller: Caller }
  | { readonly type: "stranger"; readonly id: number; readonly failure: FailureJson };

export type FromProcess =
  | { readonly type: "listening" }
  | { readonly type: "refused"; readonly failure: FailureJson }
  | { readonly type: "reloaded"; readonly id: number; readonly failure?: FailureJson | undefined }
  /** Asked for by `id`, or of its own accord: 0. */
  | { readonly type: "counted"; readonly id: number; readonly snapshot: SnapshotJson }
  /** There is nothing new, but it goes on: something is said each second. */
  | { readonly type: "alive" }
  | { readonly type: "drained" }
  | { readonly type: "limits"; readonly message: SharedMessage }
  /** Whose token is this? */
  | { readonly type: "token"; readonly id: number; readonly token: string; readonly address: string | undefined }
  | { readonly type: "log"; readonly record: LogRecord }
  /** Whole lines of the access log. */
  | { readonly type: "access"; readonly text: string };
