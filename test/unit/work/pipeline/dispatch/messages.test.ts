import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  deployMessage,
  deployReply,
  failedMessage,
  helloReply,
  leaseMessage,
  leaseReply,
  readMessage,
  releaseMessage,
  reportMessage,
  undeployMessage,
} from "../../../../../src/work/pipeline/dispatch/messages.ts";

const PLACE = { machine: "m", pid: 1, fd: 3, inode: 9, sizeBytes: 64 };
const COUNTS = { in: 1, out: 1, filtered: 0, deadLettered: 0, skipped: 0, added: 0 };

/** One of each that is right. */
const RIGHT = {
  deploy: [
    deployMessage,
    {
      deployment: "life/0",
      probe: PLACE,
      pipeline: "p",
      run: "r",
      plans: [{}],
      settings: { memory: 1 },
      encoding: "batch",
      isSequential: true,
      inFlight: 8,
      firstSeq: 0,
      states: [["s", Uint8Array.of(1)]],
    },
  ],
  deployed: [deployReply, { machine: "", results: PLACE }],
  lease: [
    leaseMessage,
    {
      deployment: "life/0",
      lease: 1,
      seq: 0,
      id: "x@0",
      barrier: false,
      finish: false,
      failsOver: true,
      asBytes: false,
      check: 7,
      content: { place: PLACE, offset: 0, bytes: 4 },
    },
  ],
  result: [
    leaseReply,
    {
      malformed: 0,
      counts: [COUNTS],
      dead: [Uint8Array.of(1)],
      states: [["s", Uint8Array.of(2)]],
      tookMs: 1.5,
      content: Uint8Array.of(1, 2),
    },
  ],
  release: [releaseMessage, { deployment: "life/0", leases: [1, 2] }],
  undeploy: [undeployMessage, { deployment: "life/0", how: "stop" }],
  report: [
    reportMessage,
    {
      load: { cpu: 0.1, memory: 0.2, queue: 3 },
      deployments: [
        {
          deployment: "life/0",
          leases: [1],
          stages: [{ name: "s", rows: 1, inFlight: 1, retries: 0, restarts: 0, pids: [7] }],
          tree: { name: "p" },
        },
      ],
    },
  ],
  failed: [failedMessage, { deployment: "life/0", code: "pipeline.failed", reason: "why" }],
  hello: [helloReply, { machine: "m", capacity: 2, isLeaving: false }],
} as const;

const names = Object.keys(RIGHT) as (keyof typeof RIGHT)[];

describe("readMessage()", () => {
  for (const name of names) {
    const [schema, right] = RIGHT[name];
    const read = (payload: unknown): unknown => readMessage(schema as never, payload, "it");

    test(`takes a right ${name} as it is, and leaves out what it does not know`, () => {
      expect(read(right)).toEqual(right);
      expect(read({ ...right, newer: 1 })).toEqual(right);
    });

    test(`refuses a ${name} in which anything is missing`, () => {
      for (const key of Object.keys(right)) {
        const { [key]: _, ...rest } = right as Record<string, unknown>;
        if (key === "tree") continue;
        expect(() => read(rest)).toThrow(expect.objectContaining({ code: "work.message" }));
      }
    });

    test(`throws nothing but work.message, whatever a ${name} is`, () => {
      fc.assert(
        fc.property(fc.anything(), fc.constantFrom(...Object.keys(right)), (anything, key) => {
          for (const payload of [anything, { ...right, [key]: anything }]) {
            try {
              read(payload);
            } catch (thrown) {
              expect(thrown).toMatchObject({ code: "work.message" });
            }
          }
        }),
      );
    });
  }

  test("says what was not understood, and where", () => {
    expect(() => readMessage(undeployMessage, { deployment: "d", how: "softly" }, "an end of stages")).toThrow(
      /^an end of stages was not understood: .*how/s,
    );
  });
});
