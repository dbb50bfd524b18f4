/** How commands on this machine reach a process that is a node: its control socket, and what it says of itself there. */
import { formatAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { TreeNode } from "../../process/supervise/index.ts";
import { Dispatcher, serveContracts } from "../../wire/rpc/index.ts";
import type { ServiceDoor } from "../../work/service/words/index.ts";
import type { InstanceInfo } from "../control/contract.ts";
import { startControlServer } from "../control/control-server.ts";
import type { InstanceControl } from "../control/instance-control.ts";
import { INSTANCE_OWNER } from "../control/instance-service.ts";
import { INSTANCE_NAME, withUsage } from "../instance.ts";
import { stateDirectory } from "../self.ts";
import type { NodeDuty } from "./node-duty.ts";
import { CALLS_MAX, type OpenedNode, REQUEST_BYTES_MAX } from "./open-node.ts";
import type { NodeSettings } from "./settings.ts";

interface SocketParts {
  readonly logger: Logger;
  /** Of users: what is no contract is theirs. */
  readonly services: ServiceDoor;
}

export function infoOf({ dataDir, id }: NodeSettings, { command }: NodeDuty, version: string): InstanceInfo {
  const startedMs = systemClock.now();
  return { pid: process.pid, version, startedMs, command, pipeline: id, dataDir: stateDirectory(dataDir) };
}

/** As for a pipeline: one that cannot be opened is told, and the node does its work all the same. */
export async function openControl(node: OpenedNode, info: InstanceInfo, { logger, services }: SocketParts) {
  const report = (what: string, thrown: unknown): void => logger.error(what, { error: thrown });
  const open = async () => {
    const dispatcher = new Dispatcher(node.services, { clock: systemClock, report, callsMax: CALLS_MAX });
    return serveContracts(dispatcher, {
      authenticate: () => INSTANCE_OWNER,
      clock: systemClock,
      requestBytesMax: REQUEST_BYTES_MAX,
      services,
    });
  };
  try {
    return await startControlServer({ dataDir: info.dataDir, info, open, clock: systemClock });
  } catch (thrown) {
    logger.warn(`ps, stop, nodes and cluster reach this node by its address only: ${messageOf(thrown)}`);
    return undefined;
  }
}

export interface ControlParts {
  readonly settings: NodeSettings;
  readonly duty: NodeDuty;
  /** Opened when anybody can ask. */
  readonly node: () => OpenedNode;
  readonly stop: (reason: string) => void;
}

/** What can be done to it by name. */
export function controlOf({ duty, node, settings: { id }, stop }: ControlParts): InstanceControl {
  const startedMs = systemClock.now();
  const name = `${duty.command} ${id}`;
  const refuse = (what: string): never => {
    throw new Failure("instance.not_controllable", `a ${duty.command} cannot be ${what}`);
  };
  return {
    describe() {
      const uptimeMs = systemClock.now() - startedMs;
      const common = { kind: "supervisor", state: "running", uptimeMs, restarts: 0 } as const;
      const detail = `${formatAddress(node().address)}, ${node().membership.members().length} members known`;
      const children = duty.trees?.() ?? [];
      const kind = children.length > 0 ? "supervisor" : "worker";
      const self: TreeNode = { ...common, kind, name, detail, children };
      return withUsage({ ...common, name: INSTANCE_NAME, pid: process.pid, children: [self] });
    },
    async stop(path) {
      stop("was asked to stop");
      return { done: [path], ending: true };
    },
    restart: async () => refuse("restarted by name; stop it and start it again"),
    swap: async () => refuse("given another plugin"),
    reload: async () => refuse("reloaded"),
  };
}
