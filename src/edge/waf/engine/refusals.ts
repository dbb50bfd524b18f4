/** Which honest requests a firewall refuses whatever is in them, so that people hear of it before their clients do: methods, and calls of gRPC. */
import type { HeaderList } from "../../../wire/http/index.ts";
import type { Waf } from "./waf.ts";
import type { WafContext, WafRecord, WafRequestHead } from "./words.ts";

export interface WafRefusal {
  /** `PUT, PATCH, DELETE`, `calls of gRPC` */
  readonly what: string;
  readonly ruleIds: readonly number[];
}

/** What of that its routes take. */
export interface WafUse {
  readonly methods: readonly string[];
  readonly isGrpc: boolean;
}

const CONTEXT: WafContext = {
  clientAddress: "192.0.2.1",
  clientPort: 40_000,
  serverAddress: "192.0.2.2",
  serverPort: 443,
  route: "",
};
const PLAIN: HeaderList = ["user-agent", "Mozilla/5.0 (X11; Linux)", "accept", "*/*"];
const GRPC: HeaderList = ["user-agent", "grpc-node-js/1.9", "content-type", "application/grpc", "te", "trailers"];
const NOTHING = new Uint8Array();

/** Asks it; its counts and statistics take that for requests. Nothing is said of one that refuses a plain GET, too. */
export function refusalsOf(waf: Waf, { isGrpc, methods }: WafUse): readonly WafRefusal[] {
  if (refusedBy(waf, "GET", PLAIN) !== undefined) return [];
  const byRules = new Map<string, { methods: string[]; ruleIds: readonly number[] }>();
  for (const method of methods) {
    const ruleIds = refusedBy(waf, method, PLAIN);
    const known = byRules.get(String(ruleIds));
    if (known !== undefined) known.methods.push(method);
    else if (ruleIds !== undefined) byRules.set(String(ruleIds), { methods: [method], ruleIds });
  }
  const refusals = [...byRules.values()].map((each) => ({ what: each.methods.join(", "), ruleIds: each.ruleIds }));
  const ofGrpc = isGrpc ? refusedBy(waf, "POST", GRPC) : undefined;
  return ofGrpc === undefined ? refusals : [...refusals, { what: "calls of gRPC", ruleIds: ofGrpc }];
}

/** Undefined: it lets that pass. */
function refusedBy(waf: Waf, method: string, headers: HeaderList): readonly number[] | undefined {
  const target = headers === GRPC ? "/shop.v1.Orders/Get" : "/orders/1";
  const head: WafRequestHead = { method, target, version: "2", authority: "www.example.com", headers };
  const transaction = waf.transaction(CONTEXT);
  if (transaction.requestHead(head).kind === "pass") transaction.requestBody(NOTHING);
  return ruleIdsOf(transaction.end());
}

function ruleIdsOf({ matches, wouldBe }: WafRecord): readonly number[] | undefined {
  if (wouldBe.kind === "pass") return undefined;
  const own = matches.filter(({ ruleId, severity }) => severity !== "" && ruleId !== wouldBe.ruleId);
  const ids = own.length === 0 ? [wouldBe.ruleId] : own.map(({ ruleId }) => ruleId);
  return [...new Set(ids)];
}
