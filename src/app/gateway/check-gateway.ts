/** `gateway check`: every fault of a gateway file and of the files that it names, and what may stand in one. */
import { checkGatewayFile, explainGatewayFile, placeIn } from "../../edge/gateway/file/index.ts";
import type { GatewayPlan } from "../../edge/gateway/words/index.ts";
import { type Fault, formatFaults, makeFault, mergeFaults, pathResolver } from "../../work/lines/index.ts";
import { loadPlanText } from "./load-plan.ts";
import { maskNotes } from "./mask-notes.ts";
import { lookIntoNamedFiles, type NamedFault } from "./named-files.ts";

export interface GatewayCheck {
  readonly faults: readonly Fault[];
  /** No faults, and worth knowing: what of the firewall's rules is not supported, whom masks shut out. */
  readonly notes: readonly string[];
  /** None where there are faults. */
  readonly summary: Readonly<Record<string, number>>;
  /** For people. */
  readonly text: string;
}

/** Notes that are shown to people; `--json` has them all. */
const NOTES_SHOWN_MAX = 20;

/** Fails when the file cannot be read. */
export async function checkGateway(path: string): Promise<GatewayCheck> {
  const text = await loadPlanText(path);
  const checked = checkGatewayFile(text, path, { resolvePath: pathResolver(path, process.cwd()) });
  const plan = withoutFaulty(checked.plan, checked.faults);
  const named = await lookIntoNamedFiles(plan);
  const faults = mergeFaults(
    checked.faults,
    named.faults.map((fault) => placed(fault, path, text)),
  );
  const notes = [...named.notes, ...maskNotes(plan)];
  const told = notes.slice(0, NOTES_SHOWN_MAX).map((note) => `note: ${note}`);
  const more = notes.length - told.length;
  if (more > 0) told.push(`note: ${more} more; --json tells all`);
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  const end = faults.length === 0 ? checked.report : `${formatFaults(faults, text)}\n${count}`;
  return { faults, notes, summary: faults.length === 0 ? summaryOf(plan) : {}, text: [...told, end].join("\n") };
}

export function explainGateway(): string {
  return explainGatewayFile();
}

function placed(fault: NamedFault, path: string, text: string): Fault {
  const place = placeIn(text, fault);
  return makeFault(path, place, place.field, fault);
}

/** Of lines that are right, the files are looked at also where others are wrong. */
function withoutFaulty(plan: GatewayPlan, faults: readonly Fault[]): GatewayPlan {
  const wrong = new Set(faults.map(({ line }) => line));
  const isRight = ({ line }: { readonly line: number }): boolean => !wrong.has(line);
  const { limits, masks, routes, wafs } = plan;
  return {
    ...plan,
    routes: routes.filter(isRight),
    limits: limits.filter(isRight),
    wafs: wafs.filter(isRight),
    masks: masks.filter(isRight),
  };
}

function summaryOf({ limits, masks, routes, wafs }: GatewayPlan): Readonly<Record<string, number>> {
  return { routes: routes.length, limits: limits.length, wafs: wafs.length, masks: masks.length };
}
