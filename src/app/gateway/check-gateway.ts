/** `gateway check`: every fault of a gateway file and of the files that it names, and what may stand in one. */
import { messageOf } from "../../base/errors.ts";
import { explainGatewayFile, loadGatewayFile } from "../../edge/gateway/file/index.ts";
import type { GatewayPlan } from "../../edge/gateway/words/index.ts";
import { checkKeySet } from "./doorkeeper.ts";
import { checkLogPlaces } from "./log-places.ts";
import { checkDescriptors } from "./open-conversions.ts";
import { checkFirewalls } from "./open-guards.ts";
import { maskNotes, openMasks } from "./open-masks.ts";
import { checkScripts } from "./open-rules.ts";
import { TlsFiles, upstreamMaterial } from "./tls-files.ts";

export interface GatewayCheck {
  readonly faults: readonly { readonly code: string; readonly message?: string }[];
  /** No faults, and worth knowing: what of the firewall's rules is not supported, whom masks shut out. */
  readonly notes: readonly string[];
  readonly summary: Readonly<Record<string, number>>;
  /** For people. */
  readonly text: string;
}

/** Notes that are shown to people; `--json` has them all. */
const NOTES_SHOWN_MAX = 20;

/** Fails when the file cannot be read. */
export async function checkGateway(path: string): Promise<GatewayCheck> {
  const { faults, plan, report } = await loadGatewayFile(path, process.cwd());
  if (faults.length > 0) return { faults, notes: [], summary: {}, text: report };
  const behind = await behindFile(plan);
  const told = behind.notes.slice(0, NOTES_SHOWN_MAX).map((note) => `note: ${note}`);
  const more = behind.notes.length - told.length;
  if (more > 0) told.push(`note: ${more} more; --json tells all`);
  const wrong = behind.faults.map(({ message }) => `error: ${message}`);
  const end = wrong.length === 0 ? report : `${path}: ${wrong.length} of the files that it names cannot be used`;
  const { limits, masks, routes, wafs } = plan;
  return {
    ...behind,
    summary: { routes: routes.length, limits: limits.length, wafs: wafs.length, masks: masks.length },
    text: [...told, ...wrong, end].join("\n"),
  };
}

export function explainGateway(): string {
  return explainGatewayFile();
}

/** What is wrong with certificates, key sets, rules, descriptors and scripts that the file names. */
async function behindFile(plan: GatewayPlan) {
  const faults: { readonly code: string; readonly message: string }[] = [];
  const notes: string[] = [];
  const attempt = async (code: string, look: () => Promise<readonly string[]>): Promise<void> => {
    try {
      notes.push(...(await look()));
    } catch (thrown) {
      const message = messageOf(thrown);
      if (!faults.some((known) => known.message === message)) faults.push({ code, message }); // routes share files
    }
  };
  const note = (text: string): void => {
    if (!notes.includes(text)) notes.push(text);
  };
  await attempt("gateway.tls", async () => {
    new TlsFiles(plan.settings, note);
    return [];
  });
  for (const route of plan.routes) {
    await attempt("gateway.tls", async () => {
      upstreamMaterial(route, note);
      return [];
    });
  }
  await attempt("gateway.jwks", async () => {
    checkKeySet(plan.settings);
    return [];
  });
  await attempt("gateway.mask_key", async () => {
    openMasks(plan);
    return maskNotes(plan);
  });
  await attempt("gateway.config.log_folder", async () => {
    checkLogPlaces(plan);
    return [];
  });
  await attempt("gateway.waf", async () => checkFirewalls(plan));
  await attempt("gateway.proto", () => checkDescriptors(plan));
  await attempt("gateway.rule_syntax", () => checkScripts(plan));
  return { faults, notes };
}
