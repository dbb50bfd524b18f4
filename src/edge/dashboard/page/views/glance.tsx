/** The first view: the cluster as a picture, a few numbers that say whether work gets done, nodes, groups, and what happened last. */
import { bytesPerSecond, percent, perSecond, plural } from "../logic/numbers.ts";
import { TOTAL_BYTES, TOTAL_CALLS, TOTAL_READ, TOTAL_WRITTEN } from "../logic/series.ts";
import { numeric, Section, Table } from "../parts/bits.tsx";
import { Plot } from "../parts/plot.tsx";
import { useBoard } from "../state/board.ts";
import { EventList } from "./event-list.tsx";
import { Nodes } from "./nodes.tsx";
import { Topology } from "./topology.tsx";

const EVENTS_SHOWN = 8;

export function Glance() {
  const { live, overview } = useBoard();
  return (
    <div class="grid">
      <Tiles />
      <Section id="topology-title" title="Cluster">
        <Topology />
      </Section>
      <Section id="flow-title" title="Flow">
        <Plot
          title="Records a second, all pipelines"
          lines={[
            { series: TOTAL_READ, label: "read" },
            { series: TOTAL_WRITTEN, label: "written" },
          ]}
          format={perSecond}
        />
        <Plot
          title="Calls a second, all services"
          lines={[{ series: TOTAL_CALLS, label: "calls" }]}
          format={perSecond}
          height={110}
        />
        <Plot
          title="Bytes a second on this node's links"
          lines={[{ series: TOTAL_BYTES, label: "bytes" }]}
          format={bytesPerSecond}
          height={110}
        />
      </Section>
      <Nodes />
      <Section id="lately-title" title="Lately" isWide>
        <EventList events={live.events.events.slice(-EVENTS_SHOWN)} />
      </Section>
      {overview.groups.length > 0 && <Groups />}
    </div>
  );
}

function Tiles() {
  const { live, overview } = useBoard();
  const { cache, deadLetters, nodes, pipelines } = overview;
  const alive = nodes.filter(({ state }) => state === "alive").length;
  const running = pipelines.filter(({ state }) => state === "running").length;
  const failed = pipelines.filter(({ state }) => state === "failed").length;
  const letters = deadLetters.reduce((total, each) => total + each.total, 0);
  const asked = cache ? cache.hits + cache.misses : 0;
  return (
    <dl class="tiles wide">
      <Tile name="Nodes alive" value={`${alive} of ${nodes.length}`} level={alive < nodes.length ? "bad" : undefined} />
      <Tile
        name="Pipelines running"
        value={`${running} of ${pipelines.length}`}
        more={failed > 0 ? plural(failed, "failed", "failed") : undefined}
        level={failed > 0 ? "bad" : undefined}
      />
      <Tile name="Read" value={perSecond(live.history.latest(TOTAL_READ))} />
      <Tile name="Written" value={perSecond(live.history.latest(TOTAL_WRITTEN))} />
      <Tile name="Service calls" value={perSecond(live.history.latest(TOTAL_CALLS))} />
      <Tile name="Dead letters" value={letters.toLocaleString("en-US")} level={letters > 0 ? "warn" : undefined} />
      {cache && (
        <Tile
          name="Cache hits"
          value={percent(asked === 0 ? undefined : cache.hits / asked)}
          more={`Redis ${cache.redis}`}
          level={cache.redis === "down" ? "warn" : undefined}
        />
      )}
    </dl>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly more?: string | undefined;
  readonly level?: "warn" | "bad" | undefined;
}

function Tile({ name, value, more, level }: TileProps) {
  return (
    <div class={`tile ${level ?? ""}`}>
      <dt>{name}</dt>
      <dd>
        {value}
        {more !== undefined && <span class="more">{more}</span>}
      </dd>
    </div>
  );
}

function Groups() {
  const { groups } = useBoard().overview;
  return (
    <Section id="groups-title" title="Raft groups" isWide>
      <Table
        caption="Raft groups as this node sees them"
        head={[
          "Group",
          "Role",
          "Leader",
          numeric("Term"),
          numeric("Commit"),
          numeric("Applied"),
          numeric("Members"),
          "Damage",
        ]}
      >
        {groups.map(({ applied, commit, damage, group, leader, members, role, term }) => (
          <tr key={group}>
            <th scope="row">{group}</th>
            <td>{role}</td>
            <td class="mono">{leader ?? "nobody"}</td>
            <td class="number">{term}</td>
            <td class="number">{commit.toLocaleString("en-US")}</td>
            <td class="number">{applied.toLocaleString("en-US")}</td>
            <td class="number">{members}</td>
            <td>{damage ?? <span class="quiet">none</span>}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
