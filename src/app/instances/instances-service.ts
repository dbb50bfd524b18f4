/**
 * Answers the contract `instances` by the control sockets of the processes themselves: whoever may ask the node may ask what runs beside
 * it. Nothing is kept: who is there is looked up with each call.
 */
import { basename, parse } from "node:path";
import { printable } from "../../base/printable.ts";
import { type CallContext, implement, type Service } from "../../wire/rpc/index.ts";
import type { TreeNode } from "../control/contract.ts";
import { type Reached, reachAny, reachInstances } from "../control/reach.ts";
import { type InstanceAbout, instancesContract } from "./instances-contract.ts";

/** A process that is well answers in milliseconds; the others are told as silent. */
const LOOK_MS = 2_000;
/** Of a restart or swap: a plugin's own start is the longest part. The caller's deadline ends it earlier. */
const ACT_MS = 120_000;

export interface InstancesPorts {
  readonly dataDir: string | undefined;
  /** Of this process. */
  readonly ownPid: number;
}

/** With its tree, for an overview. */
export interface InstanceWithTree {
  readonly pid: number;
  readonly command: string;
  readonly name: string;
  readonly isSelf: boolean;
  readonly tree: TreeNode;
}

export function instancesService(ports: InstancesPorts): Service {
  const { dataDir } = ports;
  const about = ({ instance }: Reached): InstanceAbout => ({ ...instance, isSelf: instance.pid === ports.ownPid });
  const reach = async (pid: number): Promise<Reached> => {
    const { reached } = await reachAny({ dataDir, instance: pid, timeoutMs: LOOK_MS });
    return reached[0]!; // there is one, or it has failed
  };
  const acting = ({ signal }: CallContext) => ({ signal, timeoutMs: ACT_MS });
  return implement(instancesContract, {
    async list() {
      const { reached, silent } = await reachInstances({ dataDir, instance: undefined, timeoutMs: LOOK_MS });
      const mute = silent.map(({ entry: { pid, pipeline }, failure: { code, message } }) => {
        return { pid, pipeline, code, reason: message };
      });
      return { instances: reached.map(about), silent: mute };
    },
    async describe({ pid }) {
      const found = await reach(pid);
      return { instance: about(found), tree: found.tree };
    },
    stop: async ({ name, pid }, context) => (await reach(pid)).client.stop({ name }, acting(context)),
    restart: async ({ name, pid }, context) => (await reach(pid)).client.restart({ name }, acting(context)),
    swap: async ({ pid, ...request }, context) => (await reach(pid)).client.swap(request, acting(context)),
    reload: async ({ pid }, context) => (await reach(pid)).client.reload({}, acting(context)),
  });
}

/** All that answer within the time, each with its tree, and those that do not: for an overview. */
export async function instancesWithTrees({ dataDir, ownPid }: InstancesPorts, timeoutMs: number) {
  const { reached, silent } = await reachInstances({ dataDir, instance: undefined, timeoutMs });
  const instances = reached.map(({ instance: { command, pid, pipeline }, tree }): InstanceWithTree => {
    return { pid, command, name: shortName(command === "run", pipeline), isSelf: pid === ownPid, tree };
  });
  const mute = silent.map(({ entry: { pid, pipeline }, failure: { message } }) => {
    return { pid, name: shortName(pipeline.includes("/"), pipeline), reason: message };
  });
  return { instances, silent: mute };
}

/** A run is known by its file's name, without what stands around it. */
function shortName(isFile: boolean, pipeline: string): string {
  return printable(isFile ? parse(basename(pipeline)).name : pipeline);
}
