/**
 * The plugins of one run on their way to workers: looked at once each in a host of its own, to learn which parameters are
 * files, and offered on the master's shelf for as long as the run goes on.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { ParamSchema } from "../../../sdk/index.ts";
import { type ArtifactShelf, type ShelvedPlan, shelvePlan } from "../../../work/artifact/index.ts";
import type { ResolvePath } from "../../../work/pipeline/file/index.ts";
import type { Json, ReadyPlugin } from "../../../work/task/index.ts";
import type { PackedTask } from "../../worker/task-messages.ts";

export interface ShippedPluginsPorts {
  readonly shelf: ArtifactShelf;
  /** The parameters of the plugin in this file; fails with why it cannot be loaded. */
  readonly schemaOf: (library: string) => Promise<ParamSchema>;
  /** Of files that are named in parameters. */
  readonly resolvePath: ResolvePath;
}

export class ShippedPlugins {
  readonly #ports: ShippedPluginsPorts;
  readonly #schemas = new Map<string, Promise<ParamSchema>>();
  readonly #shelved = new Map<string, Promise<ShelvedPlan>>();
  /** Each look is a process of its own: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ports: ShippedPluginsPorts) {
    this.#ports = ports;
  }

  /** Fails with why the plugin or one of its files cannot be shipped. */
  async pack(work: PackedTask["work"]): Promise<PackedTask> {
    if (work.type !== "plugin") return { work, files: [] };
    const schema = await this.#schemaOf(work.library);
    const located = this.#located(work, schema);
    return { work: located, files: (await this.#shelve(located, schema)).files };
  }

  /** When no task of the run is under way any more. */
  async close(): Promise<void> {
    const shelved = await Promise.allSettled(this.#shelved.values());
    this.#shelved.clear();
    for (const each of shelved) if (each.status === "fulfilled") await each.value.withdraw();
  }

  #schemaOf(library: string): Promise<ParamSchema> {
    return kept(this.#schemas, library, () => {
      const looked = this.#turn.then(() => this.#ports.schemaOf(library)).catch(refuse);
      this.#turn = looked.catch(() => {}); // whoever asked hears of it
      return looked;
    });
  }

  #shelve(work: ReadyPlugin, schema: ParamSchema): Promise<ShelvedPlan> {
    const files = Object.entries(work.params).filter(([name]) => isFile(schema, name));
    return kept(this.#shelved, JSON.stringify([work.library, files]), () =>
      shelvePlan(work, { params: schema }, this.#ports.shelf),
    );
  }

  /** Parameters that are files to read, as absolute paths; one that is not found the worker's check will name. */
  #located(work: ReadyPlugin, schema: ParamSchema): ReadyPlugin {
    const located = Object.entries(work.params).map(([name, value]): [string, Json] => {
      if (schema[name]?.kind === "path") return [name, this.#locate(value)];
      return [name, schema[name]?.kind === "paths" ? pathList(value).map((each) => this.#locate(each)) : value];
    });
    return { ...work, params: Object.fromEntries(located) };
  }

  #locate(value: Json): Json {
    return typeof value === "string" && value !== "" ? (this.#ports.resolvePath(value, "present") ?? value) : value;
  }
}

function isFile(schema: ParamSchema, name: string): boolean {
  return schema[name]?.kind === "path" || schema[name]?.kind === "paths";
}

/** A list, or a text with `;` between its items, as in a pipeline file. */
function pathList(value: Json): readonly Json[] {
  if (typeof value !== "string") return Array.isArray(value) ? value : [value];
  return value.split(/(?<!\\);/).map((item) => item.replaceAll("\\;", ";").trim());
}

/** A failure is not kept: the next attempt looks again. */
function kept<T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = map.get(key);
  if (known) return known;
  const made = make();
  map.set(key, made);
  made.catch(() => map.delete(key));
  return made;
}

/** A plugin that is wrong stays wrong; that its process could not start may pass. */
function refuse(thrown: unknown): never {
  const { code, message } = toFailure(thrown, "plugin.failed");
  const retryable = !/^plugin\.(load|definition|not_found)$/.test(code);
  throw new Failure(code, message, { cause: thrown, retryable });
}
