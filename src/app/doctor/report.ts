/** The report for people: one line for each check, what to change below it. Pure. */
import type { Check } from "./check.ts";
import type { DoctorReport } from "./doctor.ts";

const SUMMARY: Readonly<Record<DoctorReport["verdict"], string>> = {
  ok: "This machine gives all that is needed.",
  warn: "Everything will work; what is marked warn could be better.",
  bad: "What is marked bad will fail.",
};

export function reportText({ checks, verdict }: DoctorReport): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return `${[...checks.map((check) => checkText(check, width)), "", SUMMARY[verdict]].join("\n")}\n`;
}

function checkText({ advice, found, name, verdict }: Check, width: number): string {
  const head = `${(verdict === "unknown" ? "?" : verdict).padEnd(4)}  ${name.padEnd(width)}  `;
  const line = head + found;
  return advice === undefined ? line : `${line}\n${" ".repeat(head.length)}→ ${advice}`;
}
