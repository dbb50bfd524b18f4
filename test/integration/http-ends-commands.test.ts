/** Network ends as people meet them on the command line: explained, checked, refused, replaced. */
import { describe, expect, test } from "bun:test";
import { freePort } from "../support/free-port.ts";
import { Workspace } from "../support/workspace.ts";

describe("network ends on the command line", () => {
  test("check --explain tells of each of them", async () => {
    using space = new Workspace();
    const { code, stdout } = await space.exec(["check", "--explain"]);
    expect(code).toBe(0);
    for (const title of ["source:http", "source:directory", "sink:http"]) expect(stdout).toContain(title);
    for (const name of ["spool_bytes", "idempotency_keys", "settle", "retry_for"]) expect(stdout).toContain(name);
  });

  test("check finds what is wrong with them, at its place", async () => {
    using space = new Workspace();
    space.pipeline([], { source: "http|listen=0.0.0.0:8090", sink: "http|url=ftp://a/" });
    const { code, stderr, stdout } = await space.exec(["check", "pipeline.txt"]);
    expect(code).not.toBe(0);
    const said = stdout + stderr;
    expect(said).toContain("pipeline.txt:1:23: parameters.listen: cannot open source:http with listen=0.0.0.0:8090");
    expect(said).toContain("pipeline.txt:2:19: parameters.url: cannot open sink:http: url=ftp://a/");
    expect(said).toContain("2 faults");
  });

  test("run refuses an output that its watched directory would take", async () => {
    using space = new Workspace();
    space.write("inbox/a.ndjson", '{"id":1}\n');
    const source = "directory|path=inbox,pattern=*.ndjson,until=empty";
    space.pipeline([], { source, sink: "ndjson|path=inbox/out.ndjson" });
    const { code, stderr } = await space.exec(["run", "pipeline.txt"]);
    expect(code).toBe(78);
    expect(stderr).toContain("each needs a file of its own");
  });

  test("run ends by itself when a directory is empty, and has deleted what it read", async () => {
    using space = new Workspace();
    space.write("inbox/a.csv", "id,name\n1,x\n2,y\n");
    const source = "directory|path=inbox,pattern=*.csv,until=empty,after=delete,settle=0";
    space.pipeline([], { source });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    expect(summary).toMatchObject({ run: "ended", written: 2, faults: [] });
    expect(space.records("out.ndjson")).toEqual([
      { id: 1, name: "x" },
      { id: 2, name: "y" },
    ]);
    expect(space.exists("inbox/a.csv")).toBe(false);
  });

  test("run takes --input and --output in the place of network ends", async () => {
    using space = new Workspace();
    space.write("in.ndjson", '{"id":1}\n');
    space.pipeline([], { source: `http|listen=127.0.0.1:${freePort()}`, sink: "http|url=http://127.0.0.1:1/" });
    const { summary } = await space.run(["pipeline.txt", "--input", "in.ndjson", "--output", "out.ndjson"]);
    expect(summary).toMatchObject({ run: "ended", written: 1 });
    expect(space.records("out.ndjson")).toEqual([{ id: 1 }]);
  });

  test("run fails with the service's words when its sink is refused, and goes on when it is not any more", async () => {
    using space = new Workspace();
    let isOpen = false;
    const seen: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      development: false,
      async fetch(request) {
        if (!isOpen) return new Response("closed on Sundays", { status: 403 });
        seen.push(`${request.headers.get("idempotency-key")} ${await request.text()}`);
        return new Response();
      },
    });
    try {
      space.write("in.ndjson", '{"id":1}\n{"id":2}\n');
      space.pipeline([], { sink: `http|url=http://127.0.0.1:${server.port}/`, settings: "batch_rows=1" });
      const refused = await space.run();
      expect(refused.summary).toMatchObject({ run: "failed", error: { code: "sink.http.refused" } });
      expect(refused.summary.error?.message).toContain("the answer is 403: closed on Sundays");
      isOpen = true;
      expect((await space.run()).summary).toMatchObject({ run: "ended", written: 2 });
      expect(seen.map((each) => each.replace(/^[0-9a-f-]{36}\//, ""))).toEqual([
        'in.ndjson@0 {"id":1}\n',
        'in.ndjson@9 {"id":2}\n',
      ]);
    } finally {
      await server.stop(true);
    }
  });
});
