/** What rules (Lua, TypeScript plugins) get to see of a request, and what they may decide. */

export interface RuleRequest {
  readonly method: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  /** As it was sent, without the question mark. */
  readonly query: string;
  /** Lower case names; of several with one name the values joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's address, behind trusted proxies. */
  readonly client: string;
  /** Of the route. */
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  /** Of the token, where one was asked for. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** What is not named stays as the route says. */
export interface RuleDecision {
  /** The name of one of the route's targets, or a URL: such a target counts as dynamic. */
  readonly target?: string | undefined;
  /** Path and query for the upstream. */
  readonly path?: string | undefined;
  /** Set; false: removed. */
  readonly headers?: Readonly<Record<string, string | false>> | undefined;
  /** Answers at once. */
  readonly reply?:
    | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
    | undefined;
}

/** Failures: `gateway.rule_failed` (it threw), `gateway.rule_timeout`, `gateway.rule_memory`, `gateway.rule_invalid` (it decided nonsense), `gateway.rule_busy`. */
export interface RouteRules {
  decide(request: RuleRequest): Promise<RuleDecision>;
  close(): Promise<void>;
}
