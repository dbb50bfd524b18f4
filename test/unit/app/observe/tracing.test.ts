import { expect, test } from "bun:test";
import { NO_TRACING, openTracing, tracingWords } from "../../../../src/app/observe/tracing.ts";

const parts = { name: "n1", version: "1.0.0", warn: () => {} };

test("openTracing() records nothing without an endpoint", async () => {
  expect(await openTracing({}, parts)).toBe(NO_TRACING);
  expect(await openTracing({ endpoint: "" }, parts)).toBe(NO_TRACING);
});

test("openTracing() refuses a ratio that is none, an address that is none, and headers that are none, without telling them", async () => {
  const endpoint = "http://127.0.0.1:4318";
  for (const ratio of ["2", "-1", "", "half"]) {
    await expect(openTracing({ endpoint, ratio }, parts)).rejects.toThrow("a number from 0 to 1 is required");
  }
  await expect(openTracing({ endpoint: "127.0.0.1:4318" }, parts)).rejects.toMatchObject({ code: "otlp.endpoint" });
  for (const headers of ["secret", "a b=secret", "a=%zz", Array.from({ length: 17 }, (_, at) => `h${at}=x`).join()]) {
    const told = await openTracing({ endpoint, headers }, parts).catch((thrown: Error) => thrown);
    expect(told).toMatchObject({ code: "usage.tracing" });
    expect((told as Error).message).not.toContain("secret");
  }
});

test("tracingWords() prefers what is typed, and knows OpenTelemetry's variables", () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://all:4318",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces:4318/own",
    OTEL_TRACES_SAMPLER_ARG: "0.5",
    OTEL_EXPORTER_OTLP_HEADERS: "a=b",
  };
  expect(tracingWords({}, env)).toEqual({
    endpoint: "http://all:4318",
    url: "http://traces:4318/own",
    ratio: "0.5",
    headers: "a=b",
  });
  expect(tracingWords({ endpoint: "http://typed:1", ratio: "1" }, env)).toMatchObject({
    endpoint: "http://typed:1",
    url: undefined,
    ratio: "1",
  });
});
