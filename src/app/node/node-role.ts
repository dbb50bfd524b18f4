/**
 * A process that is a member of the cluster and nothing else: opens the node, puts it on this user's control socket, tells
 * what happens, and leaves when it is asked to.
 */

import { formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { MembershipEvent } from "../../cluster/membership/index.ts";
import { instanceService } from "../control/instance-service.ts";
import { frontOf } from "../front/open-front.ts";
import { controlOf, infoOf, openControl } from "./node-control.ts";
import type { NodeDuty } from "./node-duty.ts";
import { type FeaturePorts, openFeatures, withFeatures } from "./node-features.ts";
import { type OpenedNode, openNode } from "./open-node.ts";
import type { NodeSettings } from "./settings.ts";

/** What happens, for programs: one of these is one line of NDJSON. */
export type NodeNotice =
  | {
      readonly event: "started";
      readonly timeMs: number;
      readonly id: string;
      readonly address: string;
      readonly pid: number;
    }
  | { readonly event: "stopped"; readonly timeMs: number; readonly reason: string }
  | { readonly event: MembershipEvent["kind"]; readonly timeMs: number; readonly [field: string]: unknown };

export interface NodeRolePorts extends FeaturePorts {
  readonly tell: (notice: NodeNotice) => void;
  readonly version: string;
}

const MEMBER_ONLY: NodeDuty = { command: "node" };

export interface RunningNode {
  readonly address: string;
  /** Resolves with the reason when it has left, or somebody else runs under its id. */
  readonly ended: Promise<NodeEnd>;
  /** Leaves gracefully. */
  stop(reason: string): void;
}

export interface NodeEnd {
  readonly reason: string;
  readonly isFailure: boolean;
}

export async function startNodeRole(
  settings: NodeSettings,
  ports: NodeRolePorts,
  memberDuty: NodeDuty = MEMBER_ONLY,
): Promise<RunningNode> {
  const now = (): number => systemClock.now();
  const { logger, tell, tracing } = ports;
  const features = openFeatures(settings, ports);
  const duty = withFeatures(memberDuty, features);
  const { handlers = {} } = duty;
  let isOpen = false;
  let isEnding = false;
  const info = infoOf(settings, duty, ports.version);
  const control = controlOf({ settings, duty, node: () => node, stop: (reason) => stop(reason) });
  const front = frontOf({
    ...{ settings, logger, tracing, ...features, version: ports.version, command: duty.command },
    own: [instanceService(control, info), ...(duty.services ?? [])],
    duty,
    isOpen: () => isOpen,
    isDraining: () => isEnding,
  });
  const node: OpenedNode = await openNode({ settings, logger, handlers, front });
  const end = Promise.withResolvers<NodeEnd>();
  let socket: { close(): Promise<void> } | undefined;
  const finish = async (how: NodeEnd): Promise<void> => {
    if (!how.isFailure) await duty.ending?.(how.reason);
    await socket?.close();
    await node.close(how.isFailure ? "abort" : "leave");
    await duty.closed?.();
    tell({ event: "stopped", timeMs: now(), reason: how.reason });
    end.resolve(how);
  };
  const stop = (reason: string, isFailure = false): void => {
    if (isEnding) return;
    isEnding = true;
    finish({ reason, isFailure }).catch(end.reject);
  };
  node.membership.on((event) => {
    tell(noticeOf(event, now()));
    logEvent(logger.child({ component: "membership" }), event);
    if (event.kind === "yielded")
      stop(`another process runs as node ${settings.id} at ${formatAddress(event.to.address)}`, true);
  });
  socket = await openControl(node, info, { logger, services: features.services.door });
  await duty.opened?.(node, stop);
  isOpen = true;
  const address = formatAddress(node.address);
  tell({ event: "started", timeMs: now(), id: settings.id, address, pid: process.pid });
  logger.info("listening", { address, tls: node.isTls });
  node.start();
  return { address, ended: end.promise, stop };
}

/** As it was told, addresses as text. */
function noticeOf({ atMs: _, ...event }: MembershipEvent, timeMs: number): NodeNotice {
  const { kind } = event;
  switch (kind) {
    case "up":
    case "down":
      return { event: kind, timeMs, reason: event.reason, givenUp: event.down };
    case "joined":
      return { event: kind, timeMs, through: formatAddress(event.through) };
    case "yielded":
      return { event: kind, timeMs, to: formatAddress(event.to.address) };
    default: {
      const by = event.by === undefined ? {} : { by: event.by };
      return { event: kind, timeMs, member: memberOf(event.member), ...by, reason: event.reason };
    }
  }
}

type Member = Extract<MembershipEvent, { readonly member: unknown }>["member"];

function memberOf({ address, meta, ...member }: Member) {
  return { ...member, address: formatAddress(address), ...meta };
}

function logEvent(logger: Logger, event: MembershipEvent): void {
  switch (event.kind) {
    case "down":
    case "up":
      return logger.warn(`this side of a partition is ${event.kind}: ${event.reason}`, { givenUp: event.down });
    case "joined":
      return logger.info("joined", { through: formatAddress(event.through) });
    case "yielded":
      return logger.error("another process runs under this node's id", { at: formatAddress(event.to.address) });
    default: {
      const { by, member, reason } = event;
      const fields = { address: formatAddress(member.address), reason, ...(by !== undefined && { by }) };
      logger[event.kind === "suspect" ? "warn" : "info"](`${event.kind}: ${member.id}`, fields);
    }
  }
}
