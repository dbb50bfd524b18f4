/** The masks of a gateway file: their keys read, and what each route hides where. */
import { readFileSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { heldBytesFor, type MaskCounts, MaskWork, RouteMasks } from "../../edge/gateway/guard/index.ts";
import {
  compileMasks,
  type MaskKeys,
  type MaskRules,
  maskPlace,
  maskText,
  readMaskKey,
} from "../../edge/gateway/mask/index.ts";
import type { GatewayPlan, MaskPlan, RoutePlan } from "../../edge/gateway/words/index.ts";
import { systemEntropy } from "../secrets/entropy.ts";

/** Where a text cannot be looked into in time, nothing of it is shown. */
const HIDDEN = "********";
/** In one note. */
const ROUTES_NAMED_MAX = 8;

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
  /** What was hidden in logs when a route's requests began, as long as there are some: also of former files. */
  readonly began: WeakMap<RoutePlan, MaskRules>;
  /** By route. */
  readonly counts: ReadonlyMap<string, MaskCounts>;
  /** Of all routes, and of the files before and behind. */
  readonly work: MaskWork;
}

/** Fails with `gateway.mask_key`. */
export function openMasks({ masks, routes, settings }: GatewayPlan, former?: Masks): Masks {
  const set = compileMasks(masks, readKey);
  const heldBytesMax = heldBytesFor(settings.inflatedBytesMax);
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
    maskLog: logMasks(routes, began, (route) => set.rulesFor(route, "log")),
  };
}

/** Of routes that the file does not know (it did before, or they are the gateway's own) all is hidden that it hides in logs of any route. */
function logMasks(
  routes: readonly RoutePlan[],
  began: WeakMap<RoutePlan, MaskRules>,
  rulesFor: (route: string | undefined) => MaskRules | undefined,
): MaskLog {
  const known = new Map(["", ...routes.map(({ id }) => id)].map((id) => [id, rulesFor(id)]));
  const all = rulesFor(undefined);
  const plans = new Set(routes);
  return (text, route, kind) => {
    const id = typeof route === "object" ? route.id : (route ?? "");
    const rules = known.has(id) ? known.get(id) : all;
    const masked = rules ? shown(text, rules, kind) : text;
    const former = typeof route === "object" && !plans.has(route) ? began.get(route) : undefined;
    return former ? shown(masked, former, kind) : masked;
  };
}

/** Masks over routes whose clients they shut out: what is in gRPC messages and WebSockets nobody can hide, so it is refused. */
export function maskNotes({ fileName, masks, routes }: GatewayPlan): readonly string[] {
  return masks
    .filter(({ where }) => where.includes("request") || where.includes("reply"))
    .flatMap((mask) => {
      const covered = routes.filter(({ id }) => mask.routes.length === 0 || mask.routes.includes(id));
      const kinds = [
        ["gRPC", covered.filter(servesGrpc)],
        ["WebSocket", covered.filter(servesWebSocket)],
      ] as const;
      return kinds
        .filter(([, refused]) => refused.length > 0)
        .map(([kind, refused]) => noteOf(mask, fileName, kind, refused));
    });
}

function noteOf({ line, routes }: MaskPlan, file: string, kind: string, refused: readonly RoutePlan[]): string {
  const named = refused.slice(0, ROUTES_NAMED_MAX).map(({ id }) => id);
  const more = refused.length - named.length;
  const which = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const how = routes.length === 0 ? "the mask names no routes= and so covers" : "the mask covers";
  return (
    `${file}:${line}: ${how} ${which}: ${kind} clients will be refused there, because masks cannot look into ${kind}; ` +
    `name routes without ${kind} in routes=, or let ${kind} clients have a route of their own`
  );
}

function servesGrpc({ match, options, targets }: RoutePlan): boolean {
  if (options.convert.mode === "grpc-json") return true;
  if (match.contentTypes.some((type) => type.startsWith("application/grpc"))) return true;
  return targets.some((target) => target.kind === "origin" && /^grpcs?$/.test(target.origin.scheme));
}

function servesWebSocket({ targets }: RoutePlan): boolean {
  return targets.some((target) => target.kind === "origin" && /^wss?$/.test(target.origin.scheme));
}

function shown(text: string, rules: MaskRules, kind: LogText): string {
  try {
    if (kind === "place") return maskPlace(text, rules).text;
    const { text: masked } = maskText(text, rules);
    if (!/[%+]/.test(masked)) return masked;
    // A path or form may stand among the words: only those of its pieces are written anew in which something is hidden.
    return masked.replaceAll(WORDS, (word) => (/[%+]/.test(word) ? maskPlace(word, rules).text : word));
  } catch {
    return HIDDEN; // an expression that takes too long: what it would have found is not known
  }
}

function readKey(path: string): MaskKeys {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (thrown) {
    throw new Failure("gateway.mask_key", `cannot read the key ${path}: ${messageOf(thrown)}; 32 bytes are required`);
  }
  return readMaskKey(content, path, systemEntropy);
}
