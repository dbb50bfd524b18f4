/** The masks of a gateway file: their keys read, and what each route hides where. */
import { systemClock } from "../../base/clock.ts";
import { type MaskCounts, MaskWork, maskedBytesFor, RouteMasks } from "../../edge/gateway/guard/index.ts";
import {
  compileMasks,
  hidesVariable,
  type MaskRules,
  maskMembers,
  maskPlace,
  maskText,
} from "../../edge/gateway/mask/index.ts";
import type { GatewayPlan, RoutePlan } from "../../edge/gateway/words/index.ts";
import { readMaskKeyFile } from "./mask-key.ts";

/** Where a text cannot be looked into in time, nothing of it is shown. */
const HIDDEN = "********";
/** Of words that stand in sentences and messages beside others. */
const WORDS = /[^\s"'<>()[\]{}]+/g;

/** What a text in a log is: a place (a path with its query, whose pieces are decoded one by one), or words for people. */
export type LogText = "place" | "words";

/**
 * What is to be seen of a text in logs. `route`: whose request it is of, as its plan or its id; none where none took it. By the file as it is
 * now; what began by a former file is hidden as that one has it, too.
 */
export type MaskLog = (text: string, route: RoutePlan | string | undefined, kind: LogText) => string;

export interface Masks {
  /** Undefined: nothing is hidden in requests and replies of this route. */
  forRoute(route: string): RouteMasks | undefined;
  readonly maskLog: MaskLog;
  /** Whether the log hides the field that a firewall names so (`ARGS:json.card`), of a request as `maskLog` has it. */
  readonly hidesQuoted: (variable: string, route: RoutePlan | string | undefined) => boolean;
  /** What was hidden in logs when a route's requests began, as long as there are some: also of former files. */
  readonly began: WeakMap<RoutePlan, MaskRules>;
  /** By route. */
  readonly counts: ReadonlyMap<string, MaskCounts>;
  /** Of all routes, and of the files before and behind. */
  readonly work: MaskWork;
}

/** Fails with `gateway.mask_key`. */
export function openMasks({ masks, routes, settings }: GatewayPlan, former?: Masks): Masks {
  const set = compileMasks(masks, readMaskKeyFile);
  const heldBytesMax = maskedBytesFor(settings.inflatedBytesMax);
  const work = former?.work ?? new MaskWork(systemClock, heldBytesMax);
  work.allow(heldBytesMax);
  const counts = new Map<string, MaskCounts>();
  const ofRoutes = new Map<string, RouteMasks>();
  const began = former?.began ?? new WeakMap<RoutePlan, MaskRules>();
  for (const route of routes) {
    const { id } = route;
    const ofLog = set.rulesFor(id, "log");
    if (ofLog) began.set(route, ofLog);
    const rules = { request: set.rulesFor(id, "request"), reply: set.rulesFor(id, "reply") };
    if (!rules.request && !rules.reply) continue;
    const own = new RouteMasks(rules, settings, work, former?.counts.get(id));
    ofRoutes.set(id, own);
    counts.set(id, own.counts);
  }
  return {
    counts,
    work,
    forRoute: (route) => ofRoutes.get(route),
    began,
    ...logMasks(logRules(routes, began, (route) => set.rulesFor(route, "log"))),
  };
}

type LogRules = (route: RoutePlan | string | undefined) => readonly MaskRules[];

function logMasks(rulesOf: LogRules): Pick<Masks, "hidesQuoted" | "maskLog"> {
  return {
    maskLog: (text, route, kind) => rulesOf(route).reduce((masked, rules) => shown(masked, rules, kind), text),
    hidesQuoted: (variable, route) => rulesOf(route).some((rules) => hidesVariable(variable, rules)),
  };
}

/** Of routes that the file does not know (it did before, or they are the gateway's own) all is hidden that it hides in logs of any route. */
function logRules(
  routes: readonly RoutePlan[],
  began: WeakMap<RoutePlan, MaskRules>,
  rulesFor: (route: string | undefined) => MaskRules | undefined,
): LogRules {
  const known = new Map(["", ...routes.map(({ id }) => id)].map((id) => [id, rulesFor(id)]));
  const all = rulesFor(undefined);
  const plans = new Set(routes);
  return (route) => {
    const id = typeof route === "object" ? route.id : (route ?? "");
    const rules = known.has(id) ? known.get(id) : all;
    const former = typeof route === "object" && !plans.has(route) ? began.get(route) : undefined;
    return [...(rules ? [rules] : []), ...(former ? [former] : [])];
  };
}

function shown(text: string, rules: MaskRules, kind: LogText): string {
  try {
    if (kind === "place") return maskPlace(maskMembers(text, rules), rules).text;
    // What is quoted of a place may have quotes and brackets in it, and all of a value is hidden.
    const named = rules.paths.length === 0 ? text : text.replaceAll(/\S+/g, (word) => maskMembers(word, rules));
    const { text: masked } = maskText(named, rules);
    if (!/[%+]/.test(masked)) return masked;
    // A path or form may stand among the words: only those of its pieces are written anew in which something is hidden.
    return masked.replaceAll(WORDS, (word) => (/[%+]/.test(word) ? maskPlace(word, rules).text : word));
  } catch {
    return HIDDEN; // an expression that takes too long: what it would have found is not known
  }
}
