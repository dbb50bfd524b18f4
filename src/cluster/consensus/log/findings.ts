/** Collects what a look at the disk has found: the first ones in full, of the others their number. */
import { FINDINGS_MAX } from "./limits.ts";
import type { Finding, Severity } from "./types.ts";

/** A finding whose weight is not known yet. */
export type Suspicion = Omit<Finding, "severity">;

export class Findings {
  readonly list: Finding[] = [];
  leftOut = 0;

  add(severity: Severity, suspicion: Suspicion): void {
    if (this.list.length < FINDINGS_MAX) this.list.push({ severity, ...suspicion });
    else this.leftOut += 1;
  }
}

export function suspicion(
  code: string,
  place: { readonly file: string; readonly offset?: number; readonly sizeBytes?: number },
  message: string,
  indexes: { readonly firstIndex?: number | undefined; readonly lastIndex?: number | undefined } = {},
): Suspicion {
  const { file, offset = 0, sizeBytes = 0 } = place;
  const { firstIndex, lastIndex } = indexes;
  return { code: `raft.log.${code}`, file, offset, sizeBytes, firstIndex, lastIndex, message: `${file}: ${message}` };
}
