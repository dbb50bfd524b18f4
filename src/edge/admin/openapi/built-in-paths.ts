/** Operations of what the API answers by itself. */
import { jsonAnswer, type Operation, responses, streamAnswer } from "./operations.ts";

export interface PathOperation {
  readonly path: string;
  readonly verb: string;
  readonly operation: Operation;
}

const STATUS = {
  type: "object",
  required: ["status"],
  properties: { status: { type: "string", examples: ["healthy", "draining", "live", "ready"] } },
} as const;
const ANY_OBJECT = { type: "object", additionalProperties: true } as const;

export function builtInPaths(): PathOperation[] {
  return [
    probe("/health", "Whether the node is well, or leaving"),
    probe("/livez", "Whether the process does its work"),
    probe("/readyz", "Whether it takes new work; 503 while it drains"),
    page("/metrics", "Metrics as Prometheus reads them", "text/plain", { type: "string" }),
    page("/openapi.json", "This document", "application/vnd.oai.openapi+json;version=3.1", ANY_OBJECT),
    page("/rpc", "The contracts and services that can be called", "application/json", ANY_OBJECT),
    listing(),
    anyCall(),
  ];
}

function probe(path: string, summary: string): PathOperation {
  const operation = {
    operationId: `get${path.replaceAll("/", "_")}`,
    summary,
    tags: ["node"],
    security: [],
    responses: responses(jsonAnswer(STATUS, "So it is."), [400, 503]),
  };
  return { path, verb: "GET", operation };
}

function page(path: string, summary: string, type: string, schema: unknown): PathOperation {
  const answer = { description: "Here it is.", content: { [type]: { schema } } };
  const operationId = `get${path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`;
  return {
    path,
    verb: "GET",
    operation: { operationId, summary, tags: ["node"], responses: responses(answer, [401, 403, 429]) },
  };
}

const NAME = { name: "service", in: "path", required: true, schema: { type: "string" } } as const;

function listing(): PathOperation {
  const operation = {
    operationId: "get_rpc_service",
    summary: "One contract or service with its methods",
    tags: ["node"],
    parameters: [NAME],
    responses: responses(jsonAnswer(ANY_OBJECT), [401, 403, 404, 429]),
  };
  return { path: "/rpc/{service}", verb: "GET", operation };
}

function anyCall(): PathOperation {
  const content = { ...jsonAnswer({}).content, ...streamAnswer({}).content };
  const method = { name: "method", in: "path", required: true, schema: { type: "string" } };
  const operation = {
    operationId: "call",
    summary: "Call any method of a contract or service",
    tags: ["node"],
    parameters: [{ ...NAME, description: "`users`, `users@1` or `users@1.2.0`" }, method],
    requestBody: { required: true, content: { "application/json": { schema: {} } } },
    responses: responses({ description: "What the method gives.", content }, [400, 401, 403, 404, 429, 503]),
  };
  return { path: "/rpc/{service}/{method}", verb: "POST", operation };
}
