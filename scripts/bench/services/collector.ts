/** A local collector of traces: takes what OTLP/HTTP brings, counts it, and keeps nothing. */

export interface Collector extends Disposable {
  readonly url: string;
  readonly requests: number;
  readonly bytes: number;
}

export function startCollector(): Collector {
  let requests = 0;
  let bytes = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    async fetch(request) {
      requests++;
      bytes += (await request.arrayBuffer()).byteLength;
      return Response.json({});
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    get requests() {
      return requests;
    },
    get bytes() {
      return bytes;
    },
    [Symbol.dispose]: () => void server.stop(true),
  };
}
