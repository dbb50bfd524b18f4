/**
 * Asks the node that has served this page: one method of a contract a call, JSON in and out, with the token of whoever has signed in.
 * A refusal becomes a Problem with the node's own words.
 */

export type Call = (contract: string, method: string, input: unknown) => Promise<unknown>;

/** What `application/problem+json` says; also when the node could not be asked at all. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
  }

  /** The token is wrong, late or revoked. */
  get isUnauthenticated(): boolean {
    return this.status === 401;
  }
}

export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

export function apiOf(token: string, fetcher: Fetch): Call {
  return async (contract, method, input) => {
    const response = await sent(fetcher, `/rpc/${contract}/${method}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(input),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
    const answer = await bodyOf(response);
    if (response.ok) return answer;
    throw problemOf(response.status, answer);
  };
}

async function sent(fetcher: Fetch, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetcher(path, init);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Problem(0, "page.unreachable", `the node does not answer: ${why}`);
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => "");
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told by the status alone
  }
}

/** Problem details, or a failure as contracts tell it. */
export function problemOf(status: number, answer: unknown): Problem {
  const { code, detail, message, title } = (answer ?? {}) as Readonly<Record<string, unknown>>; // checked here
  const words = [detail, message, title].find((each): each is string => typeof each === "string" && each !== "");
  return new Problem(status, typeof code === "string" ? code : "page.refused", words ?? `the node answers ${status}`);
}
