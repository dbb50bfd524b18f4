/**
 * What is wrong with the files that a gateway file names: certificates, keys, key sets, rules, descriptors, scripts, task graphs, places of
 * logs. Each is looked at by itself, so that one run shows all, and each fault knows the line and option that named the file.
 */
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { NamedPlace } from "../../edge/gateway/file/index.ts";
import type { GatewayPlan, RoutePlan } from "../../edge/gateway/words/index.ts";
import { standardStreamOf } from "../node/log-stream.ts";
import { checkKeySet } from "./doorkeeper.ts";
import { requireLogPlace } from "./log-places.ts";
import { descriptorNotes } from "./open-conversions.ts";
import { firewallFindings } from "./open-guards.ts";
import { openMasks } from "./open-masks.ts";
import { scriptFaults } from "./open-rules.ts";
import { type PemFile, type PemPorts, readAuthorities, readIdentity, requireKey } from "./pem-files.ts";
import { requireGraph } from "./task-graphs.ts";

export interface NamedFault extends NamedPlace {
  readonly code: string;
  readonly message: string;
  readonly allowed: string;
}

export interface NamedFiles {
  /** One for each thing that is wrong, at the first place that names it. */
  readonly faults: readonly NamedFault[];
  /** No faults, and worth knowing. */
  readonly notes: readonly string[];
}

/** In this order; what a look fails with is a fault. */
export async function lookIntoNamedFiles(plan: GatewayPlan): Promise<NamedFiles> {
  const findings = new Findings();
  const { settings } = plan;
  lookAtCertificates(plan, findings);
  await findings.attempt({ line: undefined, key: "jwks" }, "gateway.jwks", () => checkKeySet(settings));
  for (const mask of plan.masks) {
    await findings.attempt({ line: mask.line, key: "key" }, "gateway.mask_key", () => {
      openMasks({ ...plan, masks: [mask] });
    });
  }
  await lookAtLogs(plan, findings);
  for (const waf of plan.wafs) {
    await findings.attempt({ line: waf.line, key: "rules" }, "gateway.waf", () => {
      const found = firewallFindings(plan, waf);
      for (const message of found.faults) {
        const allowed = "rules that can be read: what is wrong in them is left out, and stops nothing";
        findings.add({ line: waf.line, key: "rules", code: "gateway.waf", message, allowed });
      }
      for (const note of found.notes) findings.note(note);
    });
  }
  for (const route of plan.routes) await lookAtRoute(plan, route, findings);
  for (const { allowed, message, path } of await scriptFaults(plan)) {
    const { key, line } = namerOf(plan, path);
    findings.add({ line, key, code: "gateway.rule_syntax", message, allowed });
  }
  return findings;
}

class Findings implements NamedFiles {
  readonly faults: NamedFault[] = [];
  readonly notes: string[] = [];

  /** Routes share files. */
  add(fault: NamedFault): void {
    if (!this.faults.some(({ message }) => message === fault.message)) this.faults.push(fault);
  }

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  async attempt(place: NamedPlace, code: string, look: () => unknown): Promise<void> {
    try {
      await look();
    } catch (thrown) {
      this.fail(place, code, thrown);
    }
  }

  /** A failure may know better which option it is: `data.option`. */
  fail({ key, line }: NamedPlace, code: string, thrown: unknown): void {
    const option = thrown instanceof Failure ? thrown.data?.option : undefined;
    this.add({ line, key: typeof option === "string" ? option : key, code, ...partsOf(messageOf(thrown)) });
  }
}

/** Messages of failures end with what is required. */
function partsOf(text: string): { readonly message: string; readonly allowed: string } {
  const [, message, allowed] =
    /^(.*); (.*) (?:is|are) required$/s.exec(text) ?? /^(.*), (.*) (?:is|are) required$/s.exec(text) ?? [];
  return message === undefined ? { message: text, allowed: "a file that can be used" } : { message, allowed: allowed! };
}

function lookAtCertificates({ routes, settings }: GatewayPlan, findings: Findings): void {
  const { clientCa, tlsCertificate, tlsKey } = settings;
  lookAtPair(undefined, { name: "tls_certificate", path: tlsCertificate }, { name: "tls_key", path: tlsKey }, findings);
  lookAtAuthorities(undefined, { name: "client_ca", path: clientCa }, findings);
  for (const { line, options } of routes) {
    const certificate = { name: "upstream_cert", path: options.upstreamCertificate };
    lookAtPair(line, certificate, { name: "upstream_key", path: options.upstreamKey }, findings);
    lookAtAuthorities(line, { name: "upstream_ca", path: options.upstreamCa }, findings);
  }
}

/** As a line names it, or not. */
type MaybeFile = Omit<PemFile, "path"> & { readonly path: string | undefined };

function lookAtPair(line: number | undefined, certificate: MaybeFile, key: MaybeFile, findings: Findings): void {
  if (!isNamed(certificate) || !isNamed(key)) return;
  const looks = [() => void readIdentity(certificate, key, pemPorts(findings)), () => requireKey(key)];
  for (const look of looks) {
    try {
      look();
    } catch (thrown) {
      findings.fail({ line, key: certificate.name }, "gateway.tls", thrown);
    }
  }
}

function lookAtAuthorities(line: number | undefined, file: MaybeFile, findings: Findings): void {
  if (!isNamed(file)) return;
  try {
    readAuthorities(file, pemPorts(findings));
  } catch (thrown) {
    findings.fail({ line, key: file.name }, "gateway.tls", thrown);
  }
}

function isNamed(file: MaybeFile): file is PemFile {
  return file.path !== undefined;
}

function pemPorts(findings: Findings): PemPorts {
  return { nowMs: systemClock.now(), note: (text) => findings.note(text), time: () => {} };
}

async function lookAtLogs({ settings: { accessLog }, wafs }: GatewayPlan, findings: Findings): Promise<void> {
  const code = "gateway.config.log_folder";
  if (accessLog !== undefined && standardStreamOf(accessLog) === undefined) {
    await findings.attempt({ line: undefined, key: "access_log" }, code, () =>
      requireLogPlace("access_log", accessLog),
    );
  }
  for (const { auditLog, line } of wafs) {
    if (auditLog === undefined) continue;
    await findings.attempt({ line, key: "audit_log" }, code, () => requireLogPlace("audit_log", auditLog));
  }
}

async function lookAtRoute(plan: GatewayPlan, route: RoutePlan, findings: Findings): Promise<void> {
  const { line } = route;
  await findings.attempt({ line, key: "proto" }, "gateway.proto", async () => {
    for (const note of await descriptorNotes(plan, route)) findings.note(note);
  });
  for (const target of route.targets) {
    if (target.kind !== "task") continue;
    await findings.attempt({ line, key: "target" }, "gateway.task", () => requireGraph(target.file));
  }
}

/** The first route that decides by it. */
function namerOf({ routes }: GatewayPlan, path: string): NamedPlace {
  const route = routes.find(({ options }) => scriptOf(options) === path);
  return { line: route?.line, key: route?.options.lua === undefined ? "plugin" : "lua" };
}

function scriptOf({ lua, plugin }: RoutePlan["options"]): string | undefined {
  return lua ?? plugin;
}
