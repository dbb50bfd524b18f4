/**
 * Finds what has changed between two looks: states of pipelines and plugins of their stages, restarts in trees, services that come and go,
 * leaders of groups, workers that drain. For changes that nobody tells as they happen, such as those on other nodes. A look is older than what was told while it was taken. Pure but
 * for what it has seen last.
 */
import type { InstanceView, Overview, PipelineView, ServiceView, TreeView } from "../../edge/dashboard/index.ts";
import type { NewEvent } from "./event-ring.ts";

type Parts = Pick<Overview, "groups" | "instances" | "nodes" | "pipelines" | "services" | "missing">;

export type SeenPipeline = Pick<PipelineView, "id" | "name" | "state" | "detail">;

export class Changes {
  readonly #tell: (event: NewEvent) => void;
  readonly #pipelines = new Map<string, string>();
  /** Of stages, by pipeline and stage. */
  readonly #libraries = new Map<string, Map<string, string>>();
  readonly #draining = new Map<string, boolean>();
  readonly #restarts = new Map<string, number>();
  readonly #services = new Map<string, { readonly healthy: number; readonly versions: string }>();
  readonly #leaders = new Map<string, string>();
  /** Pipelines that were told of, by the turn in which they were. */
  readonly #told = new Map<string, number>();
  #turn = 0;
  #hasSeen = false;

  constructor(tell: (event: NewEvent) => void) {
    this.#tell = tell;
  }

  /** For `see`: whatever is told from now on is newer than a look that begins now. */
  get turn(): number {
    return this.#turn;
  }

  /** What stands in the first look has happened before. A part that is missing has not changed. `since`: the turn when the look began. */
  see({ groups, instances, missing, nodes, pipelines, services }: Parts, since: number = this.#turn): void {
    const isMissing = (part: string): boolean => missing.some((each) => each.part === part);
    if (!isMissing("pipelines")) this.#seePipelines(pipelines, since);
    for (const { id, isDraining } of nodes) if (isDraining !== undefined) this.#seeDraining(id, isDraining);
    if (!isMissing("instances")) this.#seeTrees(instances);
    if (!isMissing("services")) this.#seeServices(services);
    for (const { group, leader } of groups) this.#seeLeader(group, leader);
    this.#hasSeen = true;
  }

  /** As it happens: an unknown one is new even before the first look. */
  tellPipeline(pipeline: SeenPipeline): void {
    this.#told.set(pipeline.id, ++this.#turn);
    this.#seePipeline(pipeline, true);
  }

  #seePipeline({ detail, id, name, state }: SeenPipeline, isNews: boolean): void {
    const before = this.#pipelines.get(id);
    this.#pipelines.set(id, state);
    if (before === state || (before === undefined && !isNews)) return;
    const level = state === "failed" ? "error" : state === "retrying" ? "warn" : "info";
    const text = `${before === undefined ? "is" : `${before} →`} ${state}${detail === undefined ? "" : `: ${detail}`}`;
    this.#tell({ level, kind: "pipeline", subject: name, text });
  }

  #seePipelines(pipelines: readonly PipelineView[], since: number): void {
    const isNewer = (id: string): boolean => (this.#told.get(id) ?? 0) > since;
    for (const pipeline of pipelines) if (!isNewer(pipeline.id)) this.#seePipeline(pipeline, this.#hasSeen);
    for (const pipeline of pipelines) this.#seeLibraries(pipeline);
    forget(this.#libraries, new Set(pipelines.map(({ id }) => id)));
    const newer = [...this.#told.keys()].filter(isNewer);
    const known = new Set([...pipelines.map(({ id }) => id), ...newer]);
    forget(this.#pipelines, known);
    forget(this.#told, known);
  }

  #seeLibraries({ id, name, stages }: PipelineView): void {
    const seen = this.#libraries.get(id) ?? new Map<string, string>();
    this.#libraries.set(id, seen);
    for (const { library, name: stage } of stages) {
      const before = seen.get(stage);
      if (library === undefined || library === before) continue;
      seen.set(stage, library);
      const text = `stage ${stage} has the plugin ${library}`;
      if (before !== undefined) this.#tell({ level: "info", kind: "swap", subject: name, text });
    }
  }

  #seeDraining(id: string, isDraining: boolean): void {
    const before = this.#draining.get(id);
    this.#draining.set(id, isDraining);
    if (before === isDraining || (before === undefined && !(isDraining && this.#hasSeen))) return;
    const text = isDraining ? "drains: it gets no new work" : "works again";
    this.#tell({ level: "info", kind: "drain", subject: id, text });
  }

  #seeTrees(instances: readonly InstanceView[]): void {
    const seen = new Set<string>();
    const visit = (tree: TreeView, path: string): void => {
      seen.add(path);
      const before = this.#restarts.get(path);
      this.#restarts.set(path, tree.restarts);
      if (before !== undefined && tree.restarts > before) this.#tellRestart(tree, path, tree.restarts - before);
      for (const child of tree.children) visit(child, `${path}/${child.name}`);
    };
    for (const { pid, tree } of instances) visit(tree, `${pid}`);
    forget(this.#restarts, seen);
  }

  #tellRestart({ lastExit }: TreeView, path: string, times: number): void {
    const subject = path.split("/").slice(1).join("/") || path;
    const why = lastExit === undefined ? "" : `: ${lastExit.reason}`;
    const text = `restarted${times === 1 ? "" : ` ${times} times`}${why}`;
    this.#tell({ level: "warn", kind: "restart", subject, text });
  }

  #seeServices(services: readonly ServiceView[]): void {
    for (const { healthy, name, versions } of services) {
      const before = this.#services.get(name);
      const now = { healthy, versions: versions.join(", ") };
      this.#services.set(name, now);
      const tell = (level: NewEvent["level"], text: string): void =>
        this.#tell({ level, kind: "service", subject: name, text });
      if (before === undefined) {
        if (this.#hasSeen) tell("info", `is offered, version ${now.versions}`);
        continue;
      }
      if (before.versions !== now.versions) tell("info", `version ${before.versions} → ${now.versions}`);
      if (before.healthy > 0 && healthy === 0) tell("error", "no process takes calls");
      if (before.healthy === 0 && healthy > 0) tell("info", `${healthy} processes take calls`);
    }
    for (const name of forget(this.#services, new Set(services.map(({ name }) => name))))
      this.#tell({ level: "warn", kind: "service", subject: name, text: "is offered no more" });
  }

  #seeLeader(group: string, leader: string | undefined): void {
    const before = this.#leaders.get(group);
    if (leader === undefined || before === leader) return;
    this.#leaders.set(group, leader);
    if (before === undefined && !this.#hasSeen) return;
    this.#tell({ level: "info", kind: "leader", subject: group, text: `${leader} leads` });
  }
}

/** Gives the keys that are gone. */
function forget(map: Map<string, unknown>, present: ReadonlySet<string>): string[] {
  const gone = [...map.keys()].filter((key) => !present.has(key));
  for (const key of gone) map.delete(key);
  return gone;
}
