/** Which hosts are this machine's own and which stand for all its addresses, in the spellings that the system takes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isEveryInterface, isLoopback } from "../../../../src/app/secrets/loopback.ts";

const OWN = ["127.0.0.1", "127.255.1.2", "127.0.0.0", "localhost", "LOCALHOST"];
const OWN_IPV6 = ["::1", "::0001", "0:0:0:0:0:0:0:1", "::0.0.0.1", "::ffff:127.0.0.1", "::FFFF:7f00:1"];
const EVERY = ["", "*", "0.0.0.0", "0", "00", "0.0", "0.0.0", "000.0.0.0", "0x0", "0X00.0.0x0.0"];
const EVERY_IPV6 = ["::", "::0", "0::0", "0:0:0:0:0:0:0:0", "::0.0.0.0", "::ffff:0.0.0.0", "::ffff:0:0", "::%eth0"];
const OTHERS = [
  ...["10.0.0.1", "128.0.0.1", "1270.0.0.1", "0.0.0.1", "0.0.0.0.0", "0.", ".0"],
  ...["127.300.1.1", "127.1", "127", "0127.0.0.1", "127.0.0.01", "0x7f.0.0.1", "2130706433"], // read in more than one way, or by some
  ...["127.0.0.1.example.org", "localhost.example.org", "localhost.", "0.example.org"],
  ...["::2", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:126.0.0.1", "fe80::1%lo", "::1:1", "[", "[]x", ":"],
];

function bracketed(hosts: readonly string[]): string[] {
  return hosts.flatMap((host) => [host, `[${host}]`]);
}

describe("isLoopback() and isEveryInterface()", () => {
  test("isLoopback() is true for what surely this machine alone can reach, and for nothing else", () => {
    for (const host of [...OWN, ...bracketed(OWN_IPV6)]) expect([host, isLoopback(host)]).toEqual([host, true]);
    for (const host of [...EVERY, ...bracketed(EVERY_IPV6), ...OTHERS]) {
      expect([host, isLoopback(host)]).toEqual([host, false]);
    }
  });

  test("isEveryInterface() is true for each spelling of nowhere in particular, and for nothing else", () => {
    for (const host of [...EVERY, ...bracketed(EVERY_IPV6)])
      expect([host, isEveryInterface(host)]).toEqual([host, true]);
    for (const host of [...OWN, ...bracketed(OWN_IPV6), ...OTHERS]) {
      expect([host, isEveryInterface(host)]).toEqual([host, false]);
    }
  });

  test("neither throws, and never are both true, whatever the text", () => {
    const piece = fc.constantFrom(
      "0",
      "127",
      "::",
      ":",
      ".",
      "1",
      "ffff",
      "[",
      "]",
      "%",
      "x",
      "localhost",
      "*",
      " ",
      "/",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const host = pieces.join("");
        return !(isLoopback(host) && isEveryInterface(host));
      }),
      { numRuns: 2000 },
    );
  });

  test("isEveryInterface() says of each spelling that a listener takes what the listener does", () => {
    for (const host of ["127.0.0.1", "localhost", "0", "0.0", "000.0.0.0", "0x0", "0.0.0.0"]) {
      using listener = Bun.listen({ hostname: host, port: 0, socket: { data() {} } });
      // 127.0.0.9 is this machine too: who listens on 127.0.0.1 alone does not answer there.
      const attempt = Bun.spawnSync(["bash", "-c", `exec 3<>/dev/tcp/127.0.0.9/${listener.port}`], {
        stderr: "ignore",
      });
      expect([host, attempt.exitCode === 0]).toEqual([host, isEveryInterface(host)]);
    }
  });
});
