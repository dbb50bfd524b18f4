/**
 * Asks an upstream for its descriptors: its services, the files that define them, and what those import. By v1, or by v1alpha where v1 is not
 * known. The client's own fields are not sent along: what is fetched serves everybody.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import {
  codeOf,
  DescriptorStore,
  decodeReflectionReply,
  encodeReflectionRequest,
  frameMessage,
  type GrpcStatus,
  nameOfCode,
  type ReflectionRequest,
  readDescriptorFile,
} from "../../../wire/protobuf/index.ts";
import { BodyPipe } from "./flow.ts";
import { GrpcCall } from "./grpc-call.ts";
import { REFLECTION_FILES_MAX, REFLECTION_MESSAGE_BYTES_MAX, REFLECTION_TIMEOUT_MS } from "./limits.ts";
import type { ConvertAsk, ConvertMatch } from "./words.ts";

type File = ReturnType<typeof readDescriptorFile>;

const VERSIONS = ["v1", "v1alpha"] as const;

/** `done` is called once; failures are `gateway.reflection`. */
export function reflect(match: ConvertMatch, ask: ConvertAsk, done: (result: DescriptorStore | Failure) => void): void {
  const attempt = (index: number): void => {
    new Reflection(match, ask, VERSIONS[index]!, (result) => {
      const isUnknown = result instanceof Failure && result.data?.status === "UNIMPLEMENTED";
      if (isUnknown && index + 1 < VERSIONS.length) attempt(index + 1);
      else done(result);
    });
  };
  attempt(0);
}

class Reflection {
  readonly #requests = new BodyPipe();
  readonly #files = new Map<string, File>();
  readonly #asked = new Set<string>();
  readonly #done: (result: DescriptorStore | Failure) => void;
  readonly #call: GrpcCall;
  #pending = 0;
  #isDone = false;

  constructor(
    match: ConvertMatch,
    ask: ConvertAsk,
    version: string,
    done: (result: DescriptorStore | Failure) => void,
  ) {
    this.#done = done;
    this.#request({ kind: "services", name: "*" });
    const request = {
      match,
      path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      metadata: [],
      body: this.#requests,
      timeoutMs: REFLECTION_TIMEOUT_MS,
      isIdempotent: false,
      messageBytesMax: REFLECTION_MESSAGE_BYTES_MAX,
    };
    this.#call = new GrpcCall(request, ask, {
      onMessage: (message) => this.#received(message),
      onEnd: (status) => this.#ended(status),
    });
  }

  #request(request: ReflectionRequest): void {
    this.#pending++;
    this.#requests.write(frameMessage(encodeReflectionRequest(request)));
  }

  #received(message: Uint8Array): boolean {
    if (this.#isDone) return true;
    try {
      this.#take(message);
    } catch (thrown) {
      this.#finish(toFailure(thrown, "gateway.reflection"));
    }
    return true;
  }

  #take(message: Uint8Array): void {
    const reply = decodeReflectionReply(message);
    this.#pending--;
    if (reply?.kind === "error")
      throw failed(`it answered ${nameOfCode(reply.code)}: ${reply.message}`, nameOfCode(reply.code));
    if (reply?.kind === "services") {
      // Its own service of reflection may be missing in its own answers.
      for (const name of reply.names) if (!name.startsWith("grpc.reflection.")) this.#request({ kind: "symbol", name });
    }
    if (reply?.kind === "files") for (const bytes of reply.files) this.#add(readDescriptorFile(bytes));
    if (this.#pending === 0) this.#next();
  }

  #add(file: File): void {
    if (this.#files.size >= REFLECTION_FILES_MAX)
      throw failed(`it has more than ${REFLECTION_FILES_MAX} files`, "RESOURCE_EXHAUSTED");
    if (!this.#files.has(file.name)) this.#files.set(file.name, file);
  }

  /** What is imported and did not come along is asked for; then all is there. */
  #next(): void {
    for (const file of this.#files.values()) {
      for (const name of file.dependency) {
        if (this.#files.has(name) || this.#asked.has(name) || name.startsWith("google/protobuf/")) continue;
        this.#asked.add(name);
        this.#request({ kind: "file", name });
      }
    }
    if (this.#pending > 0) return;
    this.#requests.end();
    this.#finish(new DescriptorStore([...this.#files.values()]));
  }

  #ended(status: GrpcStatus): void {
    const name = status.code === 0 ? codeOf("INTERNAL") : status.code;
    this.#finish(failed(`it ended with ${nameOfCode(name)}: ${status.message}`, nameOfCode(name)));
  }

  #finish(result: DescriptorStore | Failure): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#call?.cancel(new Failure("gateway.convert_over", "the descriptors are known"));
    this.#done(result);
  }
}

function failed(why: string, status: string): Failure {
  return new Failure(
    "gateway.reflection",
    `asking the upstream for its descriptors failed: ${why}; reflection or proto= is required`,
    {
      data: { status },
    },
  );
}
