/** What stands for a client that is not there any more: takes nothing, and says so as soon as somebody writes. */
import { Failure } from "../../../base/errors.ts";
import type { BodySink, RawStream } from "../../../wire/http/index.ts";

export class ClosedSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;

  write(): boolean {
    const { onCancel } = this;
    this.onCancel = undefined;
    onCancel?.(ended());
    return false;
  }

  end(): void {
    // Nobody waits for it.
  }

  abort(): void {
    // Nobody waits for it.
  }
}

export function closedStream(): RawStream {
  return {
    source: { length: undefined, start: (sink) => sink.abort(ended()), cancel: () => {} },
    sink: new ClosedSink(),
  };
}

function ended(): Failure {
  return new Failure("gateway.client_gone", "the request has ended; nobody waits for its reply");
}
