/** Services for people: tables of the cluster's and of one node's own, one service with its methods, and what a rescan did. Pure. */
import type { DescribedService, ListedService, LocalService, RescanAnswer } from "../../app/service/ask-services.ts";
import { printable } from "../../base/printable.ts";
import { formatCount } from "../../base/units.ts";
import { textTable } from "./table.ts";

export function servicesTable(services: readonly ListedService[]): string {
  const rows = services.map(({ about, healthy, methods, nodes, service, tags, version }) => [
    printable(service),
    printable(version),
    String(nodes.length),
    formatCount(healthy),
    String(methods.length),
    printable(tags.join(",")),
    printable(about),
  ]);
  return textTable(["service", "version", "nodes", "processes", "methods", "tags", "about"], rows);
}

export function localTable(services: readonly LocalService[]): string {
  const rows = services.map(({ calls, file, processes, restarts, service = "?", state, version = "?" }) => [
    printable(`${service}@${version}`),
    printable(state),
    processes.map(({ pid = "-", state: how }) => (how === "serving" ? `${pid}` : `${pid} ${how}`)).join(", "),
    String(restarts),
    formatCount(calls),
    printable(file),
  ]);
  const table = textTable(["service", "state", "processes", "restarts", "calls", "file"], rows);
  const faults = services.flatMap(({ fault, file }) => (fault === undefined ? [] : [`${file}: ${fault}`]));
  return [table, ...faults.map(printable)].join("\n");
}

export function describedText({ description, places }: DescribedService): string {
  const { about = "", methods = {}, name, tags = [], version } = description as Partial<Described>; // as words.ts has it
  const head = `${name}@${version}${about === "" ? "" : `  ${about}`}${tags.length === 0 ? "" : `  [${tags.join(", ")}]`}`;
  const rows = Object.entries(methods).map(([method, each]) => [
    printable(method),
    each.isPublic ? each.access : "internal",
    [each.isIdempotent && "idempotent", each.isStream && "stream", each.cache && "cached"].filter(Boolean).join(","),
    printable(each.endpoints.map(({ path, verb }) => `${verb} ${path}`).join(", ")),
    printable(each.about),
  ]);
  const where = places.map(({ healthy, node }) => `${node} (${healthy})`).join(", ") || "no node";
  return [
    printable(head),
    printable(`on ${where}`),
    "",
    textTable(["method", "access", "", "http", "about"], rows),
  ].join("\n");
}

interface Described {
  readonly name: string;
  readonly version: string;
  readonly about: string;
  readonly tags: readonly string[];
  readonly methods: Readonly<
    Record<
      string,
      {
        readonly about: string;
        readonly access: string;
        readonly isPublic: boolean;
        readonly isIdempotent: boolean;
        readonly isStream: boolean;
        readonly cache?: unknown;
        readonly endpoints: readonly { readonly verb: string; readonly path: string }[];
      }
    >
  >;
}

export function rescanText({ faults, started, starting, stopped, swapped, unchanged }: RescanAnswer): string {
  const lines = [
    ...started.map((each) => `started ${each}`),
    ...swapped.map((each) => `swapped ${each}`),
    ...stopped.map((each) => `stopped ${each}`),
    ...starting.map((each) => `starting ${each}, which takes its time`),
    ...faults.map(({ file, message }) => `fault   ${file}: ${message}`),
    `${unchanged.length} unchanged`,
  ];
  return lines.map(printable).join("\n");
}
