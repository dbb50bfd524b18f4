/** Answers the contract `raft`: what operators ask of groups, and settings as JSON in one map. */
import type { z } from "zod";
import { Failure } from "../../base/errors.ts";
import { CONFIG_MAP, raftContract } from "../../data/contract/index.ts";
import type { CasReply, Command, Entry, MapReply } from "../../data/words/index.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import type { DataOptions, GroupChange } from "./data-port.ts";
import { propose, read, type ServicePorts } from "./service-ports.ts";
import { toldMapReply } from "./told.ts";

type Setting = z.output<(typeof raftContract.methods)["propose"]["input"]>["command"];

/** A learner gets all there is first. */
const MEMBERS_TIMEOUT_MS = 10 * 60_000;

export function raftService(ports: ServicePorts): Service {
  const { data } = ports;
  const options = ({ signal }: { readonly signal: AbortSignal }): DataOptions => ({
    signal,
    timeoutMs: MEMBERS_TIMEOUT_MS,
  });
  const changed = async (group: string, change: GroupChange, context: { readonly signal: AbortSignal }) => {
    await data.reconfigure(group, change, options(context));
    return { status: data.status(group) };
  };
  return implement(raftContract, {
    status: ({ group }) => ({
      groups: (group === undefined ? data.groups() : [group]).map((each) => data.status(each)),
    }),
    propose: async ({ command, ...marked }, context) =>
      toldSetting(await propose<CasReply | MapReply>(ports, marked, commandOf(command), context)),
    read: (query, context) =>
      read(
        ports,
        query,
        ({ maps }) => {
          const found = maps.get(CONFIG_MAP, query.key);
          if (!found) return { revision: maps.revision };
          const { value: _, ...entry } = found;
          return { value: jsonOf(found), entry, revision: maps.revision };
        },
        context,
      ),
    transfer: async ({ group, to }, context) => {
      await data.transfer(group, to, options(context));
      return { status: data.status(group) };
    },
    add: ({ group, learner, node }, context) => changed(group, { type: "add", node, isLearner: learner }, context),
    promote: ({ group, node }, context) => changed(group, { type: "promote", node }, context),
    remove: ({ group, node }, context) => changed(group, { type: "remove", node }, context),
    snapshot: async ({ group }, context) => {
      await data.snapshot(group, options(context));
      return { status: data.status(group) };
    },
    verify: ({ group }, context) => data.verify(group, options(context)),
  });
}

function commandOf(setting: Setting): Command {
  const { key } = setting;
  const where = { map: CONFIG_MAP, key };
  if (setting.operation === "set") return { type: "map.put", ...where, value: JSON.stringify(setting.value) };
  if (setting.operation === "delete") return { type: "map.delete", ...where };
  const { expect, value } = setting;
  return {
    type: "map.cas",
    ...where,
    expect: expect === undefined ? { absent: true } : { value: JSON.stringify(expect) },
    value: value === undefined ? undefined : JSON.stringify(value),
  };
}

function toldSetting(reply: CasReply | MapReply) {
  if (!("swapped" in reply)) return toldMapReply(reply);
  const { revision, swapped } = reply;
  if (swapped || reply.current === undefined) return { swapped, revision };
  return { swapped, revision, current: jsonOf(reply.current) };
}

type Json = z.input<(typeof raftContract.methods)["read"]["output"]>["value"];

function jsonOf({ key, value }: Entry): Json {
  const text = typeof value === "string" ? value : Buffer.from(value).toString();
  try {
    return JSON.parse(text) as Json;
  } catch (thrown) {
    const message = `the setting ${JSON.stringify(key)} is ${JSON.stringify(text.slice(0, 60))}; JSON is required, map ${CONFIG_MAP} shows it`;
    throw new Failure("data.not_json", message, { cause: thrown });
  }
}
