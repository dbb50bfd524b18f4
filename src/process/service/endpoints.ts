/** `GET /users/:id`: how a definition names an HTTP endpoint. */
import type { HttpEndpoint, HttpVerb } from "./words.ts";

const VERBS: readonly string[] = ["GET", "POST", "PUT", "PATCH", "DELETE"] satisfies HttpVerb[];
const FORM = /^([A-Z]+) (\/\S*)$/;
const SEGMENT = /^(:[A-Za-z_][A-Za-z0-9_]*|[A-Za-z0-9._~@-]+)$/;
const PATH_CHARS_MAX = 200;
const REQUIRED = `${VERBS.join("|")}, a space and a path such as /users/:id are required`;

/** What is wrong with it, or undefined. */
export function endpointFault(text: unknown): string | undefined {
  const [, verb, path] = FORM.exec(typeof text === "string" ? text : "") ?? [];
  if (verb === undefined || path === undefined || !VERBS.includes(verb)) return `${JSON.stringify(text)}: ${REQUIRED}`;
  if (path.length > PATH_CHARS_MAX) return `its path has ${path.length} characters; ${PATH_CHARS_MAX} are allowed`;
  const wrong = segmentsOf(path).find((segment) => !SEGMENT.test(segment));
  if (wrong !== undefined)
    return `${JSON.stringify(wrong)} in ${path} is neither letters, digits and . _ ~ @ - nor :name`;
  const names = segmentsOf(path).filter((segment) => segment.startsWith(":"));
  return new Set(names).size === names.length ? undefined : `${path} names a parameter twice`;
}

/** Of one that has no fault. */
export function readEndpoint(text: string): HttpEndpoint {
  const [verb, path] = text.split(" ") as [HttpVerb, string]; // as `endpointFault` has found
  return { verb, path };
}

/** The same for endpoints that would hear of the same requests. */
export function endpointShape({ path, verb }: HttpEndpoint): string {
  return `${verb} ${path.replace(/:[^/]+/g, ":")}`;
}

function segmentsOf(path: string): readonly string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}
