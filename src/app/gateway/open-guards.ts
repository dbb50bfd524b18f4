/** The firewalls and masks of a gateway file, loaded, and what they say of themselves. */
import { randomInt } from "node:crypto";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { RouteGuards } from "../../edge/gateway/core/index.ts";
import { Firewall, type FirewallPorts, heldBytesFor, Inspections } from "../../edge/gateway/guard/index.ts";
import type { GatewayPlan, RoutePlan, WafPlan } from "../../edge/gateway/words/index.ts";
import {
  diskWafFiles,
  type LoadedWaf,
  loadWaf,
  loadWafInTurns,
  type WafFiles,
  type WafPorts,
  type WafProposal,
  type WafRecord,
  type WafSettings,
} from "../../edge/waf/engine/index.ts";
import { warnOnceAWhile } from "../node/say-once.ts";
import type { ProposalView, WafView } from "./gateway-contract.ts";
import { type MaskLog, type Masks, openMasks } from "./open-masks.ts";
import { SeenFiles } from "./seen-files.ts";
import { type Audit, type MaskText, openAudit, rulesTold, wafText, withoutQuotes } from "./waf-audit.ts";
import { isWrong, refusalNotes, requireRules, saidOf } from "./waf-notes.ts";

const SEEDS = 2 ** 32;
/** What is not supported is told at load, so many of each firewall; `gateway check --json` and `gateway status --json` have all. */
const UNSUPPORTED_TOLD_MAX = 5;

export interface Firewalls {
  guardsFor(route: RoutePlan): RouteGuards;
  views(): readonly WafView[];
  proposals(): readonly ProposalView[];
  loaded(): readonly OpenWaf[];
  readonly masks: Masks;
  /** Where requests wait that take long to be looked into. */
  readonly inspections: Inspections;
  /** What the masks make of a text in the log. */
  readonly maskLog: MaskLog;
}

type LogMasks = Pick<Masks, "hidesQuoted" | "maskLog">;

export interface OpenWaf {
  readonly plan: WafPlan;
  readonly loaded: LoadedWaf;
  /** What its rules were read from. */
  readonly files: SeenFiles;
  readonly firewall: Firewall;
  /** How what it says is masked: by the file as it is now. */
  readonly said: { masks: LogMasks };
  readonly audit: Audit | undefined;
}

export interface GuardPorts {
  readonly logger: Logger;
  readonly server: () => { readonly address: string; readonly port: number };
}

interface WafGuardPorts extends GuardPorts {
  readonly isReload: boolean;
  readonly inspections: Inspections;
}

/**
 * One whose line says the same as before, and whose rule files are the same, goes on with what it knows. Others are loaded and warmed up in turns with
 * the requests under way, which go by the former ones until all are ready.
 */
export async function openGuards(plan: GatewayPlan, ports: GuardPorts, former?: Firewalls): Promise<Firewalls> {
  const masks = openMasks(plan, former?.masks);
  const inspections = former?.inspections ?? new Inspections(systemClock);
  inspections.allow(
    heldBytesFor(
      Math.max(
        plan.settings.inflatedBytesMax,
        ...plan.wafs.map(({ bodyBytesMax, replyBytesMax }) => Math.max(bodyBytesMax, replyBytesMax)),
      ),
    ),
  );
  const same = former?.loaded().filter(({ files }) => files.isUnchanged) ?? [];
  const kept = new Map(same.map((each) => [lineOf(each.plan), each]));
  const wafs: OpenWaf[] = [];
  for (const each of plan.wafs) {
    if (each.mode !== "off")
      wafs.push(
        kept.get(lineOf(each)) ??
          (await openWaf(plan, each, { ...ports, inspections, isReload: former !== undefined })),
      );
  }
  for (const { said } of wafs) said.masks = masks;
  for (const each of former?.loaded() ?? []) if (!wafs.includes(each)) each.audit?.close();
  return firewallsOf(wafs, masks, inspections);
}

/**
 * Apart from `openGuards`: what is made in an async function that has waited holds all that this function had, here the former firewalls, which
 * hold those before them.
 */
function firewallsOf(wafs: readonly OpenWaf[], masks: Masks, inspections: Inspections): Firewalls {
  return {
    masks,
    inspections,
    guardsFor(route) {
      const hiding = masks.forRoute(route.id);
      const own = wafs.filter(({ plan: { routes } }) => routes.length === 0 || routes.includes(route.id));
      return {
        // The firewall sees what came; masks stand between it and everybody else.
        steps: [...own.map(({ firewall }) => firewall.step), ...(hiding ? [hiding.step] : [])],
        guards: [
          ...own.filter(({ plan: each }) => each.looksAtReplies).map(({ firewall }) => firewall.guard),
          ...(hiding?.guard ? [hiding.guard] : []),
        ],
      };
    },
    views: () => wafs.map(viewOf),
    proposals: () => wafs.flatMap(proposalsOf),
    loaded: () => wafs,
    maskLog: masks.maskLog,
  };
}

function lineOf(plan: WafPlan): string {
  return JSON.stringify({ ...plan, line: 0 });
}

async function openWaf(plan: GatewayPlan, waf: WafPlan, ports: WafGuardPorts): Promise<OpenWaf> {
  const { inspections, isReload, logger, server } = ports;
  const files = new SeenFiles(diskWafFiles());
  const loaded = await loadWafInTurns(wafSettings(plan, waf), wafPorts(files));
  if (isReload) requireRules(waf, loaded);
  await loaded.waf.warmUp();
  const log = logger.child({ component: "waf", waf: waf.id });
  const sets = loaded.signatures.length === 0 ? "" : ` (${loaded.signatures.join(", ")})`;
  log.info(`${loaded.ruleCount} rules of ${loaded.files.length} files${sets}`, {
    mode: waf.mode,
    paranoia: waf.paranoia,
  });
  for (const item of loaded.unsupported.slice(0, UNSUPPORTED_TOLD_MAX)) log.warn(saidOf(item));
  const more = loaded.unsupported.length - UNSUPPORTED_TOLD_MAX;
  if (more > 0) log.warn(`${more} more things of these rules are not supported; gateway status --json lists them`);
  const warn = warnOnceAWhile(log, systemClock);
  const said: OpenWaf["said"] = { masks: { maskLog: (text) => text, hidesQuoted: () => false } };
  const audit = openAudit(waf.auditLog, (text) => log.warn(text));
  const onRecord: FirewallPorts["onRecord"] = (record, passage) => {
    const route = passage.route?.plan ?? record.route;
    const quoted = withoutQuotes(record.matches, (variable) => said.masks.hidesQuoted(variable, route));
    const mask: MaskText = (text) => said.masks.maskLog(quoted(text), route, "words");
    tell(record, passage.id, log, warn, mask);
    audit?.add(record, passage.id, mask);
  };
  return {
    plan: waf,
    loaded,
    files,
    firewall: new Firewall({ waf: loaded.waf, server, inspections, onRecord }),
    said,
    audit,
  };
}

function wafSettings({ settings }: GatewayPlan, waf: WafPlan): WafSettings {
  const { inflatedBytesMax, inflateRatioMax } = settings;
  return { ...waf, inflatedBytesMax, inflateRatioMax };
}

function wafPorts(files: WafFiles): WafPorts {
  return { files, clock: systemClock, random: seededRandom(randomInt(SEEDS)) };
}

/** Every block with its reasons; what detect mode would have blocked too. */
function tell(
  record: WafRecord,
  request: string,
  log: Logger,
  warn: ReturnType<typeof warnOnceAWhile>,
  mask: MaskText,
): void {
  const { client, inboundScore, route, verdict, wouldBe } = record;
  const said = verdict.kind === "block" ? verdict : wouldBe;
  if (said.kind === "pass") return;
  const rules = rulesTold(record, mask);
  const fields = { request, client, route, reason: said.reason, status: said.status, score: inboundScore, rules };
  const message = wafText(said.message, mask);
  if (verdict.kind === "block") log.warn(`blocked: ${message}`, fields);
  else warn(`would have been blocked: ${message}`, fields);
}

function viewOf({ loaded: { ruleCount, unsupported, waf }, plan }: OpenWaf): WafView {
  const { blocked, transactions, wouldBlock } = waf.counts();
  return { id: plan.id, mode: plan.mode, rules: ruleCount, transactions, blocked, wouldBlock, unsupported };
}

function sampleOf({ routes, sample }: WafProposal["evidence"], variable: string, masks: LogMasks): string {
  const route = routes[0]?.route;
  const quoted = withoutQuotes([{ variable, piece: sample, data: sample }], (name) => masks.hidesQuoted(name, route));
  return wafText(sample, (text) => masks.maskLog(quoted(text), route, "words"));
}

function proposalsOf({ loaded, plan, said }: OpenWaf): readonly ProposalView[] {
  return loaded.waf.proposals().map(({ directive, evidence, exclude, message, variable }) => ({
    ...{ waf: plan.id, directive, exclude, message },
    requests: evidence.requests,
    clients: evidence.clients,
    share: evidence.share,
    routes: evidence.routes.map(({ route }) => route),
    sample: sampleOf(evidence, variable, said.masks),
  }));
}

/** What one says of its rules; mistakes in those that are to block are faults. Fails with what keeps it from loading. */
export function firewallFindings(
  plan: GatewayPlan,
  waf: WafPlan,
): { readonly faults: readonly string[]; readonly notes: readonly string[] } {
  const loaded = loadWaf(wafSettings(plan, waf), wafPorts(diskWafFiles()));
  const { unsupported } = loaded;
  return {
    faults: unsupported.filter((item) => isWrong(waf, item)).map(saidOf),
    notes: [...refusalNotes(plan, waf, loaded), ...unsupported.filter((item) => !isWrong(waf, item)).map(saidOf)],
  };
}
