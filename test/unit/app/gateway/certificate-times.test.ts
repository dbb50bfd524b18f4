import { describe, expect, test } from "bun:test";
import { byFile, CertificateWatch, timeNote } from "../../../../src/app/gateway/certificate-times.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const DAY_MS = 24 * 3_600_000;

function time(days: number, file = "tls_certificate=a.crt") {
  return { file, subject: "CN=a", fromMs: 0, endMs: days * DAY_MS };
}

describe("timeNote()", () => {
  test("timeNote() tells weeks before the end, of one that lives for days in its last quarter", () => {
    const noted = (days: number, atDay: number) => timeNote(time(days), atDay * DAY_MS);
    expect([noted(90, 68), noted(7, 5)]).toEqual([undefined, undefined]);
    expect(noted(90, 70)).toMatch(
      /^tls_certificate=a.crt: the certificate of CN=a expires on 1970-04-01\S+, in 20 days$/,
    );
    expect(noted(90, 88.5)).toEndWith(", in a day");
    expect(noted(7, 6.5)).toEndWith(", in less than a day");
    expect(noted(90, 90.1)).toContain("has expired on 1970-04-01");
  });
});

describe("CertificateWatch", () => {
  test("CertificateWatch warns once a day of those that end soon, until it is closed", () => {
    const clock = new SteppedClock();
    const warned: string[] = [];
    const times = [time(3), time(4000, "client_ca=b.crt")];
    const watch = new CertificateWatch({ clock, times: () => times, warn: (text) => void warned.push(text) });
    clock.advance(DAY_MS);
    expect(warned).toEqual([]);
    clock.advance(DAY_MS);
    clock.advance(DAY_MS);
    clock.advance(DAY_MS);
    expect(warned).toEqual([expect.stringContaining("in less than a day"), expect.stringContaining("has expired")]);
    times[0] = time(4000); // renewed
    clock.advance(DAY_MS);
    expect(warned.length).toBe(2);
    watch.close();
    expect(clock.timers).toBe(0);
  });
});

test("byFile() has files that several routes name once", () => {
  expect(byFile([time(1), time(2, "x"), time(1)]).map(({ file }) => file)).toEqual(["tls_certificate=a.crt", "x"]);
});
