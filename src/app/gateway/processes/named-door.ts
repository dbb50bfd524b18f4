/**
 * The private door of a gateway's main process: its other processes ask there for services, pipelines and tasks, because they are no members
 * of the cluster themselves. HTTP on a unix socket that only this user can open; each request carries the question in front of
 * its body. What is answered streams back as fast as it is taken, and whoever goes away is seen by the one who answers.
 */
import { rmSync } from "node:fs";
import { Failure, toFailure } from "../../../base/errors.ts";
import type { NamedTargets } from "../../../edge/gateway/upstream/index.ts";
import { type BodySink, type BodySource, BytesSource, NO_BODY, type ReplyHead } from "../../../wire/http/index.ts";
import { REQUEST_BYTES_MAX } from "../../../wire/rpc/index.ts";
import { makePrivateSocket } from "../../control/private-directory.ts";
import { makeSocketPlace, socketSurroundings } from "../../control/socket-place.ts";
import { PIPELINE_BYTES_MAX } from "../named/pipeline-target.ts";
import { FAILED_HEADER, LENGTH_BYTES, type NamedFailed, QUESTION_BYTES_MAX, readQuestion } from "./named-question.ts";

const DOOR_BYTES_MAX = LENGTH_BYTES + QUESTION_BYTES_MAX + Math.max(PIPELINE_BYTES_MAX, REQUEST_BYTES_MAX);
/** Behind the process's own number: its control socket has that alone. */
const NAME = "gateway";
const NO_CONTENT: ReadonlySet<number> = new Set([204, 205, 304]);

export interface NamedDoor {
  readonly path: string;
  close(): Promise<void>;
}

/** Fails with `gateway.named_door`. */
export function openNamedDoor(dataDir: string, named: NamedTargets): NamedDoor {
  try {
    const path = makeSocketPlace(dataDir, process.pid, socketSurroundings(), NAME);
    rmSync(path, { force: true }); // of a process that had this number before
    const server = Bun.serve({
      unix: path,
      maxRequestBodySize: DOOR_BYTES_MAX,
      fetch(request, self) {
        self.timeout(request, 0); // each question has a deadline of its own
        return answered(named, request);
      },
    });
    server.unref();
    makePrivateSocket(path);
    return {
      path,
      async close() {
        await server.stop(true);
        rmSync(path, { force: true });
      },
    };
  } catch (thrown) {
    throw toFailure(thrown, "gateway.named_door");
  }
}

async function answered(named: NamedTargets, request: Request): Promise<Response> {
  try {
    const { body, question } = readQuestion(new Uint8Array(await request.arrayBuffer()));
    return await asked(named, question, body, request.signal);
  } catch (thrown) {
    return failed({ failure: toFailure(thrown, "gateway.defect").toJSON(), isUnsent: false });
  }
}

function asked(
  named: NamedTargets,
  { request, target }: ReturnType<typeof readQuestion>["question"],
  bytes: Uint8Array,
  gone: AbortSignal,
): Promise<Response> {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const body = bytes.byteLength === 0 ? NO_BODY : new BytesSource(bytes);
  const call = named.ask(
    target,
    { ...request, body },
    {
      onReply: (head, source) => resolve(responseOf(head, source)),
      onFailure: (failure, isUnsent) => resolve(failed({ failure: failure.toJSON(), isUnsent })),
    },
  );
  gone.addEventListener("abort", () =>
    call.cancel(new Failure("gateway.client_gone", "the process that asked went away")),
  );
  return promise;
}

function responseOf({ headers: list, status }: ReplyHead, source: BodySource): Response {
  const headers = new Headers();
  for (let at = 0; at < list.length; at += 2) headers.append(list[at]!, list[at + 1]!);
  headers.delete(FAILED_HEADER);
  if (!NO_CONTENT.has(status)) return new Response(streamOf(source), { status, headers });
  source.cancel(new Failure("gateway.no_content", `a reply of status ${status} has no body`));
  return new Response(null, { status, headers });
}

function failed(said: NamedFailed): Response {
  return new Response(null, { status: 500, headers: { [FAILED_HEADER]: encodeURIComponent(JSON.stringify(said)) } });
}

/** Pulls as it is pulled. */
function streamOf(source: BodySource): ReadableStream<Uint8Array> {
  let sink: BodySink | undefined;
  let isOver = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      sink = {
        onReady: undefined,
        onCancel: undefined,
        write(chunk) {
          if (isOver) return false;
          controller.enqueue(chunk);
          return (controller.desiredSize ?? 0) > 0;
        },
        end() {
          if (!isOver) controller.close();
          isOver = true;
        },
        abort(cause) {
          if (!isOver) controller.error(cause);
          isOver = true;
        },
      };
      source.start(sink);
    },
    pull: () => sink?.onReady?.(),
    cancel(reason) {
      isOver = true;
      sink?.onCancel?.(toFailure(reason, "gateway.client_gone"));
    },
  });
}
