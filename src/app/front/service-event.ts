/** What happens to a service, as the overview tells it. Pure. */
import type { ServiceNotice } from "../../work/service/local/index.ts";
import type { NewEvent } from "../overview/event-ring.ts";

export function serviceEvent(notice: ServiceNotice): NewEvent {
  const { service: subject } = notice;
  const say = (level: NewEvent["level"], text: string, kind = "service"): NewEvent => ({ level, kind, subject, text });
  switch (notice.kind) {
    case "serves":
      return say("info", `takes calls with ${notice.processes} ${notice.processes === 1 ? "process" : "processes"}`);
    case "swapped":
      return notice.from === subject
        ? say("info", "was restarted: new processes take its calls")
        : say("info", `took the place of ${notice.from}`, "swap");
    case "stopped":
      return say("info", "has ended");
    case "failed":
      return say("error", `has failed: ${notice.reason}`);
    case "unhealthy":
      return say("warn", `process ${notice.pid} is unhealthy: ${notice.reason}`);
    case "process_ended":
      return say("warn", `a process has ended: ${notice.reason}`);
  }
}
