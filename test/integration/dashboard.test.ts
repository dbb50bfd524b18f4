/**
 * The dashboard in a real browser: it signs in, shows a cluster that moves, and acts on it, by mouse and by keyboard alone; what it says
 * to a screen reader, how it looks, and that nothing comes from elsewhere.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Overview } from "../../src/edge/dashboard/index.ts";
import { CHROMIUM, TestBrowser, type TestTab } from "../support/browser.ts";
import { FAKE_TOKEN, FakeNode, Refusal } from "../support/fake-node.ts";
import { busyOverview, nodeView, overviewOf } from "../support/overview.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const IS_MISSING = CHROMIUM === undefined && process.env.CI !== "true";
if (IS_MISSING) console.error("skipped: there is no chromium on this machine");

/** Each look is one second later than the one before, so that rates are known. */
function movingOverview(): () => Overview {
  const startMs = Date.now();
  let seconds = 100;
  return () => busyOverview(++seconds, startMs + seconds * 1_000);
}

describe.skipIf(IS_MISSING)("the dashboard in Chromium", () => {
  let browser: TestBrowser;
  /** For tests that leave a page as they have found it: opening one costs more than most of them do. */
  let shared: { readonly node: FakeNode; readonly tab: TestTab };

  beforeAll(async () => {
    browser = await TestBrowser.open();
    const node = new FakeNode(movingOverview());
    shared = { node, tab: await signedIn(node) };
  });
  afterAll(async () => {
    shared.node[Symbol.dispose]();
    await browser[Symbol.asyncDispose]();
  });

  async function signedIn(node: FakeNode, hash = "", width?: number): Promise<TestTab> {
    const tab = await browser.tab(width);
    await tab.page.goto(`${node.url}/#token=${FAKE_TOKEN}`);
    await tab.page.waitForSelector("[role=tabpanel]");
    if (hash !== "") await show(tab, hash);
    return tab;
  }

  async function show({ page }: TestTab, hash: string): Promise<void> {
    await page.evaluate(`location.hash = "${hash}"`);
    await page.waitForSelector(`#tab-${hash.slice(1)}[aria-selected=true]`);
  }

  test("App() takes the token out of the address, keeps it for the tab, and shows what the node tells", async () => {
    using node = new FakeNode(movingOverview());
    await using tab = await signedIn(node);
    const { page } = tab;
    expect(page.url()).toBe(`${node.url}/`);
    expect(await page.evaluate("sessionStorage.getItem('distributed_system.token')")).toBe(FAKE_TOKEN);
    expect(await tab.text("header")).toContain("master1");
    expect(await tab.text("main")).toContain("worker3");
    await until("rates are known", async () => /Read\s+[\d,.]+k?\/s/.test(await tab.text(".tiles")));
    await until("the node is asked for news only", () =>
      node.calls.some(({ input }) => (input as { events_after?: number }).events_after === 4),
    );
    expect(tab.faults).toEqual([]);
  });

  test("App() loads its own files only, under a policy that allows nothing else", async () => {
    using node = new FakeNode(movingOverview());
    await using tab = await browser.tab();
    const { page } = tab;
    const urls: string[] = [];
    page.on("request", (request) => urls.push(request.url()));
    const response = await page.goto(node.url);
    await page.waitForSelector("#token");
    expect(response?.headers()["content-security-policy"]).toContain("default-src 'none'");
    expect(urls.filter((url) => !url.startsWith(node.url))).toEqual([]);
    expect(await page.evaluate("document.querySelectorAll('style, script:not([src]), [style]').length")).toBe(0);
    expect(tab.faults).toEqual([]);
  });

  test("Login() signs in with a token that is typed, and says why another one is refused", async () => {
    using node = new FakeNode(movingOverview());
    await using tab = await browser.tab();
    const { page } = tab;
    await page.goto(node.url);
    await page.waitForSelector("#token");
    await page.type("#token", "wrong.token.here");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=alert]");
    expect(await tab.text("[role=alert]")).toBe("a token is required");
    expect(await page.evaluate("sessionStorage.getItem('distributed_system.token')")).toBeNull();
    await page.type("#token", FAKE_TOKEN);
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=tabpanel]");
  });

  test("ActionDialog() sends a swap with library and parameters, after a word about what is wrong with a field", async () => {
    using node = new FakeNode(movingOverview());
    node.answers.set("pipelines/swap", () => ({}));
    await using tab = await signedIn(node, "#pipelines");
    const { page } = tab;
    await page.click('[aria-label="Swap stage enrich of orders"]');
    await page.waitForSelector("dialog[open]");
    await page.evaluate("document.querySelector('#field-library').value = ''");
    await page.type("#field-library", "enrich.ts");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog [role=alert]");
    expect(node.acts).toEqual([]);
    await page.evaluate("document.querySelector('#field-library').value = ''");
    await page.type("#field-library", "/srv/plugins/enrich-2.ts");
    await page.type("#field-params", "rate=3\nmode=strict");
    await page.click("dialog .primary");
    await page.waitForSelector("dialog", { hidden: true });
    const params = { rate: "3", mode: "strict" };
    expect(node.acts).toEqual([
      {
        method: "pipelines/swap",
        input: { pipeline: "orders-20260101-k7xq", stage: "enrich", library: "/srv/plugins/enrich-2.ts", params },
      },
    ]);
    expect(await tab.text(".told")).toContain("enrich of orders");
  });

  test("ActionDialog() replays dead letters, and shows the node's own words when it refuses", async () => {
    using node = new FakeNode(movingOverview());
    node.answers.set("dead_letters/replay", () => {
      throw new Refusal(422, "dead_letters.busy", "orders is being replayed already");
    });
    await using tab = await browser.tab();
    const { page } = tab;
    await page.goto(`${node.url}/#token=${FAKE_TOKEN}`);
    await page.waitForSelector("#tab-letters");
    await page.click("#tab-letters");
    await page.click('[aria-label="Replay dead letters of orders"]');
    await page.waitForSelector("dialog[open]");
    await page.click("dialog .primary");
    await page.waitForSelector("dialog [role=alert]");
    expect(await tab.text("dialog [role=alert]")).toContain("orders is being replayed already");
    expect(await tab.text("dialog [role=alert]")).toContain("dead_letters.busy");
    node.answers.set("dead_letters/replay", () => ({}));
    await page.type("#field-output", "/srv/again.ndjson");
    await page.click("#field-purge");
    await page.click("dialog .primary");
    await page.waitForSelector("dialog", { hidden: true });
    expect(node.acts.map(({ input }) => input)).toEqual([
      { pipeline: "orders" },
      { pipeline: "orders", output: "/srv/again.ndjson", purge: true },
    ]);
  });

  test.each([
    ["#pipelines", "Pause orders", "pipelines/pause", { pipeline: "orders-20260101-k7xq" }],
    ["#pipelines", "Resume invoices", "pipelines/resume", { pipeline: "invoices-20260101-k7xq" }],
    ["#overview", "Drain worker1", "pipelines/drain", { node: "worker1", on: true }],
    ["#overview", "Let worker3 work again", "pipelines/drain", { node: "worker3", on: false }],
    [
      "#processes",
      "Restart validate of process 4200",
      "instances/restart",
      { pid: 4200, name: "/distributed_system/clicks/validate" },
    ],
    ["#services", "Restart service users@1.2.0", "services/restart", { service: "users@1.2.0" }],
  ])("ActionButton() at %s does “%s” when it is confirmed", async (hash, label, method, input) => {
    const { node, tab } = shared;
    node.answers.set(method, () => ({}));
    node.calls.length = 0;
    await show(tab, hash);
    const { page } = tab;
    await page.click(`[aria-label="${label}"]`);
    await page.waitForSelector("dialog[open]");
    expect(node.acts).toEqual([]);
    await page.click("dialog .primary");
    await page.waitForSelector("dialog", { hidden: true });
    expect(node.acts).toEqual([{ method, input }]);
  });

  test("ActionButton() is not there for who may look only", async () => {
    using node = new FakeNode(movingOverview(), "viewer");
    await using tab = await signedIn(node, "#pipelines");
    const { page } = tab;
    await page.waitForFunction("document.querySelector('.who')?.innerText === 'viewer'");
    expect(await page.evaluate("document.querySelectorAll('main [aria-haspopup=dialog]').length")).toBe(0);
  });

  test("TabList() and ActionDialog() work by keyboard alone, and focus goes where it is expected", async () => {
    using node = new FakeNode(movingOverview());
    node.answers.set("pipelines/pause", () => ({}));
    await using tab = await signedIn(node);
    const { page } = tab;
    await page.waitForSelector('[aria-label="Drain worker1"]');
    await page.keyboard.press("Tab");
    expect(await tab.focused()).toBe("Skip to content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.focus("#tab-overview");
    await page.keyboard.press("ArrowRight");
    expect(await page.evaluate("document.activeElement.id")).toBe("tab-pipelines");
    await page.keyboard.press("End");
    expect(await page.evaluate("document.activeElement.id")).toBe("tab-events");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector('[aria-label="Pause orders"]');
    for (let presses = 0; (await tab.focused()) !== "Pause orders"; presses++) {
      expect(presses).toBeLessThan(10);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]");
    for (let presses = 0; presses < 6; presses++) {
      await page.keyboard.press("Tab");
      expect(
        await page.evaluate(
          "document.activeElement === document.body || document.activeElement.closest('dialog') !== null",
        ),
      ).toBe(true);
    }
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { hidden: true });
    await until("the focus is where it was before", async () => (await tab.focused()) === "Pause orders");
    expect(node.acts).toEqual([]);
  });

  test.each(["overview", "pipelines", "processes", "services", "gateway", "letters", "events"])(
    "View() of %s names everything for a screen reader",
    async (name) => {
      const { page } = shared.tab;
      await show(shared.tab, `#${name}`);
      const client = await page.createCDPSession();
      const { nodes } = await client.send("Accessibility.getFullAXTree");
      await client.detach();
      const shown = nodes.filter(({ ignored }) => !ignored);
      const roles = new Set(shown.map(({ role }) => role?.value));
      for (const landmark of ["banner", "navigation", "main", "tablist", "tabpanel"]) expect(roles).toContain(landmark);
      const named = ["button", "tab", "img", "image", "table", "textbox", "combobox", "region", "link"];
      const nameless = shown.filter(({ name, role }) => named.includes(role?.value) && !name?.value);
      expect(nameless.map(({ role }) => role?.value)).toEqual([]);
      expect(await page.evaluate("document.querySelectorAll('table:not(:has(caption))').length")).toBe(0);
      const names = shown.filter(({ role }) => role?.value === "button").map(({ name }) => String(name?.value));
      expect(new Set(names).size).toBe(names.length);
    },
  );

  test("Gateways() shows routes, targets, refusals and firewalls of its own, and where the other gateways are", async () => {
    using node = new FakeNode(movingOverview());
    await using tab = await signedIn(node, "#gateway");
    await until("rates are known", async () => /requests [\d.]+k [\d,.]+k?\/s/.test(await tab.text(".figures")));
    const text = await tab.text("main");
    for (const part of ["http://10.0.0.2:8080", "ejected", "gateway.limit_full", "http.bad_request", "942100:ARGS:q"])
      expect(text).toContain(part);
    expect(await tab.page.evaluate("document.querySelector('main a').href")).toBe("http://127.0.0.1:8087/#gateway");
    expect(tab.faults).toEqual([]);
  });

  test("Gateways() of a node that is none lists those of the cluster, or says how to run one", async () => {
    let roles = ["gateway"];
    using node = new FakeNode(() =>
      overviewOf({ nodes: [nodeView("n1", { isSelf: true }), nodeView("g1", { roles })] }),
    );
    await using tab = await signedIn(node, "#gateway");
    expect(await tab.text("main")).toContain("g1");
    expect(await tab.page.evaluate("document.querySelectorAll('main a').length")).toBe(1);
    roles = [];
    await until("it is gone", async () => (await tab.text("main")).includes("No gateway is a member"));
  });

  test("Freshness() says since when nothing new has come, and is live again by itself", async () => {
    const overview = movingOverview();
    let isDown = false;
    using node = new FakeNode(() => {
      if (isDown) throw new Refusal(503, "rpc.busy", "the node is busy");
      return overview();
    });
    await using tab = await browser.tab();
    const { page } = tab;
    await page.goto(`${node.url}/#token=${FAKE_TOKEN}`);
    await page.waitForSelector("[role=tabpanel]");
    isDown = true;
    await until("it is told as stale", async () => /stale\s+since \d+ s/.test(await tab.text(".freshness")));
    expect(await tab.text(".freshness")).toContain("the node is busy");
    expect(await tab.text("main")).toContain("worker3");
    isDown = false;
    await until("it is live again", async () => (await tab.text(".freshness")) === "live");
  });

  test.each([
    ["light", 1360],
    ["dark", 1360],
    ["light", 360],
    ["dark", 360],
  ] as const)("View() fits and has contrast in %s at %d pixels", async (scheme, width) => {
    using workspace = new Workspace();
    using node = new FakeNode(movingOverview());
    await using tab = await browser.tab(width);
    const { page } = tab;
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: scheme },
      { name: "prefers-reduced-motion", value: "reduce" },
    ]);
    await page.goto(`${node.url}/#token=${FAKE_TOKEN}`);
    await page.waitForSelector("canvas");
    for (const name of ["overview", "pipelines", "processes", "services", "gateway", "letters", "events"]) {
      await page.click(`#tab-${name}`);
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      expect(await page.evaluate(LOW_CONTRAST)).toEqual([]);
      const path = workspace.at(`${name}.png`) as `${string}.png`;
      await page.screenshot({ path, fullPage: true });
      expect(workspace.sizeOf(`${name}.png`)).toBeGreaterThan(5_000);
    }
    expect(tab.faults).toEqual([]);
  });
});

/** Texts whose colour differs too little from what is behind them (WCAG AA: 4.5, for large text 3). */
const LOW_CONTRAST = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    if (!own || element.closest("svg, .told, noscript, .unseen, .skip, dialog") || element.disabled) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(rgba(style.color)), luminance(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 600;
    if (ratio < (isLarge ? 3 : 4.5)) low.push(element.className + " " + element.innerText + " " + ratio.toFixed(2));
  }
  return [...new Set(low)];
})()`;
