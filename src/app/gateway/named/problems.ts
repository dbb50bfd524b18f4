/** Failures that pipelines, services and tasks answer with, in the form of the gateway's own: problems (RFC 9457) with the request's id. */
import { headerOf, type RequestHead, reasonOf } from "../../../wire/http/index.ts";
import type { PostAnswer } from "../../../work/pipeline/source/index.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** Of the node's own API, which browsers may open; what is said here is whatever the route makes of it. */
const OF_PAGES: ReadonlySet<string> = new Set(["content-security-policy", "referrer-policy", "x-content-type-options"]);

/** As the gateway has given it, before anybody was asked. */
export function requestIdOf({ headers }: Pick<RequestHead, "headers">): string | undefined {
  return headerOf(headers, "x-request-id");
}

/** Of a problem; what is none stays as it is. */
export function problemHeaders(headers: readonly string[], requestId: string | undefined): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!OF_PAGES.has(headers[at]!)) kept.push(headers[at]!, headers[at + 1]!);
  }
  return requestId === undefined ? kept : [...kept, "x-request-id", requestId];
}

/** A pipeline's refusal (`{code, message, data}`) as a problem. */
export function problemAnswer(answer: PostAnswer, requestId: string | undefined): PostAnswer {
  const said = answer.status < 400 ? undefined : objectOf(answer.text);
  if (typeof said?.code !== "string" || typeof said.message !== "string") return answer;
  const { code, data, message, retryable } = said;
  const title = reasonOf(answer.status) || "Error";
  const problem = {
    type: "about:blank",
    title,
    status: answer.status,
    detail: message,
    code,
    retryable,
    data,
    requestId,
  };
  return { ...answer, headers: { ...answer.headers, "content-type": PROBLEM_TYPE }, text: JSON.stringify(problem) };
}

/** A problem's bytes, with the id among them. */
export function identified(problem: ReadableStream<Uint8Array>, requestId: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      const text = await new Response(problem).text();
      const said = objectOf(text);
      controller.enqueue(Buffer.from(said === undefined ? text : JSON.stringify({ ...said, requestId })));
      controller.close();
    },
  });
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // it is no JSON, and goes on as it is
  }
}
