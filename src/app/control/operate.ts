/** What the commands do to running instances, as functions over plain data: find what is meant, ask for it, tell the end. */
import { basename, parse, resolve } from "node:path";
import { pause } from "../../base/clock.ts";
import { Failure, type FailureJson } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import type { InstanceInfo, ReloadReport, SwapReport, TreeNode } from "./contract.ts";
import { type Choices, hasEnded, type Reach, type Reached, reachAny, reachInstances } from "./reach.ts";
import { nothingNamed, type Place, placesNamed, placesOf, severalNamed } from "./tree-names.ts";

/** How often an end that was asked for is looked for. */
const LOOK_EVERY_MS = 20;

/** An instance, or what was asked for of it; with `error` one that does not answer. */
export type Shown =
  | { readonly instance: InstanceInfo; readonly path: string; readonly tree: TreeNode }
  | { readonly instance: InstanceInfo; readonly error: FailureJson };

export interface Done {
  readonly pid: number;
  readonly done: readonly string[];
  /** The instance itself has come to its end. */
  readonly ended: boolean;
}

export interface SwapChoice {
  readonly stage: string;
  readonly file: string;
  readonly params: Readonly<Record<string, string>> | undefined;
}

/** Everything that runs, or what has that name; nothing running is no failure, nothing of that name is. */
export async function showInstances(choices: Choices, name: string | undefined): Promise<Shown[]> {
  const { reached, silent, dataDir } = await reachInstances(choices);
  const shown = reached.flatMap(({ instance, tree }) => {
    const places = name === undefined ? placesOf(tree).slice(0, 1) : placesNamed(tree, name);
    return places.map(({ path, node }) => ({ instance, path, tree: node }));
  });
  if (name !== undefined && shown.length === 0 && reached.length > 0) {
    throw nothingNamed(
      name,
      reached.flatMap(({ tree }) => placesOf(tree)),
    );
  }
  const mute = silent.map(({ entry, failure }) => ({ instance: { ...entry, dataDir }, error: failure.toJSON() }));
  return [...shown, ...mute.map(({ instance, error }) => ({ instance: infoOf(instance), error }))];
}

/** Resolves when it has been stopped; when that is the end of the instance, when its process is gone. */
export async function stopNamed(choices: Choices, name: string): Promise<Done> {
  const reach = await reachAny(choices);
  const { at, place } = findPlace(reach, name);
  const { pid } = at.entry;
  const { done, ending } = await at.client.stop({ name: place.path }, { timeoutMs: reach.leftMs() }).catch((thrown) => {
    if (isCutOff(thrown)) return { done: [place.path], ending: true };
    throw thrown;
  });
  if (ending) await untilEnded(reach, at);
  return { pid, done, ended: ending };
}

/** Resolves when it serves again. */
export async function restartNamed(choices: Choices, name: string): Promise<Done> {
  const reach = await reachAny(choices);
  const { at, place } = findPlace(reach, name);
  const { done } = await at.client.restart({ name: place.path }, { timeoutMs: reach.leftMs() });
  return { pid: at.entry.pid, done, ended: false };
}

export async function swapStage(choices: Choices, { stage, file, params }: SwapChoice): Promise<SwapReport> {
  const reach = await reachAny(choices);
  const { at, place } = findPlace(reach, stage);
  const request = { stage: place.path, library: resolve(file), ...(params && { params }) };
  return at.client.swap(request, { timeoutMs: reach.leftMs() });
}

/** `name` is the pipeline's name or its file; it may be left out when one instance runs. */
export async function reloadInstance(
  choices: Choices,
  name: string | undefined,
): Promise<ReloadReport & { pid: number }> {
  const reach = await reachAny(choices);
  const found = name === undefined ? reach.reached : reach.reached.filter((each) => isPipeline(each, name));
  if (found.length === 0) throw noPipeline(name ?? "", reach.reached);
  if (found.length > 1) throw severalNamed(name ?? "a pipeline", found.map(title), "--instance PID is required");
  const [at] = found as [Reached];
  return { pid: at.entry.pid, ...(await at.client.reload({}, { timeoutMs: reach.leftMs() })) };
}

function findPlace({ reached, silent }: Reach, name: string): { readonly at: Reached; readonly place: Place } {
  const found = reached.flatMap((at) => placesNamed(at.tree, name).map((place) => ({ at, place })));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    const failure = nothingNamed(
      name,
      reached.flatMap(({ tree }) => placesOf(tree)),
    );
    if (silent.length === 0) throw failure;
    const mute = silent.map(({ entry }) => entry.pid).join(", ");
    throw new Failure(failure.code, `${failure.message} (not answering: process ${mute})`);
  }
  const instances = new Set(found.map(({ at }) => at));
  const paths = found.map(({ at, place }) =>
    instances.size > 1 ? `${place.path} of process ${at.entry.pid}` : place.path,
  );
  const several = instances.size > 1 ? "--instance PID or a longer end of a path" : "a longer end of its path";
  throw severalNamed(name, paths, `${several}, or the whole behind a slash, is required`);
}

async function untilEnded({ clock, leftMs }: Reach, { entry }: Reached): Promise<void> {
  while (!hasEnded(entry)) {
    if (leftMs() <= 0) {
      const message = `process ${entry.pid} is stopping and has not ended in the time given; a longer --timeout is required`;
      throw new Failure("instance.still_running", message, { retryable: true });
    }
    await pause(clock, LOOK_EVERY_MS);
  }
}

/** The connection broke: the process ended before it could answer, as was asked, or somebody killed it. */
function isCutOff(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.code === "rpc.unreachable";
}

/** By its file, or by the file's name with or without its ending. */
function isPipeline({ instance: { pipeline } }: Reached, name: string): boolean {
  return name === basename(pipeline) || name === parse(pipeline).name || resolve(name) === resolve(pipeline);
}

function noPipeline(name: string, reached: readonly Reached[]): Failure {
  const running = reached.map(title).join(", ");
  return new Failure(
    "instance.not_found",
    `no pipeline ${JSON.stringify(printable(name))} is running; there are ${running}`,
  );
}

function title({ instance: { pid, pipeline } }: Reached): string {
  return `${printable(pipeline)} of process ${pid}`;
}

function infoOf({ pid, version, startedMs, command, pipeline, dataDir }: InstanceInfo): InstanceInfo {
  return { pid, version, startedMs, command, pipeline, dataDir };
}
