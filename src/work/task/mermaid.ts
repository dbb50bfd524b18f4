/** A graph as a Mermaid flowchart: nodes are numbered, so ids cannot break its syntax, and labels are escaped. */
import type { TaskGraph } from "./types.ts";

/** What Mermaid draws without being told otherwise. */
export const MERMAID_EDGES_MAX = 500;

const SHAPES = { http: ["[", "]"], plugin: ["[[", "]]"], pipeline: ["([", "])"] } as const;

export function mermaidText({ tasks }: Pick<TaskGraph, "tasks">): string {
  const nodes = tasks.map(({ id, work }, index) => {
    const [open, close] = SHAPES[work.type];
    return `  t${index}${open}"${escapeLabel(id)}"${close}`;
  });
  const edges = tasks.flatMap(({ needs }, index) =>
    needs.map(({ optional, task }) => `  t${task} ${optional ? "-.->" : "-->"} t${index}`),
  );
  return ["flowchart TD", ...nodes, ...edges].join("\n");
}

/** Mermaid's own entity codes: whatever is no plain letter, digit or blank. */
export function escapeLabel(text: string): string {
  return text.replace(/[^\p{L}\p{N} _-]/gu, (char) => `#${char.codePointAt(0)};`);
}
