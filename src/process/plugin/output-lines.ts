/** A child's stdout or stderr as lines: bounded in length, control characters made harmless, never an error. */
import { printable } from "../../base/printable.ts";

/** Longest line shown; the rest of a longer one is cut, not kept. */
export const OUTPUT_LINE_CHARS_MAX = 2_000;

export async function forwardLines(stream: ReadableStream<Uint8Array>, show: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(0, OUTPUT_LINE_CHARS_MAX);
      for (const line of lines) show(harmless(line));
    }
  } catch {
    show("(output could not be read any further)");
  }
  if (rest !== "") show(harmless(rest));
}

/** Without terminal control sequences: a plugin must not be able to repaint the operator's screen. */
export function harmless(line: string): string {
  const cut = line.length > OUTPUT_LINE_CHARS_MAX ? `${line.slice(0, OUTPUT_LINE_CHARS_MAX)}…` : line;
  return printable(cut.replaceAll("\r", ""));
}
