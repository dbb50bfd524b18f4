/**
 * Going on from a stored position: it must be one of ours, and the files must still be those that it was taken from. All
 * doubts are failures with a remedy; guessing would lose or repeat records.
 */
import { Failure } from "../../../base/errors.ts";
import { hasHead } from "./file-input.ts";
import { digestOf, type ListedFile, STDIN_PATH } from "./inputs.ts";
import type { FileKind, FilePosition, SourcePosition } from "./source.ts";

export const POSITION_VERSION = 1;

/** Throws `source.position`, `source.list_changed`, `source.file_changed`. */
export function checkPosition(position: SourcePosition, kind: FileKind, files: readonly ListedFile[]): FilePosition {
  checkShape(position, kind);
  const now = digestOf(files);
  const file = files[position.index];
  if (file === undefined || now.count !== position.files.count || now.digest !== position.files.digest) {
    throw new Failure(
      "source.list_changed",
      `cannot go on: the input is ${files.length} ${plural(files.length)} now (first ${files[0]?.name}), the checkpoint was made ` +
        `in ${position.path}, number ${position.index + 1} of ${position.files.count}; restore the list or start over with --fresh`,
    );
  }
  if (file.path === STDIN_PATH || position.head.bytes === 0) return position;
  if (!hasHead(file.path, position.head)) {
    throw new Failure(
      "source.file_changed",
      `cannot go on in ${file.name}: its first ${position.head.bytes} bytes are not those the checkpoint was made with; ` +
        "restore the file or start over with --fresh",
    );
  }
  return position;
}

function checkShape(position: SourcePosition, kind: FileKind): asserts position is FilePosition {
  const { index, offset, row, line } = position as FilePosition; // whether it is one is what is asked here
  const counts = [index, offset, row, line].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (position.v === POSITION_VERSION && position.kind === kind && counts) return;
  const shown = JSON.stringify(position).slice(0, 200);
  throw new Failure(
    "source.position",
    `cannot go on from ${shown}: a position of source:${kind} is required; start over with --fresh`,
  );
}

function plural(count: number): string {
  return count === 1 ? "file" : "files";
}
