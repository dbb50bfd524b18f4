import { expect, test } from "bun:test";
import { systemClock } from "../../../../src/base/clock.ts";
import { type ListenAddress, type ListenerOptions, openListener } from "../../../../src/cluster/node/listener.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

function listen(more: Partial<ListenerOptions<undefined>> = {}) {
  return openListener<undefined>({
    host: "127.0.0.1",
    port: 0,
    clock: systemClock,
    fetch: (request) => new Response(new URL(request.url).pathname),
    websocket: { message: () => {} },
    onDatagram: () => {},
    warn: () => {},
    ...more,
  });
}

test("openListener() answers HTTP and carries datagrams on one number", async () => {
  const got = Promise.withResolvers<{ from: ListenAddress; text: string }>();
  const one = await listen();
  const other = await listen({
    onDatagram: (from, bytes) => got.resolve({ from, text: new TextDecoder().decode(bytes) }),
  });
  try {
    const answer = await fetch(`http://127.0.0.1:${other.port}/hello`);
    expect(await answer.text()).toBe("/hello");
    one.sendDatagram({ host: "127.0.0.1", port: other.port }, new TextEncoder().encode("gossip"));
    expect(await got.promise).toEqual({ from: { host: "127.0.0.1", port: one.port }, text: "gossip" });
  } finally {
    await one.close();
    await other.close();
  }
});

test("sendDatagram() finds a name's address, and tells when there is none", async () => {
  const got = Promise.withResolvers<void>();
  const warned = Promise.withResolvers<string>();
  const listener = await listen({ onDatagram: () => got.resolve(), warn: warned.resolve });
  let arrived = false;
  void got.promise.then(() => {
    arrived = true;
  });
  try {
    while (!arrived) {
      listener.sendDatagram({ host: "localhost", port: listener.port }, new Uint8Array(8));
      await Bun.sleep(1);
    }
    listener.sendDatagram({ host: "no-such-host.invalid", port: 1 }, new Uint8Array(8));
    expect(await warned.promise).toContain('"no-such-host.invalid" has no address');
  } finally {
    await listener.close();
  }
});

test("sendDatagram() never throws: what is too large or goes nowhere is told", async () => {
  const warnings: string[] = [];
  const listener = await listen({ warn: (what) => warnings.push(what) });
  listener.sendDatagram({ host: "127.0.0.1", port: 9 }, new Uint8Array(70_000));
  listener.sendDatagram({ host: "::1", port: 9 }, new Uint8Array(10));
  await listener.close();
  listener.sendDatagram({ host: "127.0.0.1", port: 9 }, new Uint8Array(10));
  expect(warnings[0]).toContain("a datagram of 70000 bytes to 127.0.0.1:9 was not sent");
  expect(warnings.length).toBeGreaterThanOrEqual(2);
});

test("openListener() fails in words when the number is taken, on TCP or on UDP, or the address is foreign", async () => {
  const one = await listen();
  expect(listen({ port: one.port })).rejects.toThrow(`TCP 127.0.0.1:${one.port}: somebody else does`);
  await one.close();
  const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  expect(listen({ port: udp.port })).rejects.toMatchObject({ code: "node.listen.taken" });
  await Bun.sleep(0);
  udp.close();
  expect(listen({ host: "203.0.113.7" })).rejects.toThrow("no address of this machine");
});

test("Listener answers 500 without details when an answer fails, and tells", async () => {
  const warnings: string[] = [];
  const listener = await listen({
    fetch: () => {
      throw new Error("secret detail");
    },
    warn: (what) => warnings.push(what),
  });
  const answer = await fetch(`http://127.0.0.1:${listener.port}/`);
  expect([answer.status, await answer.text()]).toEqual([500, ""]);
  await listener.close();
  expect(warnings[0]).toContain("secret detail");
});

test("sendDatagram() goes on with a name's old address while it is looked up again, and while it cannot be", async () => {
  const clock = new SteppedClock();
  const answers: (() => Promise<string>)[] = [
    async () => "127.0.0.1",
    () => Promise.reject(new Error("no name server")),
    async () => "127.0.0.1",
  ];
  let asked = 0;
  let arrived = 0;
  const listener = await listen({
    clock,
    resolve: () => answers[asked++]!(),
    onDatagram: () => arrived++,
  });
  const sendAndCount = async (): Promise<number> => {
    const before = arrived;
    listener.sendDatagram({ host: "peer.example", port: listener.port }, new Uint8Array(4));
    for (let looks = 0; looks < 100 && arrived === before; looks++) await Bun.sleep(1);
    return arrived - before;
  };
  try {
    expect(await sendAndCount()).toBe(0); // nothing is known of the name yet
    expect(await sendAndCount()).toBe(1);
    clock.advance(30_000);
    expect(await sendAndCount()).toBe(1); // asks again behind it, in vain
    expect(await sendAndCount()).toBe(1);
    clock.advance(1_000);
    expect(await sendAndCount()).toBe(1);
    expect(asked).toBe(3);
  } finally {
    await listener.close();
  }
});
