/**
 * etcd: three members with their default settings. Its load is a program of Go with etcd's own client, built here against Debian's packages
 * of the same version: over four connections to the leader; one, sixteen, or some to each member differ by less than runs do.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../../test/support/free-port.ts";
import { until } from "../../../../test/support/until.ts";
import type { Figures } from "../../common/figures.ts";
import { type Absent, resultOf } from "../contestant.ts";
import { startServer } from "../server.ts";
import type { Site } from "../site.ts";
import type { KvContestant, KvWork } from "./work.ts";

const MEMBERS = 3;
const CONNECTIONS = 4;
/** Where Debian's packages of Go's sources are. */
const GOPATH = "/usr/share/gocode";

interface Member {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
}

export async function etcd(site: Site): Promise<KvContestant | Absent> {
  const name = "etcd";
  if (Bun.which("etcd") === null) return { name, why: "it is not installed (Debian's package etcd-server)" };
  if (Bun.which("go") === null)
    return { name, why: "its client is built with Go (Debian's golang-go and golang-etcd-server-dev)" };
  const place = join(site.directory, "etcd");
  const load = await buildLoad(place);
  if ("why" in load) return { name, why: load.why };
  const version = Bun.spawnSync(["etcd", "--version"]).stdout.toString().split("\n")[0]!.split(": ")[1];
  return {
    name,
    label: `etcd ${version}, clientv3, ${CONNECTIONS} connections to the leader`,
    run: (work) => measure(place, load.program, work),
  };
}

async function buildLoad(place: string): Promise<{ readonly program: string } | { readonly why: string }> {
  mkdirSync(place, { recursive: true });
  const source = join(place, "etcd-load.go");
  copyFileSync(join(import.meta.dir, "etcd-load.go"), source);
  const program = join(place, "etcd-load");
  console.error("building etcd's client: a minute for the first time …");
  const env = { ...process.env, GO111MODULE: "off", GOPATH, GOFLAGS: "" };
  const build = Bun.spawn(["go", "build", "-o", program, source], { stdio: ["ignore", "ignore", "pipe"], env });
  const said = await new Response(build.stderr).text();
  if ((await build.exited) === 0) return { program };
  return { why: `its client does not build (Debian's golang-etcd-server-dev is needed): ${said.trim().slice(0, 300)}` };
}

async function measure(place: string, program: string, work: KvWork): Promise<readonly Figures[]> {
  const members = await newMembers();
  await using servers = new AsyncDisposableStack();
  for (const member of members) {
    const directory = join(place, member.name);
    servers.use(startServer(["etcd", ...wordsOf(member, members)], directory));
  }
  const leader = await until("etcd has a leader", () => leaderOf(members));
  const connections = { endpoints: [leader], connections: CONNECTIONS };
  return await resultOf<readonly Figures[]>([program, JSON.stringify({ ...work, ...connections })]);
}

async function newMembers(): Promise<readonly Member[]> {
  const ports = await freePorts(2 * MEMBERS);
  return Array.from({ length: MEMBERS }, (_, at) => ({
    name: `e${at + 1}`,
    client: `http://127.0.0.1:${ports[at]}`,
    peer: `http://127.0.0.1:${ports[MEMBERS + at]}`,
  }));
}

function wordsOf({ client, name, peer }: Member, all: readonly Member[]): readonly string[] {
  const words = {
    name,
    "data-dir": "data",
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": all.map((each) => `${each.name}=${each.peer}`).join(","),
    "log-level": "error",
  };
  return Object.entries(words).flatMap(([word, value]) => [`--${word}`, value]);
}

/** By its own gateway of JSON. */
async function leaderOf(members: readonly Member[]): Promise<string | undefined> {
  for (const { client } of members) {
    try {
      const response = await fetch(`${client}/v3/maintenance/status`, { method: "POST", body: "{}" });
      const { header, leader } = (await response.json()) as { header?: { member_id?: string }; leader?: string };
      if (leader !== undefined && header?.member_id === leader) return client;
    } catch {} // it does not listen yet
  }
  return undefined;
}
