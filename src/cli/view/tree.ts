/** Running instances as a table: a row for each supervisor and process, named by its path or drawn as a tree. Pure. */
import type { Shown } from "../../app/control/operate.ts";
import { printable } from "../../base/printable.ts";
import { formatBytes, formatCount, formatDurationMs } from "../../base/units.ts";

type Node = Extract<Shown, { readonly tree: unknown }>["tree"];

/** A reason may be a whole stack; the table shows how it begins, --json all of it. */
const TEXT_WIDTH_MAX = 60;

/** Below it the number is no news, and clocks that were set back would make it negative. */
const JUST_NOW_MS = 1_000;

const COLUMNS = ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "LAST EXIT", "MEMORY", "CPU", "DETAIL"];
const LEFT: ReadonlySet<string> = new Set(["NAME", "STATE", "LAST EXIT", "DETAIL"]);

/** `asTree` draws branches, otherwise each row has its path. */
export function instancesTable(shown: readonly Shown[], asTree: boolean, nowMs: number): string {
  const rows = shown.flatMap((each): string[][] => {
    if ("error" in each) return [silentRow(each, nowMs)];
    const { path } = each;
    const tree = path === `/${each.tree.name}` ? rootOf(each, nowMs) : each.tree;
    return asTree ? treeRows(tree, "", "", nowMs) : flatRows(tree, path, nowMs);
  });
  const hasDetail = rows.some((row) => row.at(-1) !== "");
  const width = hasDetail ? COLUMNS.length : COLUMNS.length - 1;
  return columns([COLUMNS, ...rows].map((row) => row.slice(0, width)));
}

/** The root of a tree is the instance's own process. */
function rootOf({ instance, tree }: Extract<Shown, { readonly tree: unknown }>, nowMs: number): Node {
  return { pid: instance.pid, uptimeMs: Math.max(0, nowMs - instance.startedMs), ...tree };
}

/** Paths without the root's name, which is the same in each: as they stand, `stop` and `restart` take them. */
function flatRows(node: Node, path: string, nowMs: number): string[][] {
  return [
    row(path.replace(/^\/(?:[^/]*\/)?/, ""), node, nowMs),
    ...node.children.flatMap((child) => flatRows(child, `${path}/${child.name}`, nowMs)),
  ];
}

/** `lead` stands before the node's own name, `below` before its children's. */
function treeRows(node: Node, lead: string, below: string, nowMs: number): string[][] {
  const last = node.children.length - 1;
  const children = node.children.flatMap((child, index) => {
    const [branch, line] = index === last ? ["└─ ", "   "] : ["├─ ", "│  "];
    return treeRows(child, below + branch, below + line, nowMs);
  });
  return [row(lead + node.name, node, nowMs), ...children];
}

function row(label: string, node: Node, nowMs: number): string[] {
  const { state, pid, uptimeMs, restarts, memoryBytes, cpuMs, detail } = node;
  return [
    label,
    state,
    pid === undefined ? "" : String(pid),
    uptimeMs === undefined ? "" : formatDurationMs(uptimeMs),
    formatCount(restarts),
    exitText(node, nowMs),
    memoryBytes === undefined ? "" : formatBytes(memoryBytes),
    cpuMs === undefined ? "" : formatDurationMs(cpuMs),
    cut(detail ?? ""),
  ].map(printable);
}

/** The time stands before the reason, which may be cut. */
function exitText({ lastExit }: Node, nowMs: number): string {
  if (!lastExit) return "";
  const { code, signal, reason, atMs } = lastExit;
  const how = signal ?? (code === null ? "" : `code ${code}`);
  const agoMs = nowMs - atMs;
  const when = agoMs < JUST_NOW_MS ? "just now" : `${formatDurationMs(agoMs)} ago`;
  return cut([[how, when].filter(Boolean).join(" "), reason].filter(Boolean).join(": "));
}

function silentRow({ instance, error }: Extract<Shown, { readonly error: unknown }>, nowMs: number): string[] {
  const { pid, pipeline, startedMs } = instance;
  const uptime = formatDurationMs(Math.max(0, nowMs - startedMs));
  return [pipeline, "not answering", String(pid), uptime, "", "", "", "", cut(error.message)].map(printable);
}

function cut(text: string): string {
  return text.length > TEXT_WIDTH_MAX ? `${text.slice(0, TEXT_WIDTH_MAX - 1)}…` : text;
}

/** Widths as a terminal shows them: some characters take two cells. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((cells) => Bun.stringWidth(cells[column] ?? ""))));
  const cell = (text: string, column: number): string => {
    const gap = " ".repeat(widths[column]! - Bun.stringWidth(text));
    return LEFT.has(COLUMNS[column]!) ? text + gap : gap + text;
  };
  return rows.map((cells) => cells.map(cell).join("  ").trimEnd()).join("\n");
}
