/**
 * Finds running instances and talks to them: what every command that asks a running instance begins with. An instance
 * that does not answer in time is told as such and does not hold up the others.
 */
import { type Clock, systemClock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { createClient, unixTransport } from "../../wire/rpc/index.ts";
import { stateDirectory } from "../self.ts";
import { type InstanceClient, type InstanceInfo, instanceContract, type TreeNode } from "./contract.ts";
import { type InstanceEntry, isSocket, readEntries } from "./entries.ts";
import { lifeOf } from "./process-identity.ts";

export interface Choices {
  readonly dataDir: string | undefined;
  /** The number of one process. */
  readonly instance: number | undefined;
  /** For the whole command. */
  readonly timeoutMs: number;
}

export interface Reached {
  readonly entry: InstanceEntry;
  readonly client: InstanceClient;
  readonly instance: InstanceInfo;
  readonly tree: TreeNode;
}

export interface Silent {
  readonly entry: InstanceEntry;
  readonly failure: Failure;
}

export interface Reach {
  readonly reached: readonly Reached[];
  readonly silent: readonly Silent[];
  readonly dataDir: string;
  readonly clock: Clock;
  /** What is left of the time that the command has. */
  leftMs(): number;
}

export async function reachInstances({ dataDir: asked, instance, timeoutMs }: Choices): Promise<Reach> {
  const clock = systemClock;
  const endMs = clock.monotonic() + timeoutMs;
  const leftMs = (): number => Math.max(0, Math.ceil(endMs - clock.monotonic()));
  const dataDir = stateDirectory(asked);
  const entries = readEntries(dataDir).filter(({ pid }) => instance === undefined || pid === instance);
  const answers = await Promise.all(entries.map((entry) => describe(entry, clock, leftMs())));
  const reached = answers.filter((each) => "tree" in each);
  const silent = answers.filter((each) => "failure" in each).filter(({ entry }) => isStillThere(entry));
  return { reached, silent, dataDir, clock, leftMs };
}

/** As `reachInstances`, and fails with `instance.none` or `instance.silent` when there is nobody to talk to. */
export async function reachAny(choices: Choices): Promise<Reach> {
  const reach = await reachInstances(choices);
  if (reach.reached.length > 0) return reach;
  if (reach.silent.length > 0) throw silence(reach.silent);
  const which =
    choices.instance === undefined ? "no instance is" : `process ${choices.instance} is no instance that is`;
  throw new Failure("instance.not_found", `${which} running with the data directory ${reach.dataDir}`);
}

/** The process is gone, or, where that cannot be seen from here, its socket. */
export function hasEnded(entry: InstanceEntry): boolean {
  return lifeOf(entry) === "dead" || (lifeOf(entry) === "elsewhere" && !isSocket(entry.socket));
}

async function describe(entry: InstanceEntry, clock: Clock, timeoutMs: number): Promise<Reached | Silent> {
  const client = createClient(instanceContract, unixTransport(entry.socket), { clock, timeoutMs });
  try {
    return { entry, client, ...(await client.describe({})) };
  } catch (thrown) {
    return { entry, failure: toFailure(thrown, "instance.silent") };
  }
}

/** It may have ended while it was asked; of one elsewhere nothing is known but that it does not answer. */
function isStillThere(entry: InstanceEntry): boolean {
  return lifeOf(entry) === "alive" && isSocket(entry.socket);
}

function silence(silent: readonly Silent[]): Failure {
  const told = silent.map(({ entry, failure }) => `process ${entry.pid} (${entry.pipeline}): ${failure.message}`);
  return new Failure("instance.silent", `no running instance answers: ${told.join("; ")}`, { retryable: true });
}
