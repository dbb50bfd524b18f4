/** The list of views: arrow keys, Home and End move between them, as for any list of tabs; the address names the one that is chosen. */
import { useRef } from "preact/hooks";
import type { Overview } from "../../words.ts";
import { isGateway } from "../logic/roles.ts";

export type TabName = "overview" | "pipelines" | "processes" | "services" | "gateway" | "letters" | "events";

const TABS: readonly { readonly name: TabName; readonly label: string }[] = [
  { name: "overview", label: "Overview" },
  { name: "pipelines", label: "Pipelines" },
  { name: "processes", label: "Processes" },
  { name: "services", label: "Services" },
  { name: "gateway", label: "Gateways" },
  { name: "letters", label: "Dead letters" },
  { name: "events", label: "Events" },
];

export function tabOf(hash: string): TabName {
  return TABS.find(({ name }) => `#${name}` === hash)?.name ?? "overview";
}

export function tabId(name: TabName): string {
  return `tab-${name}`;
}

export const PANEL_ID = "panel";

interface TabListProps {
  readonly chosen: TabName;
  readonly choose: (tab: TabName) => void;
  readonly overview: Overview | undefined;
}

export function TabList({ chosen, choose, overview }: TabListProps) {
  const list = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent): void => {
    const at = TABS.findIndex(({ name }) => name === chosen);
    const target = targetOf(event.key, at);
    if (target === undefined) return;
    event.preventDefault();
    const { name } = TABS[target]!;
    choose(name);
    list.current?.querySelector<HTMLElement>(`#${tabId(name)}`)?.focus();
  };
  return (
    <nav aria-label="Views">
      <div ref={list} class="tabs" role="tablist" aria-label="Views" onKeyDown={onKey}>
        {TABS.map(({ label, name }) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={tabId(name)}
            aria-selected={name === chosen}
            aria-controls={PANEL_ID}
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => choose(name)}
          >
            {label}
            <Count count={overview && countOf(name, overview)} />
          </button>
        ))}
      </div>
    </nav>
  );
}

function Count({ count }: { readonly count: number | undefined }) {
  return count ? <span class="count">{count.toLocaleString("en-US")}</span> : null;
}

function countOf(tab: TabName, { deadLetters, nodes, pipelines, services }: Overview): number | undefined {
  if (tab === "pipelines") return pipelines.length;
  if (tab === "services") return services.length;
  if (tab === "gateway") return nodes.filter(isGateway).length;
  if (tab === "letters") return deadLetters.reduce((total, each) => total + each.total, 0);
  return undefined;
}

function targetOf(key: string, at: number): number | undefined {
  const last = TABS.length - 1;
  if (key === "ArrowRight") return at === last ? 0 : at + 1;
  if (key === "ArrowLeft") return at === 0 ? last : at - 1;
  if (key === "Home") return 0;
  return key === "End" ? last : undefined;
}
