/** A firewall of a few rules, and requests for it. */
import { seededRandom } from "../../src/base/random.ts";
import {
  type LoadedWaf,
  loadWaf,
  Turn,
  type WafFiles,
  type WafRecord,
  type WafSettings,
  type WafVerdict,
} from "../../src/edge/waf/engine/index.ts";
import { SteppedClock } from "./stepped-clock.ts";

export const RULES_FILE = "/rules/test.conf";

export const SETTINGS: WafSettings = {
  id: "w",
  rules: RULES_FILE,
  mode: "block",
  paranoia: 1,
  inboundThreshold: 5,
  outboundThreshold: 4,
  bodyBytesMax: 65_536,
  replyBytesMax: 65_536,
  looksAtReplies: true,
  exclude: [],
};

export function memoryFiles(texts: Readonly<Record<string, string>>): WafFiles {
  const names = Object.keys(texts);
  return {
    isDirectory: (path) => names.some((name) => name.startsWith(`${path}/`)),
    list: (directory) =>
      names
        .filter((name) => name.slice(0, name.lastIndexOf("/")) === directory)
        .map((name) => name.slice(directory.length + 1)),
    read: (path) => texts[path],
  };
}

export interface TestWaf extends LoadedWaf {
  readonly clock: SteppedClock;
}

export function wafOf(rules: string, settings: Partial<WafSettings> = {}): TestWaf {
  const clock = new SteppedClock();
  const ports = { files: memoryFiles({ [RULES_FILE]: rules }), clock, random: seededRandom(1) };
  return { ...loadWaf({ ...SETTINGS, ...settings }, ports), clock };
}

export interface Ask {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  readonly reply?: {
    readonly status?: number;
    readonly headers?: readonly string[];
    readonly body?: string | Uint8Array;
  };
  readonly client?: string;
  readonly route?: string;
}

export interface Asked {
  /** The first block, else pass. */
  readonly verdict: WafVerdict;
  readonly record: WafRecord;
  readonly ruleIds: readonly number[];
}

/** In one go. */
export function ask(waf: LoadedWaf, request: Ask): Asked {
  const asking = askingInTurns(waf, request, ENDLESS);
  for (;;) {
    const { done, value } = asking.next();
    if (done === true) return value;
  }
}

const ENDLESS = new Turn(() => 0);

/** Yields whenever a turn is over; whoever goes on has begun the next one. */
export function* askingInTurns({ waf }: LoadedWaf, request: Ask, turn: Turn): Generator<void, Asked, void> {
  const context = {
    clientAddress: request.client ?? "192.0.2.7",
    clientPort: 1,
    serverAddress: "192.0.2.1",
    serverPort: 80,
    route: request.route ?? "r",
  };
  const transaction = waf.transaction(context);
  const toVerdict = function* (said: WafVerdict | undefined): Generator<void, WafVerdict, void> {
    let verdict = said;
    while (verdict === undefined) {
      yield;
      verdict = transaction.goOn(turn);
    }
    return verdict;
  };
  const head = {
    method: request.method ?? "GET",
    target: request.target ?? "/",
    version: "1.1",
    authority: "x.example",
    headers: [...(request.headers ?? [])],
  };
  let verdict = yield* toVerdict(transaction.requestHead(head, turn));
  if (verdict.kind === "pass")
    verdict = yield* toVerdict(transaction.requestBody(Buffer.from(request.body ?? ""), turn));
  if (verdict.kind === "pass" && request.reply !== undefined) {
    const { status = 200, headers: replyHeaders = ["content-type", "text/html"], body = "" } = request.reply;
    verdict = transaction.replyHead({ status, headers: [...replyHeaders] });
    if (verdict.kind === "pass")
      verdict = yield* toVerdict(transaction.replyBody(Buffer.from(transaction.wantsReplyBody ? body : ""), turn));
  }
  const record = transaction.end();
  return { verdict, record, ruleIds: record.matches.map((match) => match.ruleId) };
}

export function statusOf({ verdict }: Asked): number {
  return verdict.kind === "pass" ? 200 : verdict.status;
}
