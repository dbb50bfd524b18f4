/** The report of a verification as people read it; programs take the report itself. */
import { formatCount } from "../../base/units.ts";
import type { AuditReport } from "./verify.ts";

export function formatAuditReport(report: AuditReport): string {
  const { path, lines, records, firstTime, lastTime, head, expectedHeadLine, faults, faultCount, notes } = report;
  const verdict = report.isIntact ? "intact" : "NOT intact";
  const text = [`${path}: ${verdict}, ${formatCount(lines)} lines, ${formatCount(records)} records`];
  if (firstTime !== undefined) text.push(`  batches from ${firstTime} to ${lastTime}`);
  if (head) text.push(`  head ${head.hash} (line number ${head.n})`);
  if (expectedHeadLine !== undefined) {
    text.push(
      `  the expected head is line ${expectedHeadLine}; ${formatCount(lines - expectedHeadLine)} lines follow it`,
    );
  }
  for (const note of notes) text.push(`  note: ${note}`);
  for (const { line, message } of faults)
    text.push(line === undefined ? `${path}: ${message}` : `${path}:${line}: ${message}`);
  if (faultCount > faults.length) text.push(`and ${formatCount(faultCount - faults.length)} more faults`);
  return `${text.join("\n")}\n`;
}
