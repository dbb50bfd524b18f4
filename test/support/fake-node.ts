/** A node that serves the dashboard and answers its calls with what a test has laid out. */
import { dashboardPage, type Overview } from "../../src/edge/dashboard/index.ts";

export interface TakenCall {
  readonly method: string;
  readonly input: unknown;
}

type Answer = (input: unknown) => unknown;

/** Thrown by an answer: a refusal. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export const FAKE_TOKEN = "header.claims.signature";

export class FakeNode implements Disposable {
  readonly calls: TakenCall[] = [];
  readonly answers = new Map<string, Answer>();
  /** Paths that were asked for without a token. */
  readonly paths: string[] = [];
  readonly #server: Bun.Server<unknown>;

  constructor(overview: () => Overview, role = "operator") {
    this.answers.set("auth/whoami", () => ({ subject: "alice", role, access: role === "viewer" ? "read" : "operate" }));
    this.answers.set("overview/snapshot", overview);
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#answer(request) });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** Calls that are no looks. */
  get acts(): readonly TakenCall[] {
    return this.calls.filter(({ method }) => method !== "overview/snapshot" && method !== "auth/whoami");
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "GET") {
      this.paths.push(pathname);
      return (await dashboardPage(pathname, request.headers)) ?? new Response(null, { status: 404 });
    }
    if (request.headers.get("authorization") !== `Bearer ${FAKE_TOKEN}`)
      return problem(new Refusal(401, "rpc.unauthenticated", "a token is required"));
    const method = pathname.replace(/^\/rpc\//, "");
    const input: unknown = await request.json();
    this.calls.push({ method, input });
    const answer = this.answers.get(method);
    if (!answer) return problem(new Refusal(404, "rpc.unknown_method", `there is no method ${method}`));
    try {
      return Response.json(answer(input));
    } catch (thrown) {
      if (thrown instanceof Refusal) return problem(thrown);
      throw thrown;
    }
  }
}

function problem({ code, message, status }: Refusal): Response {
  return Response.json(
    { type: "about:blank", title: "refused", status, detail: message, code, retryable: false },
    { status, headers: { "content-type": "application/problem+json" } },
  );
}
