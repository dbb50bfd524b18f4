import { PipelineCluster } from "/work/main/test/support/pipeline-cluster.ts";
const seen = new Map<string, number>(); const answered = new Map<string, number>();
let keys = new Map<string, Set<string>>();
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, async fetch(request) {
  const path = request.method + " " + new URL(request.url).pathname;
  seen.set(path, (seen.get(path) ?? 0) + 1);
  const k = request.headers.get("idempotency-key"); if (k) (keys.get(path) ?? keys.set(path, new Set()).get(path)!).add(k);
  await Bun.sleep(20 + Math.random() * 60);
  answered.set(path, (answered.get(path) ?? 0) + 1);
  return Response.json({ ok: path });
}});
const env = { BASE: server.url.origin };
const cluster = await PipelineCluster.start(["worker1", "worker2"], { env });
cluster.space.write("p.ts", `import { definePlugin } from "distributed-system";
export default definePlugin({ info: { name: "p", version: "1.0.0", description: "p" }, params: {}, init() {}, processBatch(b) { for (const r of b) r.m = Number(r.n) * 2; }, cleanup() {} });`);
const N = Number(process.env.N ?? 1500);
const tasks = Array.from({ length: N }, (_, i) => {
  const needs = i >= 50 ? [{ task: `t${i - 50}`, optional: true }] : [];
  const kind = i % 4;
  if (kind === 3) return { id: `t${i}`, type: "plugin", library: "p.ts", records: [{ n: i }], needs, retry: { max: 10, backoff: 50 } };
  return { id: `t${i}`, type: kind === 0 ? "GET" : "POST", url: "${env.BASE}/" + i, needs, ...(kind === 1 && { idempotency_key: true }) };
});
const file = cluster.space.write("g.json", JSON.stringify({ name: "chaos", env: ["BASE"], parallel: 30, tasks }));
const id = (await cluster.tell("task", "run", file, "--on-master", "--detach")).stdout.trim();
console.log("run", id);
let shown: any;
const masterOpts = { env };
let kills = 0;
const rnd = (n: number) => Math.floor(Math.random() * n);
for (;;) {
  await Bun.sleep(250 + rnd(350));
  try { shown = JSON.parse((await cluster.ask("task", "show", id, "--on-master", "--json", "--timeout", "3s")).stdout); } catch { continue; }
  console.log(shown.state, JSON.stringify(shown.counts));
  if (shown.state !== "running" && shown.state !== "interrupted") break;
  if (kills >= 25) continue;
  const who = ["worker1", "worker2", "master"][rnd(3)]!;
  kills++;
  console.log("kill", who);
  await cluster.killHard(who);
  if (who === "master") await cluster.master(masterOpts); else void cluster.worker(who).catch((e) => console.log(String(e)));
}
const byId = new Map(shown.tasks.map((t: any) => [t.id, t]));
let wrong = 0; const bad = (t: string) => { wrong++; console.log("WRONG", t); };
let unknown = 0, dup = 0;
for (let i = 0; i < N; i++) {
  const t: any = byId.get(`t${i}`); const kind = i % 4;
  if (kind === 3) { if (t.state !== "done") bad(`plugin ${i} ${JSON.stringify(t)}`); continue; }
  const path = `${kind === 0 ? "GET" : "POST"} /${i}`;
  const n = seen.get(path) ?? 0;
  if (kind === 2) { if (n > 1) bad(`${path} ${n} times`); if (t.state === "done" && n !== 1) bad(`done but ${n}`); if (t.state === "failed") unknown++; }
  else { if (t.state !== "done") bad(`${path} ${JSON.stringify(t)}`); if (n < 1) bad(`${path} never`); if (n > 1) dup++; if (kind === 1 && keys.get(path)!.size !== 1) bad(`${path} keys ${[...keys.get(path)!]}`); }
}
console.log({ kills, unknown, repeatedIdempotent: dup, wrong, counts: shown.counts, retries: shown.retries });
console.log(shown.failed.slice(0, 3));
const rep: any = await cluster.report(shown.report ?? JSON.parse((await cluster.ask("task","show",id,"--on-master","--json")).stdout).report);
console.log(rep.counts, rep.events, rep.nodes.map((n: any) => [n.node, n.items]));
await cluster[Symbol.asyncDispose](); await server.stop(true);
