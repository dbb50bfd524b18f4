/** Operations of the services that are offered now: their methods under `/rpc`, and the endpoints that they declare. */
import type { MethodDescription, ServiceDescription } from "../../../process/service/index.ts";
import type { FoundEndpoint, ServiceDoor } from "../../../work/service/words/index.ts";
import { type Schema, schemaOf } from "../fields.ts";
import type { PathOperation } from "./built-in-paths.ts";
import {
  bodyOf,
  callOperation,
  jsonAnswer,
  namesIn,
  type Operation,
  parameterOf,
  picked,
  responses,
  sentence,
  streamAnswer,
} from "./operations.ts";
import type { Components } from "./schemas.ts";

/** Methods and endpoints of one document: beyond it nobody reads on, and making it would hold up the node. */
const OPERATIONS_MAX = 2_000;
const TAG = "services";
const FAILURES = [400, 401, 403, 404, 429, 503] as const;

type Services = Pick<ServiceDoor, "list" | "find" | "endpoints">;

/** Each is made when it is taken. */
export function* servicePaths(services: Services, components: Components): Generator<PathOperation> {
  const latest = new Map(services.list().map(({ name }) => [name, services.find(name)]));
  const calls = [...latest.values()].flatMap((each) => (each ? methodsOf(each) : []));
  const endpoints = services.endpoints().flatMap((found) => endpointOf(found, services) ?? []);
  for (const each of calls.slice(0, OPERATIONS_MAX)) yield callPath(each, components);
  for (const each of endpoints.slice(0, OPERATIONS_MAX)) yield endpointPath(each, components);
}

interface NamedMethod {
  readonly service: ServiceDescription;
  readonly name: string;
  readonly method: MethodDescription;
}

function methodsOf(service: ServiceDescription): NamedMethod[] {
  return Object.entries(service.methods)
    .filter(([, { isPublic }]) => isPublic)
    .map(([name, method]) => ({ service, name, method }));
}

function callPath({ service, name, method }: NamedMethod, components: Components): PathOperation {
  const { about, access, input, isStream, output } = method;
  const title = `service.${service.name}.${name}`;
  const description = `Version ${service.version}; needs \`${access}\`, or a scope for it.`;
  const operation = callOperation({ title, about, description, tag: TAG, input, output, isStream }, components);
  return { path: `/rpc/${service.name}/${name}`, verb: "POST", operation };
}

interface NamedEndpoint extends NamedMethod {
  readonly found: FoundEndpoint;
}

function endpointOf(found: FoundEndpoint, services: Services): NamedEndpoint | undefined {
  const service = services.find(`${found.service}@${found.version}`);
  if (!service || !Object.hasOwn(service.methods, found.method)) return undefined;
  const method = service.methods[found.method]!;
  return method.isPublic ? { service, name: found.method, method, found } : undefined;
}

function endpointPath({ service, name, method, found }: NamedEndpoint, components: Components): PathOperation {
  const { verb } = found.endpoint;
  const path = found.endpoint.path.replaceAll(/:([^/]+)/g, "{$1}");
  const title = `service.${service.name}.${name}`;
  const input = schemaOf(method.input);
  const answer = components.add(`${title}.output`, method.output);
  const operation: Operation = {
    operationId: `endpoint_${verb.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`,
    summary: sentence(method.about === "" ? `${service.name}.${name}` : method.about),
    description: `\`${service.name}.${name}\`, version ${service.version}; needs \`${method.access}\`, or a scope for it.`,
    tags: [TAG],
    ...fieldsOf(input, path, verb, { title, components }),
    responses: responses(method.isStream ? streamAnswer(answer) : jsonAnswer(answer), FAILURES),
  };
  return { path, verb, operation };
}

function fieldsOf(
  input: Schema,
  path: string,
  verb: string,
  { title, components }: { readonly title: string; readonly components: Components },
): Pick<Operation, "parameters" | "requestBody"> {
  const inPath = namesIn(path);
  const rest = Object.keys(schemaOf(input.properties)).filter((each) => !inPath.includes(each));
  const hasBody = verb !== "GET" && verb !== "DELETE" && rest.length > 0;
  const component = `${title}.input`;
  components.add(component, input);
  const parameters = [
    ...inPath.map((each) => parameterOf(input, each, "path", component, components)),
    ...(hasBody ? [] : rest.map((each) => parameterOf(input, each, "query", component, components))),
  ];
  return {
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && { requestBody: bodyOf(components.field(component, picked(input, rest))) }),
  };
}
