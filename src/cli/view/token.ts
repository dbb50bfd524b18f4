/** API tokens, for people. Pure. */
import type { IssuedInfo } from "../../app/token/ask-auth.ts";
import type { Inspection } from "../../app/token/inspect-token.ts";
import { printable } from "../../base/printable.ts";
import { formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

export function tokensTable(tokens: readonly IssuedInfo[], nowMs: number): string {
  const rows = tokens.map(({ expiresAtMs, isRevoked, issuer, jti, role, scopes, sub }) => [
    printable(jti),
    printable(sub),
    role,
    printable(scopes.join(" ")),
    printable(issuer),
    isRevoked ? "revoked" : leftText(expiresAtMs - nowMs),
  ]);
  return textTable(["id", "subject", "role", "scopes", "issuer", "ends in"], rows);
}

export function inspectionText(inspection: Inspection): string {
  const { algorithm, audiences, expiresAtMs, isGood, issuedAtMs, issuer, jti, keyId, leftMs, role, scopes, sub, why } =
    inspection;
  const lines: readonly (readonly [string, string])[] = [
    ["id", jti],
    ["subject", sub],
    ["role", role],
    ["scopes", scopes.join(" ") || "none"],
    ["issued by", issuer],
    ["for", audiences.join(", ")],
    ["signed with", `${algorithm}, ${keyId ?? "no key named"}`],
    ["issued at", timeText(issuedAtMs)],
    ["ends at", `${timeText(expiresAtMs)}, ${leftText(leftMs)} left`],
    ["here", isGood ? "good" : `not good: ${why ?? ""}`],
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join("\n");
}

function leftText(ms: number): string {
  return ms <= 0 ? "nothing" : formatDurationMs(ms);
}

/** A signed token may say any number. */
function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}
