/** What a master's dispatcher tells, in the words of a report. Pure. */
import type { DispatchEvent } from "../../work/pipeline/dispatch/index.ts";
import type { Observation } from "../../work/report/index.ts";

/** Undefined for what no report counts. */
export function observationOf(event: DispatchEvent): Observation | undefined {
  switch (event.event) {
    case "done":
      return {
        ...{ type: "done", id: event.batch, node: event.worker, ms: event.durationMs },
        ...{ rows: event.rows, bytesIn: event.bytesIn, bytesOut: event.bytesOut },
      };
    case "hedge":
      return { type: "hedge" };
    case "late":
      return { type: "late", node: event.worker };
    case "failover":
      return { type: "failover" };
    case "lost":
      return { type: "lost", node: event.worker };
    case "deployed":
    case "flowing":
    case "moved":
      return undefined;
  }
}
