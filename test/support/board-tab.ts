/** The dashboard in a tab, used as a person would: tabs, buttons with dialogs, and what is written on the page. */
import type { TestTab } from "./browser.ts";
import { until } from "./until.ts";

export type ViewName = "overview" | "pipelines" | "processes" | "services" | "letters" | "events";

export class BoardTab {
  readonly #tab: TestTab;

  constructor(tab: TestTab) {
    this.#tab = tab;
  }

  /** Resolves when the cluster is shown. */
  async open(url: string): Promise<void> {
    await this.#tab.page.goto(url);
    await this.#tab.page.waitForSelector("[role=tabpanel]");
  }

  async view(name: ViewName): Promise<void> {
    await this.#tab.page.click(`#tab-${name}`);
    await this.#tab.page.waitForSelector(`#tab-${name}[aria-selected=true]`);
  }

  text(selector = "main"): Promise<string> {
    return this.#tab.text(selector);
  }

  untilText(pattern: RegExp, selector = "main"): Promise<string> {
    return until(`${selector} has ${pattern}`, async () => {
      const text = await this.text(selector);
      return pattern.test(text) && text;
    }).catch(async (thrown: unknown) => {
      throw new Error(`${thrown}; it has:\n${await this.text(selector)}`);
    });
  }

  /** Cells of a row by the words of its first one, in the table with this caption. */
  async row(caption: string, name: string): Promise<readonly string[]> {
    const script = `(() => {
      const table = [...document.querySelectorAll("table")].find((each) => each.caption?.innerText === ${JSON.stringify(caption)});
      const rows = [...(table?.tBodies[0]?.rows ?? [])];
      const row = rows.find((each) => each.cells[0].innerText.trim().startsWith(${JSON.stringify(name)}));
      return row ? [...row.cells].map((cell) => cell.innerText.trim()) : [];
    })()`;
    return (await this.#tab.page.evaluate(script)) as readonly string[]; // as the script gives it
  }

  /** Presses the button, fills the dialog's fields, and confirms; resolves when it is done. Fails with the node's words. */
  async act(label: string, fields: Readonly<Record<string, string>> = {}): Promise<void> {
    const { page } = this.#tab;
    await page.waitForSelector(`[aria-label="${label}"]`);
    await page.click(`[aria-label="${label}"]`);
    await page.waitForSelector("dialog[open]");
    for (const [name, value] of Object.entries(fields)) {
      await page.evaluate(`document.querySelector("#field-${name}").value = ""`);
      await page.type(`#field-${name}`, value);
    }
    await page.click("dialog .primary");
    await until(`“${label}” is done`, async () => {
      const refused = await this.text("dialog [role=alert]");
      if (refused !== "") throw new Error(`“${label}” was refused: ${refused}`);
      return (await page.$("dialog")) === null;
    });
  }

  /** Of the whole page, in these colours. */
  async picture(path: `${string}.png`, scheme: "light" | "dark"): Promise<void> {
    const { page } = this.#tab;
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.screenshot({ path, fullPage: true });
  }
}
