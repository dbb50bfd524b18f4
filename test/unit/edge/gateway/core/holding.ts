/** A guard that gathers replies of so many bytes at most, and refuses others. */
import { Failure } from "../../../../../src/base/errors.ts";
import { brokenOff, type ReplyGuard } from "../../../../../src/edge/gateway/core/index.ts";
import { GatheringSink } from "../../../../../src/wire/http/index.ts";

/** `changed`: what it makes of a text. */
export function holding(bytesMax: number, changed = (text: string): string => text): ReplyGuard {
  return {
    isStrict: true,
    take: (passage, head, _length, open) =>
      new GatheringSink(bytesMax, (outcome) => {
        if (outcome instanceof Failure) return passage.refuse(brokenOff(outcome));
        const body = Buffer.from(changed(Buffer.from(outcome.bytes).toString()));
        const sink = open(head, body.byteLength);
        if (body.byteLength > 0) sink.write(body);
        sink.end(outcome.trailers);
      }),
  };
}
