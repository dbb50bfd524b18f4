/** Bodies that go on as they come, but for their trailers, which are made others, or end the body as broken where that fails. */
import { type Failure, toFailure } from "../../../base/errors.ts";
import { type BodySink, type BodySource, type HeaderList, PassingSink } from "../../../wire/http/index.ts";

/** Throws what they cannot be let go on for; undefined: they do not go on. */
export type EditTrailers = (trailers: HeaderList) => HeaderList | undefined;

export class TrailingSink extends PassingSink {
  readonly #edit: EditTrailers;
  readonly #refused: (failure: Failure) => void;

  constructor(inner: BodySink, edit: EditTrailers, refused: (failure: Failure) => void) {
    super(inner);
    this.#edit = edit;
    this.#refused = refused;
  }

  override end(trailers?: HeaderList): void {
    let edited = trailers;
    try {
      edited = trailers && this.#edit(trailers);
    } catch (thrown) {
      const failure = toFailure(thrown, "gateway.defect");
      this.#refused(failure);
      return this.inner.abort(failure);
    }
    this.inner.end(edited);
  }
}

export function trailing(source: BodySource, edit: EditTrailers, refused: (failure: Failure) => void): BodySource {
  if (source.length === 0) return source;
  return {
    length: source.length,
    start: (sink) => source.start(new TrailingSink(sink, edit, refused)),
    cancel: (cause) => source.cancel(cause),
  };
}
