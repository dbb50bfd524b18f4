import { describe, expect, test } from "bun:test";
import { BALANCER_FORM, BALANCER_NAMES, balancerDocs, parseBalancer } from "../../../../src/protocol/balance/index.ts";

describe("parseBalancer()", () => {
  test("parseBalancer() knows every name in any case and with other separators", () => {
    for (const name of BALANCER_NAMES) {
      const spellings = [name, name.toLowerCase(), name.replaceAll("_", "-"), name.replaceAll("_", " "), ` ${name} `];
      for (const text of spellings) expect(parseBalancer(text)).toBe(name);
    }
    expect(parseBalancer("RoundRobin")).toBe("ROUND_ROBIN");
  });

  test("parseBalancer() knows what others call the same", () => {
    expect(parseBalancer("LEAST_CONN")).toBe("LEAST_CONNECTIONS");
    expect(parseBalancer("least-request")).toBe("LEAST_CONNECTIONS");
    expect(parseBalancer("p2c")).toBe("POWER_OF_TWO");
    expect(parseBalancer("power_of_two_choices")).toBe("POWER_OF_TWO");
    expect(parseBalancer("peak-ewma")).toBe("RESPONSE_TIME");
    expect(parseBalancer("rr")).toBe("ROUND_ROBIN");
    expect(parseBalancer("wrr")).toBe("WEIGHTED_ROUND_ROBIN");
  });

  test("parseBalancer() gives undefined for anything else", () => {
    for (const text of ["", " ", "ROUND", "constructor", "__proto__", "ROUND_ROBIN,", "LEAST"]) {
      expect(parseBalancer(text)).toBeUndefined();
    }
  });

  test("balancerDocs has one line for each name, and the form names them all, when shown to people", () => {
    expect(Object.keys(balancerDocs)).toEqual([...BALANCER_NAMES]);
    for (const doc of Object.values(balancerDocs)) expect(doc).toMatch(/^[^\n]{20,110}$/);
    for (const name of BALANCER_NAMES) expect(BALANCER_FORM).toContain(name);
  });
});
