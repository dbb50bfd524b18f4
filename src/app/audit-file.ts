/** Audit verification for the command line. */
import { auditExitCode, formatAuditReport, verifyAuditFile } from "../work/audit/index.ts";

export async function verifyAudit(path: string, expectHead: string | undefined) {
  const report = await verifyAuditFile(path, expectHead === undefined ? {} : { expectHead });
  return { report, text: formatAuditReport(report), code: auditExitCode(report) };
}
