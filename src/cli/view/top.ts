/** One frame of `top`: the cluster at a glance as lines of text, as many and as wide as the terminal takes. Pure. */
import type { Snapshot } from "../../app/overview/ask-overview.ts";
import { printable } from "../../base/printable.ts";
import { ratePerSecond } from "../../base/rate.ts";
import { formatBytes, formatCount, formatDurationMs } from "../../base/units.ts";
import { cutCells } from "./cut-cells.ts";
import { gatewayHead, gatewayLines } from "./top-gateway.ts";
import { duration, type Look, perSecond, tableLines } from "./top-parts.ts";

export interface TopSize {
  readonly columns: number;
  readonly rows: number;
}

/** Sections with their titles; the last ones are shortened first when there is little room. */
interface Section {
  readonly title: string;
  readonly lines: readonly string[];
  /** Its second line only separates. */
  readonly isTable?: boolean;
}

/** So many events are of use beside all the rest. */
const EVENTS_SHOWN = 10;

/** `before` is the look that rates are computed with; `by` who was asked. Without a size nothing is cut. */
export function topFrame(before: Snapshot | undefined, now: Snapshot, by: string, size?: TopSize): string[] {
  const elapsedMs = before?.life === now.life ? now.monotonicMs - before.monotonicMs : 0;
  const look: Look = { before, now, elapsedMs };
  const sections = [
    { title: "NODES", lines: nodeLines(now, (size?.columns ?? WIDE) < WIDE), isTable: true },
    { title: "PIPELINES", lines: pipelineLines(look), isTable: true },
    { title: "SERVICES", lines: serviceLines(look), isTable: true },
    { title: "ROUTES", lines: gatewayLines(look), isTable: true },
    { title: "RESTARTED PROCESSES", lines: restartLines(now), isTable: true },
    { title: "DEAD LETTERS", lines: letterLines(now), isTable: true },
    { title: "EVENTS", lines: eventLines(now) },
  ].filter(({ lines }) => lines.length > 0);
  const head = [headLine(now, by), ...gatewayHead(look), ...lackingLines(now)];
  const room = size === undefined ? Number.POSITIVE_INFINITY : size.rows - head.length;
  const lines = [...head, ...fitted(sections, room)];
  return size === undefined ? lines : lines.slice(0, size.rows).map((line) => cutCells(line, size.columns));
}

function headLine({ atMs, node, nodes, version }: Snapshot, by: string): string {
  const alive = nodes.filter(({ state }) => state === "alive").length;
  const time = new Date(atMs).toLocaleTimeString("en-GB");
  const asked = by.startsWith(node) ? by : `${node} at ${by}`;
  return printable(
    `distributed_system ${version}  ${time}  ${alive} of ${nodes.length} nodes alive  as ${asked} sees it`,
  );
}

function lackingLines({ cut, missing }: Snapshot): string[] {
  return [
    ...missing.map(({ part, reason }) => printable(`${part} cannot be shown: ${reason}`)),
    ...cut.map(({ list, of, shown }) => `${shown} of ${formatCount(of)} ${list} are shown`),
  ];
}

/** When not all fits, what only separates goes first; then the longest section is shortened until all does. */
function fitted(sections: readonly Section[], room: number): string[] {
  const isAiry = linesOf(sections) + sections.length <= room;
  if (isAiry) return sections.flatMap(({ lines, title }) => ["", title, ...lines]);
  const dense = sections.map(({ isTable, lines, title }) => {
    return { title, lines: isTable ? [...lines.slice(0, 1), ...lines.slice(2)] : lines };
  });
  const shown = dense.map(({ lines }) => lines.length);
  for (let over = linesOf(dense) - room; over > 0; over--) {
    const longest = Math.max(...shown);
    if (longest <= LEAST_LINES) break;
    shown[shown.lastIndexOf(longest)] = longest - 1;
  }
  return dense.flatMap(({ lines, title }, index) => {
    const left = lines.length - shown[index]!;
    const more = left === 0 ? "" : ` (${left} more ${left === 1 ? "line" : "lines"})`;
    return [`${title}${more}`, ...lines.slice(0, shown[index])];
  });
}

/** With their titles. */
function linesOf(sections: readonly Section[]): number {
  return sections.reduce((sum, { lines }) => sum + 1 + lines.length, 0);
}

/** A table's head and one row. */
const LEAST_LINES = 2;
/** In less there is no room for addresses. */
const WIDE = 100;

function nodeLines({ links, nodes }: Snapshot, isNarrow: boolean): string[] {
  const byPeer = new Map(links.map((link) => [link.peer, link]));
  const rows = nodes.map(({ address, cpu, id, isDraining, isLeader, isSelf, memory, queue, roles, state }) => {
    const link = byPeer.get(id);
    const marks = [...(isSelf ? ["asked"] : []), ...(isLeader ? ["leader"] : [])].join(",");
    const linkText = isSelf || !link ? "" : link.isOpen ? "open" : "closed";
    return [
      ...[id, isDraining && state === "alive" ? "draining" : state, roles.join(",")],
      ...(isNarrow ? [] : [address]),
      ...[
        percent(cpu),
        percent(memory),
        queue === undefined ? "" : String(queue),
        linkText,
        duration(link?.roundTripMs, ""),
        marks,
      ],
    ];
  });
  const place = isNarrow ? [] : ["address"];
  return tableLines(["node", "state", "roles", ...place, "cpu", "memory", "batches", "link", "rtt", ""], rows);
}

function pipelineLines({ before, elapsedMs, now }: Look): string[] {
  const rows = now.pipelines.flatMap((pipeline) => {
    const was = before?.pipelines.find(({ id }) => id === pipeline.id);
    const { deadLettered, detail = "", name, p99Ms, read, readBytes, stages, state, totalBytes, written } = pipeline;
    const share = readBytes !== undefined && totalBytes ? percent(Math.min(1, readBytes / totalBytes)) : "";
    const more = [deadLettered > 0 ? `${formatCount(deadLettered)} dead letters` : "", detail]
      .filter(Boolean)
      .join(", ");
    const rate = perSecond(ratePerSecond(was?.written, written, elapsedMs));
    return [
      [name, state, formatCount(read), formatCount(written), rate, share, "", duration(p99Ms, ""), more],
      ...stages.map((stage) => {
        const then = was?.stages.find((each) => each.name === stage.name);
        const troubles = [counted(stage.retries, "retries"), counted(stage.restarts, "restarts")].filter(Boolean);
        const fill = fillText(stage);
        const out = perSecond(ratePerSecond(then?.out, stage.out, elapsedMs));
        const counts = [formatCount(stage.in), formatCount(stage.out), out];
        return [`  ${stage.name}`, "", ...counts, "", fill, duration(stage.p99Ms, ""), troubles.join(", ")];
      }),
    ];
  });
  return tableLines(["pipeline", "state", "in", "out", "rate", "done", "queue", "p99", ""], rows);
}

/** How full its queue is, or how many batches are in it where nobody says how many there may be. */
function fillText({ queued, queueMax }: Snapshot["pipelines"][number]["stages"][number]): string {
  if (queued === undefined) return "";
  return queueMax ? percent(Math.min(1, queued / queueMax)) : formatCount(queued);
}

function serviceLines({ before, elapsedMs, now }: Look): string[] {
  const rows = now.services.map(({ calls, errors, healthy, name, nodes, p50Ms, p99Ms, versions }) => {
    const was = before?.services.find((each) => each.name === name);
    const rate = perSecond(ratePerSecond(was?.calls, calls, elapsedMs));
    const where = [versions.join(","), nodes.join(",")];
    const times = [duration(p50Ms, ""), duration(p99Ms, "")];
    return [name, ...where, String(healthy), formatCount(calls), rate, formatCount(errors), ...times];
  });
  return tableLines(["service", "versions", "nodes", "healthy", "calls", "rate", "errors", "p50", "p99"], rows);
}

type Tree = Snapshot["instances"][number]["tree"];

/** Those that have never been restarted are no news; `ps` shows all. */
function restartLines({ atMs, instances }: Snapshot): string[] {
  const rows: string[][] = [];
  const visit = (tree: Tree, path: string): void => {
    const { lastExit, memoryBytes, restarts, state } = tree;
    if (restarts > 0) {
      const ago = lastExit === undefined ? "" : `${formatDurationMs(Math.max(0, atMs - lastExit.atMs))} ago`;
      const memory = memoryBytes === undefined ? "" : formatBytes(memoryBytes);
      rows.push([path, state, String(restarts), memory, ago, lastExit?.reason ?? ""]);
    }
    for (const child of tree.children) visit(child, `${path}/${child.name}`);
  };
  for (const { name, tree } of instances) for (const child of tree.children) visit(child, `${name}: ${child.name}`);
  return tableLines(["process", "state", "restarts", "memory", "last exit", ""], rows);
}

function letterLines({ deadLetters }: Snapshot): string[] {
  const rows = deadLetters.flatMap(({ pipeline, reasons }) =>
    reasons.map(({ count, reason, stage }) => [pipeline, stage, formatCount(count), reason]),
  );
  return tableLines(["pipeline", "stage", "letters", "reason"], rows);
}

/** The latest first. */
function eventLines({ events }: Snapshot): string[] {
  return events
    .slice(-EVENTS_SHOWN)
    .toReversed()
    .map(({ atMs, level, subject, text }) => {
      const mark = level === "info" ? " " : level === "warn" ? "!" : "‼";
      return printable(`${new Date(atMs).toLocaleTimeString("en-GB")} ${mark} ${subject} ${text}`);
    });
}

function counted(count: number, what: string): string {
  return count === 0 ? "" : `${formatCount(count)} ${what}`;
}

function percent(share: number | undefined): string {
  return share === undefined ? "" : `${Math.round(share * 100)} %`;
}
