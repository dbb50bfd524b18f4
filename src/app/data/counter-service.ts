/** Answers the contract `counter`. */
import { counterContract } from "../../data/contract/index.ts";
import type { CounterReply } from "../../data/words/index.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import { page, propose, read, type ServicePorts } from "./service-ports.ts";

export function counterService(ports: ServicePorts): Service {
  return implement(counterContract, {
    add: ({ by, counter, ...marked }, context) =>
      propose<CounterReply>(ports, marked, { type: "counter.add", counter, by }, context),
    set: ({ counter, to, ...marked }, context) =>
      propose<CounterReply>(ports, marked, { type: "counter.set", counter, to }, context),
    get: (query, context) => read(ports, query, ({ counters }) => ({ value: counters.get(query.counter) }), context),
    list: (query, context) =>
      read(
        ports,
        query,
        ({ counters }) => {
          const { more, rows } = page(counters.list(query.limit + 1, query.after), query.limit);
          return { counters: rows, more };
        },
        context,
      ),
  });
}
