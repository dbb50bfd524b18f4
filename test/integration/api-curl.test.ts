/** What the documents tell people to type: their curl commands, word by word, with a node's address and a token put in. */
import { expect, test } from "bun:test";
import { ServiceCluster } from "../support/services.ts";

interface Typed {
  readonly text: string;
  readonly answer: (body: unknown) => void;
}

const TYPED: readonly Typed[] = [
  {
    text: "curl http://127.0.0.1:8001/health",
    answer: (body) => expect(body).toEqual({ status: "healthy" }),
  },
  {
    text: `curl -X POST http://127.0.0.1:8001/auth/token \\
     -H "Content-Type: application/json" \\
     -H "Authorization: Bearer YOUR_TOKEN" \\
     -d '{"node_id": "client-1"}'`,
    answer: (body) => expect(body).toMatchObject({ token_type: "Bearer", sub: "operator/client-1", role: "operator" }),
  },
  {
    text: `curl -H "Authorization: Bearer YOUR_TOKEN" \\
     http://127.0.0.1:8001/cluster/nodes`,
    answer: (body) => expect(body).toMatchObject({ nodes: [{ id: "n1", state: "alive" }] }),
  },
  {
    text: `curl -H "Authorization: Bearer YOUR_TOKEN" http://127.0.0.1:8001/cluster/status`,
    answer: (body) => expect(body).toMatchObject({ self: { id: "n1" } }),
  },
  {
    text: `curl -X POST http://127.0.0.1:8001/rpc/system/get_system_info \\
     -H "Authorization: Bearer YOUR_TOKEN" \\
     -H "Content-Type: application/json" \\
     -d '{
       "method": "get_system_info",
       "params": {},
       "id": "req-123"
     }'`,
    answer: (body) => expect(body).toMatchObject({ id: "req-123", result: { node: "n1" } }),
  },
  {
    text: `curl -X POST http://127.0.0.1:8001/rpc/system/health_check \\
     -H "Authorization: Bearer TOKEN" \\
     -d '{"method": "health_check", "params": {}, "id": "1"}'`,
    answer: (body) => expect(body).toMatchObject({ id: "1", result: { node: "n1", ready: true } }),
  },
  {
    text: `curl -H "Authorization: Bearer TOKEN" http://127.0.0.1:8001/debug/registry`,
    answer: (body) => expect(body).toMatchObject({ self: "n1" }),
  },
];

test("curl gets what the documents promise, once it has a token", async () => {
  await using cluster = await ServiceCluster.start({}, { n1: {} });
  const token = await cluster.token("operator");
  for (const { answer, text } of TYPED) {
    const typed = text.replace("127.0.0.1:8001", cluster.address("n1")).replace(/YOUR_TOKEN|TOKEN/, token);
    answer(JSON.parse(await shell(typed)));
  }
});

test("a token that curl got is good for the next command, and without one everything but health is refused", async () => {
  await using cluster = await ServiceCluster.start({}, { n1: {} });
  const token = await cluster.token("viewer");
  const address = cluster.address("n1");
  const got = JSON.parse(
    await shell(`curl -X POST http://${address}/auth/token -H "Authorization: Bearer ${token}" -d '{"node_id": "c"}'`),
  ) as { readonly access_token: string };
  const status = (words: string): Promise<string> => shell(`curl -o /dev/null -w '%{http_code}' ${words}`);
  expect(await status(`-H "Authorization: Bearer ${got.access_token}" http://${address}/cluster/nodes`)).toBe("200");
  expect(await status(`http://${address}/cluster/nodes`)).toBe("401");
  expect(await status(`http://${address}/health`)).toBe("200");
});

/** Standard output of a command line, as a shell of the user runs it. */
async function shell(line: string): Promise<string> {
  const child = Bun.spawn(["bash", "-c", line], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    env: { PATH: process.env.PATH ?? "" },
    timeout: 20_000,
  });
  const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw new Error(`${line} gave ${code}`);
  return text;
}
