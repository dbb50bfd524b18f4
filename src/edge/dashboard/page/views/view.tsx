/** The view of the tab that is chosen, and above it what this answer lacks. */
import { PANEL_ID, type TabName, tabId } from "../parts/tabs.tsx";
import { useBoard } from "../state/board.ts";
import { DeadLetters } from "./dead-letters.tsx";
import { Events } from "./events.tsx";
import { Gateways } from "./gateways.tsx";
import { Glance } from "./glance.tsx";
import { Pipelines } from "./pipelines.tsx";
import { Processes } from "./processes.tsx";
import { Services } from "./services.tsx";

const VIEWS = {
  overview: Glance,
  pipelines: Pipelines,
  processes: Processes,
  services: Services,
  gateway: Gateways,
  letters: DeadLetters,
  events: Events,
} as const;

export function View({ tab }: { readonly tab: TabName }) {
  const Chosen = VIEWS[tab];
  return (
    <div role="tabpanel" id={PANEL_ID} aria-labelledby={tabId(tab)} class="panel">
      <Lacking />
      <Chosen />
    </div>
  );
}

function Lacking() {
  const { cut, missing } = useBoard().overview;
  if (cut.length + missing.length === 0) return null;
  return (
    <ul class="lacking">
      {missing.map(({ part, reason }) => (
        <li key={part}>
          <b>{part}</b> cannot be shown: {reason}
        </li>
      ))}
      {cut.map(({ list, of, shown }, index) => (
        <li key={`${index} ${list}`}>
          {shown} of {of.toLocaleString("en-US")} {list} are shown
        </li>
      ))}
    </ul>
  );
}
