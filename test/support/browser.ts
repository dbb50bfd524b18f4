/** The system's Chromium without a window, driven over its own protocol. */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, launch, type Page } from "puppeteer-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const CHROMIUM = PLACES.find((path) => existsSync(path));

/** A page is slow on a busy machine; only a defect takes this long. */
const PATIENCE_MS = 60_000;

export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async open(): Promise<TestBrowser> {
    const isRoot = process.getuid?.() === 0;
    const browser = await launch({
      executablePath: CHROMIUM!, // tests without it are skipped, or fail here
      headless: true,
      timeout: PATIENCE_MS,
      args: [
        ...(isRoot ? ["--no-sandbox"] : []),
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--force-color-profile=srgb",
      ],
    });
    return new TestBrowser(browser);
  }

  async tab(width = 1280, height = 900): Promise<TestTab> {
    const context = await this.#browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.setViewport({ width, height });
    return new TestTab(context, page);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** A page with storage of its own, which nothing is left of afterwards. */
export class TestTab implements AsyncDisposable {
  readonly page: Page;
  /** What the page has complained of. */
  readonly faults: string[] = [];
  readonly #context: BrowserContext;

  constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on("pageerror", (error) => this.faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.faults.push(message.text());
    });
  }

  /** As somebody sees it. */
  async text(selector: string): Promise<string> {
    const script = `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`;
    return String(await this.page.evaluate(script)).trim();
  }

  /** What has the focus, as it is called. */
  async focused(): Promise<string> {
    const script = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText";
    return String(await this.page.evaluate(script)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
