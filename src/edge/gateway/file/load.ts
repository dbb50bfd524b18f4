/** The gateway file from disk, with the files that it names, and the words for people on what was found. */
import {
  type Fault,
  faultsFailure,
  formatFaults,
  loadLinesFile,
  pathResolver,
  type ResolvePath,
} from "../../../work/lines/index.ts";
import type { GatewayPlan } from "../words/index.ts";
import { FAMILY } from "./option-reader.ts";
import { parseGatewayFile } from "./parse.ts";

export interface CheckedGatewayFile {
  readonly plan: GatewayPlan;
  readonly faults: readonly Fault[];
  /** For people: the faults with their lines and carets, or what was found to be right. */
  readonly report: string;
}

export interface GatewayFilePorts {
  /** Finds the files that lines name; left out, all are taken to be there. */
  readonly resolvePath?: ResolvePath;
}

export function checkGatewayFile(
  text: string,
  fileName: string,
  { resolvePath }: GatewayFilePorts = {},
): CheckedGatewayFile {
  const { faults, plan } = parseGatewayFile(text, fileName, resolvePath);
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  return {
    plan,
    faults,
    report: faults.length > 0 ? `${formatFaults(faults, text)}\n${count}` : `${fileName}: right, ${countsOf(plan)}`,
  };
}

function countsOf({ limits, masks, routes, wafs }: GatewayPlan): string {
  const counts: [number, string][] = [
    [routes.length, "route"],
    [limits.length, "limit"],
    [wafs.length, "firewall"],
    [masks.length, "mask"],
  ];
  return counts
    .flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}${count === 1 ? "" : "s"}`]))
    .join(", ");
}

/** Throws a Failure when the file cannot be read as text; faults inside it come back as data. Paths start at the working directory, then at the file. */
export async function loadGatewayFile(path: string, workingDirectory: string): Promise<CheckedGatewayFile> {
  const text = await loadLinesFile(path, "gateway");
  return checkGatewayFile(text, path, { resolvePath: pathResolver(path, workingDirectory) });
}

/** The plan, or a Failure with all faults. */
export function faultlessPlan({ faults, plan }: CheckedGatewayFile): GatewayPlan {
  if (faults.length > 0) throw faultsFailure(faults, FAMILY);
  return plan;
}
