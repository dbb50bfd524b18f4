/** Sealed datagrams: what is opened, what is refused and why, and that neither strangers nor replays get anywhere. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  ClusterKey,
  GossipSeal,
  type GossipSealOptions,
  type Keyring,
  SEAL_BYTES,
  type SealRefusal,
} from "../../../../src/wire/auth/index.ts";
import { keyringOf, SetClock, seededEntropy } from "../../../support/auth.ts";

const HERE = "10.0.0.2:8080";
const MINUTE_MS = 60_000;

let seeds = 100;

function sealOf(keyring: Keyring, clock = new SetClock(), options: GossipSealOptions = {}): GossipSeal {
  return new GossipSeal({ keyring, clock, entropy: seededEntropy(seeds++) }, options);
}

/** The message, or why it was refused. */
function opened(seal: GossipSeal, packet: Uint8Array, own = HERE): string {
  const result = seal.open(packet, own);
  return result.ok ? Buffer.from(result.bytes).toString() : result.reason;
}

function sealed(seal: GossipSeal, text: string, to = HERE): Uint8Array {
  return seal.seal(Buffer.from(text), to);
}

function flipped(packet: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = Uint8Array.from(packet);
  copy[at]! ^= 1 << bit;
  return copy;
}

describe("seal() and open()", () => {
  test("open() gives the message when it comes from a member and is for this node", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 1400 }), { minLength: 1, maxLength: 5 }), (messages) => {
        const [from, to] = [sealOf(keyringOf(1)), sealOf(keyringOf(1))];
        return messages.every((message) => {
          const packet = from.seal(message, HERE);
          const result = to.open(packet, HERE);
          return (
            packet.length === message.length + SEAL_BYTES && result.ok && Buffer.compare(result.bytes, message) === 0
          );
        });
      }),
      { numRuns: 60 },
    );
  });

  test("open() takes an address as text or in parts, in either case of letters", () => {
    const [from, to] = [sealOf(keyringOf(1)), sealOf(keyringOf(1))];
    const packet = from.seal(Buffer.from("hello"), { host: "Node.Example", port: 8080 });
    expect(to.open(packet, "node.example:8080").ok).toBe(true);
    const v6 = from.seal(Buffer.from("hello"), { host: "::1", port: 8080 });
    expect(to.open(v6, { host: "[::1]", port: 8080 }).ok).toBe(true);
  });

  test("seal() shows nothing of the message, and never the same bytes twice", () => {
    const from = sealOf(keyringOf(1));
    const text = "incarnation of a secret node";
    const packets = Array.from({ length: 50 }, () => Buffer.from(sealed(from, text)));
    expect(packets.some((packet) => packet.includes("secret"))).toBe(false);
    const ciphertexts = packets.map((packet) => packet.subarray(29, -16).toString("hex"));
    expect(new Set(ciphertexts).size).toBe(50); // the same text at the same time: only the nonce differs
  });

  test("seal() writes what its README says, so that another language can read it", async () => {
    const clock = new SetClock();
    const from = sealOf(keyringOf(1), clock);
    sealed(from, "counts as 0");
    const packet = Uint8Array.from(sealed(from, "hello"));
    const { id, gossipKey } = keyringOf(1).first;
    expect(packet[0]).toBe(1);
    expect(Buffer.from(packet).toString("hex", 1, 5)).toBe(id);
    const session = packet.subarray(5, 21);
    const key = new Bun.CryptoHasher("sha256", gossipKey)
      .update(session)
      .update("session")
      .update(Uint8Array.of(1))
      .digest();
    const imported = await crypto.subtle.importKey("raw", Uint8Array.from(key), "AES-GCM", false, ["decrypt"]);
    const nonce = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(packet.subarray(21, 29)).toEqual(nonce.subarray(4));
    const additionalData = Uint8Array.from([...packet.subarray(0, 29), ...Buffer.from(HERE)]);
    const plain = Buffer.from(
      await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce, additionalData }, imported, packet.subarray(29)),
    );
    expect([plain.readUIntBE(0, 6), plain.toString("utf8", 6)]).toEqual([clock.ms, "hello"]);
  });

  test("open() refuses a packet when any one bit of it is flipped", () => {
    const keyring = keyringOf(1);
    const [from, to] = [sealOf(keyring), sealOf(keyring)];
    opened(to, sealed(from, "first"));
    const packet = sealed(from, "hello");
    const reasons = new Set<string>();
    for (let at = 0; at < packet.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        reasons.add(opened(to, flipped(packet, at, bit)));
        reasons.add(opened(sealOf(keyring), flipped(packet, at, bit))); // to whom the session is unknown
      }
    }
    expect([...reasons].sort()).toEqual(["forged", "key", "version", "replayed"].sort());
    expect(opened(to, packet)).toBe("hello"); // none of it has used the genuine one up
    expect(to.counts().sessions).toBe(1);
  });

  test("open() refuses a packet when it is cut anywhere or has something added", () => {
    const [from, to] = [sealOf(keyringOf(1)), sealOf(keyringOf(1))];
    const packet = sealed(from, "hello");
    for (let size = 0; size < packet.length; size++) {
      expect(opened(to, packet.subarray(0, size))).toBe(size < SEAL_BYTES ? "short" : "forged");
    }
    expect(opened(to, Buffer.concat([packet, Buffer.of(0)]))).toBe("forged");
    expect(opened(to, new Uint8Array(70_000).fill(1))).toBe("oversized");
    expect(opened(to, packet)).toBe("hello");
  });

  test("open() refuses what is for another receiver", () => {
    const [from, to] = [sealOf(keyringOf(1)), sealOf(keyringOf(1))];
    const packet = sealed(from, "hello", "10.0.0.3:8080");
    expect(opened(to, packet)).toBe("forged");
    expect(opened(to, packet, "10.0.0.3:8080")).toBe("hello");
  });

  test("open() refuses what strangers seal: of another key, or of another key under our key's id", () => {
    const to = sealOf(keyringOf(1));
    const packet = sealed(sealOf(keyringOf(2)), "hello");
    expect(opened(to, packet)).toBe("key");
    const disguised = Buffer.from(packet);
    disguised.write(keyringOf(1).first.id, 1, "hex");
    expect(opened(to, disguised)).toBe("forged");
    expect(to.counts().sessions).toBe(0);
  });

  test("open() never throws, whatever arrives, and counts each refusal once", () => {
    const to = sealOf(keyringOf(1));
    const id = [...Buffer.from(keyringOf(1).first.id, "hex")];
    const prefix = fc.constantFrom<number[]>([], [1], [1, ...id], [0, ...id]);
    let count = 0;
    fc.assert(
      fc.property(prefix, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
        count++;
        return !to.open(Uint8Array.from([...head, ...rest]), HERE).ok;
      }),
      { numRuns: 500 },
    );
    const { refused, opened: taken } = to.counts();
    expect(Object.values(refused).reduce((sum, each) => sum + each, 0)).toBe(count);
    expect(taken).toBe(0);
  });

  test("open() reads a packet that lies in the middle of a larger buffer, and gives bytes of its own", () => {
    const [from, to] = [sealOf(keyringOf(1)), sealOf(keyringOf(1))];
    const packet = sealed(from, "hello");
    const pool = Buffer.alloc(packet.length + 20, 7);
    pool.set(packet, 10);
    const result = to.open(new Uint8Array(pool.buffer, pool.byteOffset + 10, packet.length), HERE);
    pool.fill(0);
    expect(result.ok && Buffer.from(result.bytes).toString()).toBe("hello");
  });
});

describe("replays", () => {
  test("open() takes each packet once, in whatever order and however often they come", () => {
    const shuffled = fc.shuffledSubarray(Array.from({ length: 60 }, (_, at) => at));
    fc.assert(
      fc.property(shuffled, fc.array(fc.nat({ max: 59 }), { maxLength: 60 }), (order, again) => {
        const [from, to] = [sealOf(keyringOf(1)), sealOf(keyringOf(1))];
        opened(to, sealed(from, "first"));
        const packets = Array.from({ length: 60 }, (_, at) => sealed(from, String(at)));
        const results = [...order, ...again].map((at) => [at, opened(to, packets[at]!)] as const);
        const seen = new Set<number>();
        return results.every(([at, result]) => {
          const expected = seen.has(at) ? "replayed" : String(at);
          seen.add(at);
          return result === expected;
        });
      }),
      { numRuns: 40 },
    );
  });

  test("open() refuses a packet that is too far behind the newest to be remembered", () => {
    const [from, to] = [sealOf(keyringOf(1)), sealOf(keyringOf(1))];
    opened(to, sealed(from, "first"));
    const late = sealed(from, "late");
    const within = sealed(from, "within");
    for (let count = 0; count < 2046; count++) sealed(from, "lost on the way");
    expect(opened(to, sealed(from, "newest"))).toBe("newest");
    expect(opened(to, late)).toBe("replayed");
    expect(opened(to, within)).toBe("within");
  });

  test("open() refuses what was recorded before the first packet that a new process has opened", () => {
    const keyring = keyringOf(1);
    const from = sealOf(keyring);
    const recorded = sealed(from, "recorded");
    const restarted = sealOf(keyring);
    expect(opened(restarted, sealed(from, "fresh"))).toBe("fresh");
    expect(opened(restarted, recorded)).toBe("replayed");
  });

  test("open() asks the first packet of a session for the time, and no later one", () => {
    const keyring = keyringOf(1);
    for (const skewMs of [-6 * MINUTE_MS, 6 * MINUTE_MS]) {
      const [theirs, ours] = [new SetClock(), new SetClock()];
      const [from, to] = [sealOf(keyring, theirs), sealOf(keyring, ours)];
      ours.pass(5 * MINUTE_MS);
      theirs.ms = ours.ms + skewMs;
      expect(opened(to, sealed(from, "skewed"))).toBe("clock");
      expect(to.counts().sessions).toBe(0);
      theirs.ms = ours.ms + skewMs * 0.8;
      expect(opened(to, sealed(from, "near enough"))).toBe("near enough");
      theirs.ms += 100 * skewMs;
      expect(opened(to, sealed(from, "known by now"))).toBe("known by now");
    }
  });

  test("open() refuses a recorded first packet when its time has passed", () => {
    const keyring = keyringOf(1);
    const clock = new SetClock();
    const packet = sealed(sealOf(keyring, clock), "recorded");
    const to = sealOf(keyring, clock);
    clock.pass(5 * MINUTE_MS + 1);
    expect(opened(to, packet)).toBe("clock");
  });

  test("open() refuses a first packet that was sealed well before this process began, also after the clock was set", () => {
    const keyring = keyringOf(1);
    for (const stepMs of [-60 * MINUTE_MS, 0, 60 * MINUTE_MS]) {
      const clock = new SetClock();
      const to = sealOf(keyring, clock);
      clock.pass(MINUTE_MS / 2);
      clock.ms += stepMs;
      expect(opened(to, sealed(sealOf(keyring, new SetClock(clock.ms - MINUTE_MS - 1)), "recorded"))).toBe("clock");
      expect(opened(to, sealed(sealOf(keyring, new SetClock(clock.ms - MINUTE_MS)), "a bit behind"))).toBe(
        "a bit behind",
      );
      expect(opened(to, sealed(sealOf(keyring, clock), "new"))).toBe("new");
    }
  });
});

describe("floods", () => {
  test("open() remembers no session of strangers, however many come", () => {
    const keyring = keyringOf(1);
    const [from, to] = [sealOf(keyring), sealOf(keyring)];
    const packet = Buffer.from(sealed(from, "hello"));
    for (let count = 0; count < 5000; count++) {
      packet.writeUInt32BE(count, 5);
      packet.writeUInt32BE(count + 1, 9);
      to.open(packet, HERE);
    }
    expect(to.counts()).toMatchObject({ sessions: 0, opened: 0, refused: { forged: 5000 } });
  });

  test("open() remembers so many sessions of members at most, the ones heard of last", () => {
    const keyring = keyringOf(1);
    const to = sealOf(keyring, new SetClock(), { sessionsMax: 8 });
    const jumping = new SetClock();
    const faithful = sealOf(keyring, jumping);
    const peers = [faithful, ...Array.from({ length: 19 }, () => sealOf(keyring))];
    const firsts = peers.map((peer) => {
      const packet = sealed(peer, "first");
      expect(opened(to, packet)).toBe("first");
      jumping.ms += 60 * MINUTE_MS; // were it forgotten, it would have to tell the time
      expect(opened(to, sealed(faithful, "still here"))).toBe("still here");
      return packet;
    });
    expect(to.counts().sessions).toBe(8);
    expect(opened(to, firsts[0]!)).toBe("replayed"); // heard of all the time: never forgotten
    expect(opened(to, firsts[19]!)).toBe("replayed");
  });
});

describe("rotate()", () => {
  test("rotate() keeps every step of a rotation working while nodes take it over one by one", () => {
    const old = keyringOf(1);
    const both = old.add(ClusterKey.generate(seededEntropy(2)));
    const used = both.use(both.keys[1]!.id);
    const steps = [old, both, used, used.remove(old.first.id)];
    const nodes = [sealOf(old), sealOf(old), sealOf(old)];
    const talk = (): SealRefusal | string =>
      nodes
        .flatMap((from) => nodes.filter((to) => to !== from).map((to) => opened(to, sealed(from, "."), HERE)))
        .join("");
    expect(talk()).toBe("......");
    for (const step of steps) {
      for (const node of nodes) {
        node.rotate(step);
        expect(talk()).toBe("......");
      }
    }
    expect(nodes.map((node) => node.counts().sessions)).toEqual([2, 2, 2]);
  });

  test("rotate() lets nobody replay what was opened before", () => {
    const old = keyringOf(1);
    const both = old.add(ClusterKey.generate(seededEntropy(2)));
    const [from, to] = [sealOf(old), sealOf(old)];
    const before = sealed(from, "before");
    expect(opened(to, before)).toBe("before");
    for (const step of [both, both.use(both.keys[1]!.id)]) {
      for (const node of [from, to]) node.rotate(step);
      expect(opened(to, sealed(from, "after"))).toBe("after");
      expect(opened(to, before)).toBe("replayed");
    }
  });

  test("rotate() refuses the old key once it is removed", () => {
    const old = keyringOf(1);
    const both = old.add(ClusterKey.generate(seededEntropy(2)));
    const [from, to] = [sealOf(old), sealOf(old)];
    expect(opened(to, sealed(from, "before"))).toBe("before");
    to.rotate(both.use(both.keys[1]!.id).remove(old.first.id));
    expect(opened(to, sealed(from, "after"))).toBe("key");
  });
});
