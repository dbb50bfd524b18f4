/**
 * The files that a stage's plan names: the plugins, and parameters that are files to read. A master ships them, a worker puts
 * its own paths in their places. Files that a plugin writes are left alone: their paths are the worker's from the start.
 */
import { isAbsolute } from "node:path";
import { Failure } from "../../base/errors.ts";
import type { ParamSchema } from "../../sdk/index.ts";

/** As much of a plan as is looked at. */
export interface FilePlan {
  readonly library: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly fallback?: { readonly library: string; readonly params: Readonly<Record<string, unknown>> };
}

export interface PlanSchemas {
  readonly params: ParamSchema;
  readonly fallback?: ParamSchema | undefined;
}

/** Where in a plan: `library`, `params NAME`, `params NAME INDEX`, the same after `fallback`. */
export type FilePlace = readonly (string | number)[];

export interface BundleRef {
  readonly place: FilePlace;
  readonly kind: "plugin" | "file";
  readonly path: string;
}

/** In the program itself, not in a file. */
const BUILTIN = "builtin:";

/** What has to be shipped. A relative path is a default that nobody has looked for: it stays as it is. */
export function bundleRefs({ fallback, library, params }: FilePlan, schemas: PlanSchemas): BundleRef[] {
  return [
    ...refsOf([], library, params, schemas.params),
    ...(fallback ? refsOf(["fallback"], fallback.library, fallback.params, schemas.fallback ?? {}) : []),
  ];
}

/** The plan with these paths in those places. Fails with `artifact.place` when a plan has no file there. */
export function relocate<P extends FilePlan>(
  plan: P,
  moves: readonly { readonly place: FilePlace; readonly path: string }[],
): P {
  return moves.reduce((moved, { path, place }) => moveOne(moved, place, path), plan);
}

function refsOf(
  at: FilePlace,
  library: string,
  params: Readonly<Record<string, unknown>>,
  schema: ParamSchema,
): BundleRef[] {
  const plugin: BundleRef[] = library.startsWith(BUILTIN)
    ? []
    : [{ place: [...at, "library"], kind: "plugin", path: library }];
  const files = Object.entries(schema).flatMap(([name, { kind }]) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    const place = [...at, "params", name];
    if (kind === "path") return fileRef(place, value);
    return kind === "paths" && Array.isArray(value)
      ? value.flatMap((each, index) => fileRef([...place, index], each))
      : [];
  });
  return [...plugin, ...files];
}

function fileRef(place: FilePlace, value: unknown): BundleRef[] {
  return typeof value === "string" && isAbsolute(value) ? [{ place, kind: "file", path: value }] : [];
}

function moveOne<P extends FilePlan>(plan: P, place: FilePlace, path: string): P {
  const [first, ...rest] = place;
  if (first !== "fallback") return moveIn(plan, place, path, place);
  if (!plan.fallback) throw noFile(place);
  return { ...plan, fallback: moveIn(plan.fallback, rest, path, place) };
}

/** `rest` is `place` seen from here. */
function moveIn<P extends Pick<FilePlan, "library" | "params">>(
  plan: P,
  rest: FilePlace,
  path: string,
  place: FilePlace,
): P {
  const [field, name, index, ...more] = rest;
  if (field === "library" && rest.length === 1) return { ...plan, library: path };
  if (field !== "params" || typeof name !== "string" || more.length > 0 || !Object.hasOwn(plan.params, name))
    throw noFile(place);
  const value = plan.params[name];
  if (rest.length === 2 && typeof value === "string") return { ...plan, params: { ...plan.params, [name]: path } };
  if (rest.length === 3 && Array.isArray(value) && typeof index === "number" && typeof value[index] === "string")
    return { ...plan, params: { ...plan.params, [name]: value.with(index, path) } };
  throw noFile(place);
}

function noFile(place: FilePlace): Failure {
  return new Failure("artifact.place", `the plan has no file at ${place.join(" ")}; one is required there`);
}
