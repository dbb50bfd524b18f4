import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Supervisor, validateChild, validateSupervisor } from "../../../../src/protocol/supervision/index.ts";

const LIMITS = { maxRestarts: 3, restartPeriodMs: 50 };

describe("validateSupervisor", () => {
  test("validateSupervisor() names every fault at once, with its place, value and what is required", () => {
    const specs = [{ id: "", restart: "often" }, { id: "b", shutdown: "soon", type: "cat", significant: true }, 7];
    const options = {
      maxRestarts: 1.5,
      restartPeriodMs: "a minute",
      restartDelayMs: 10,
      stableAfterMs: -1,
      startup: "later",
      onFailure: [{ match: "*", decision: "restart" }, { match: "a..b", decision: "retry" }, "stop"],
    };
    expect(validateSupervisor(specs, options).map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'options.startup: "later", one of one_by_one, together is required',
      'options.onFailure[0].match: "*", only the last rule may match all, those behind it would never be asked',
      'options.onFailure[1].match: "a..b", a dotted code or * is required',
      'options.onFailure[1].decision: "retry", one of restart, stop, escalate is required',
      'options.onFailure[2]: "stop", an object with match and decision is required',
      "options.maxRestarts: 1.5, a whole number from 0 is required",
      'options.restartPeriodMs: "a minute", milliseconds above 0 are required',
      "options.stableAfterMs: -1, milliseconds from 0 are required",
      "options.restartDelayMs: 10, a function of the failures in a row is required",
      'children[0].id: "", a name is required',
      'children[0].restart: "often", one of permanent, transient, temporary is required',
      'children[1].type: "cat", one of worker, supervisor is required',
      'children[1].shutdown: "soon", brutal_kill, infinity or { timeoutMs } with milliseconds from 0 is required',
      "children[1].significant: true, but restart permanent requires false",
      "children[1].significant: true, but autoShutdown never requires false",
      "children[2]: 7, a child spec is required",
    ]);
  });

  test("validateSupervisor() says of a rule list that is none what it is", () => {
    const [fault] = validateSupervisor([], { ...LIMITS, onFailure: { match: "*" } });
    expect(fault).toEqual({ path: "options.onFailure", message: '{"match":"*"}, a list of rules is required' });
  });

  test("validateSupervisor() cuts long values short", () => {
    const [fault] = validateSupervisor([{ id: "a", restart: "x".repeat(1_000) }], LIMITS);
    expect(fault!.message.length).toBeLessThan(150);
  });

  test("validateChild() judges significance by the supervisor's automatic shutdown", () => {
    const spec = { id: "a", restart: "transient", significant: true };
    expect(validateChild(spec)).toHaveLength(1);
    expect(validateChild(spec, "any_significant")).toEqual([]);
  });

  test("validateSupervisor() takes anything, and what it passes can be built", () => {
    const word = fc.constantFrom(
      "a",
      "",
      "permanent",
      "temporary",
      "worker",
      "infinity",
      "one_for_all",
      "never",
      0,
      1,
      -1,
      null,
    );
    const spec = fc.record(
      { id: word, restart: word, shutdown: word, type: word, significant: fc.boolean() },
      { requiredKeys: [] },
    );
    const options = fc.record(
      { maxRestarts: word, restartPeriodMs: word, strategy: word, autoShutdown: word },
      { requiredKeys: [] },
    );
    const specs = fc.oneof(
      fc.array(fc.oneof({ weight: 4, arbitrary: spec }, { weight: 1, arbitrary: fc.anything() })),
      fc.anything(),
    );
    fc.assert(
      fc.property(
        specs,
        fc.oneof({ weight: 4, arbitrary: options }, { weight: 1, arbitrary: fc.anything() }),
        (children, more) => {
          const build = () => new Supervisor(children as never, more as never);
          if (validateSupervisor(children, more).length === 0) build();
          else expect(build).toThrow("cannot build the supervisor");
        },
      ),
      { numRuns: 500 },
    );
  });
});
