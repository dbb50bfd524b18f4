/** Verification of the audit plugin's hash-chained files. */
export type { AuditFault, AuditFaultCode } from "./chain.ts";
export { formatAuditReport } from "./report.ts";
export { type AuditReport, auditExitCode, type VerifyOptions, verifyAuditFile } from "./verify.ts";
