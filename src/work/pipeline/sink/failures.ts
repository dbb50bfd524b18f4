/** The ways in which writing fails, told apart by what a person has to do about them. */
import { Failure, messageOf } from "../../../base/errors.ts";
import type { SinkPosition } from "./sink.ts";

export function writeFailed(path: string, thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Failure(
      "sink.no_space",
      `cannot write ${path}: no space is left; make room and run again, it goes on from there`,
      {
        retryable: true,
        cause: thrown,
      },
    );
  }
  if (code === "EPIPE")
    return new Failure("sink.closed", `cannot write ${path}: its reader has gone`, { cause: thrown });
  return new Failure("sink.write_failed", `cannot write ${path}: ${messageOf(thrown)}`, { cause: thrown });
}

export function cannotOpen(path: string, thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") return writeFailed(path, thrown);
  return new Failure("sink.not_writable", `cannot open ${path} for writing: ${messageOf(thrown)}`, { cause: thrown });
}

/** The output is not what the position was taken from. */
export function changed(path: string, what: string): Failure {
  return new Failure("sink.changed", `cannot go on in ${path}: ${what}; restore it or start over with --fresh`);
}

export function checkKind(position: SinkPosition, kind: string): void {
  if (position.v === 1 && position.kind === kind) return;
  const shown = JSON.stringify(position).slice(0, 200);
  throw new Failure(
    "sink.position",
    `cannot go on from ${shown}: a position of sink:${kind} is required; start over with --fresh`,
  );
}
