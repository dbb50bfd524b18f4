/** What a service asks of its node: calls of other services under its own name, who offers what, and caches that shall forget. */
import type { OutgoingServiceCall, ServiceCaller, ServiceHandlers } from "../../../process/service/index.ts";
import type { DoorCall, ServiceDoor } from "../words/index.ts";
import { tagOf } from "./cached.ts";
import { unavailable } from "./refusals.ts";
import type { LocalPorts } from "./types.ts";

export function handlersOf(
  ports: Pick<LocalPorts, "cache" | "door" | "log" | "output">,
  label: () => string,
): Omit<ServiceHandlers, "exit"> {
  const door = (): ServiceDoor => {
    const found = ports.door();
    if (!found) throw unavailable(`${label()} calls another service, and the node is not put together yet`);
    return found;
  };
  const named = (call: OutgoingServiceCall, signal: AbortSignal): DoorCall => ({
    ...call,
    caller: callerOf(label()),
    signal,
  });
  return {
    outgoing: async (call, signal) => door().call(named(call, signal)),
    outgoingStream: (call, signal) => door().stream(named(call, signal)),
    broadcast: async (call, signal) => door().broadcast(named(call, signal)),
    discover: (query) => door().discover(query),
    invalidate: ({ keys, tags }) => ports.cache?.invalidate({ keys, tags: tags.map(tagOf) }),
    log: (line) => ports.log(label(), line),
    output: (stream, line) => ports.output(label(), stream, line),
  };
}

/** One service trusts another as nodes do: all of them are what this user runs. */
function callerOf(name: string): ServiceCaller {
  return { kind: "service", name, access: "node", scopes: [] };
}
