import { describe, expect, test } from "bun:test";
import { dashboardPage } from "../../../../src/edge/dashboard/index.ts";

/** Paths that the page names. */
async function named(): Promise<string[]> {
  const html = await (await dashboardPage("/")!).text();
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
}

describe("dashboardPage()", () => {
  test("dashboardPage() gives the page for its paths and nothing for others", async () => {
    for (const path of ["/", "/dashboard", "/dashboard/"]) {
      const response = await dashboardPage(path)!;
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(response.headers.get("cache-control")).toBe("no-cache");
    }
    for (const path of ["/rpc", "/health", "/dashboards", "", "/index.html"])
      expect(dashboardPage(path)).toBeUndefined();
  });

  test("dashboardPage() gives all files that the page names, with their types, to be kept for good", async () => {
    const paths = await named();
    expect(paths.length).toBe(3);
    for (const path of paths) {
      const response = await dashboardPage(path)!;
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^(text\/(css|javascript)|image\/svg\+xml)/);
      expect(response.headers.get("cache-control")).toContain("immutable");
      expect((await response.text()).length).toBeGreaterThan(100);
    }
  });

  test("dashboardPage() names nothing from elsewhere, and nothing that is inline", async () => {
    const html = await (await dashboardPage("/")!).text();
    for (const path of await named()) expect(path).toStartWith("/dashboard/");
    expect(html).not.toMatch(/<style|style=|<script>|\son\w+=/);
    const styles = (await named()).find((path) => path.endsWith(".css"))!;
    expect(await (await dashboardPage(styles)!).text()).not.toMatch(/url\(|@import/);
  });

  test("dashboardPage() sends the page with a policy that allows its own files only", async () => {
    const { headers } = await dashboardPage("/")!;
    const policy = headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|data:|\*|https?:/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("dashboardPage() sends nothing again when the browser has it", async () => {
    const etag = (await dashboardPage("/")!).headers.get("etag")!;
    const again = await dashboardPage("/", new Headers({ "if-none-match": etag }))!;
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    expect((await dashboardPage("/", new Headers({ "if-none-match": '"other"' }))!).status).toBe(200);
  });

  test("dashboardPage() refuses names that are no files of it", async () => {
    for (const name of ["nothing.js", "__proto__", "constructor", "../index.ts", "%2e%2e/x"])
      expect((await dashboardPage(`/dashboard/${name}`)!).status).toBe(404);
    const icon = await dashboardPage("/favicon.ico")!;
    expect(icon.headers.get("content-type")).toBe("image/svg+xml");
    expect(icon.headers.get("cache-control")).toBe("no-cache");
  });
});
