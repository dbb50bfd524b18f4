/** Asks a node over HTTP as a program does: with a token, JSON in and out. */

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface Client {
  /** `users.get`, by POST /rpc/users/get. */
  rpc<Body = Record<string, unknown>>(
    method: string,
    params?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer<Body>>;
  get<Body = Record<string, unknown>>(path: string): Promise<Answer<Body>>;
  post<Body = Record<string, unknown>>(path: string, body: unknown): Promise<Answer<Body>>;
  /** As it comes. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
}

export function clientOf(address: string, token?: string): Client {
  const own: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://${address}${path}`, { ...init, headers: { ...own, ...(init.headers as Record<string, string>) } });
  const send = async <Body>(path: string, init?: RequestInit): Promise<Answer<Body>> => {
    const response = await ask(path, init);
    const { headers, status } = response;
    return { status, headers, body: (await response.json()) as Body };
  };
  const post = <Body>(
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Body>> =>
    send(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  return {
    ask,
    rpc: (method, params = {}, headers) => post(`/rpc/${method.replace(/\.(?=[^.]*$)/, "/")}`, params, headers),
    get: (path) => send(path),
    post: (path, body) => post(path, body),
    metrics: async () => (await ask("/metrics")).text(),
  };
}

/** The number of the first series whose line begins so; undefined when there is none. */
export function metricOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
}
