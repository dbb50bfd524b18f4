/** The files of a new plugin: small, working, tested, and a page to start from. */
export function pluginTemplate(name: string): Record<string, string> {
  return {
    "index.ts": plugin(name),
    "index.test.ts": test(name),
    "README.md": readme(name),
    "tsconfig.json": TSCONFIG,
  };
}

const plugin = (name: string): string => `import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "${name}", version: "0.1.0", description: "doubles a numeric field" },
  params: {
    field: param.string("the field to double", { default: "amount" }),
  },
  init({ log, params }) {
    log.debug(\`doubling \${params.field}\`);
  },
  processBatch(batch, { params }) {
    const column = batch.column(params.field);
    if (!column) return;
    for (let row = 0; row < batch.length; row++) {
      const value = column.number(row);
      if (Number.isNaN(value)) batch.reject(row, \`\${params.field} is not a number\`);
      else batch.set(row, params.field, value * 2);
    }
  },
  cleanup() {},
});
`;

const test = (name: string): string => `import { expect, test } from "bun:test";
import { runPlugin } from "distributed-system/testing";
import plugin from "./index.ts";

test("${name} doubles the field and rejects what is no number", async () => {
  const { records, rejected } = await runPlugin(plugin, {
    records: [{ id: 1, amount: 21 }, { id: 2, amount: "much" }],
  });
  expect(records).toEqual([{ id: 1, amount: 42 }]);
  expect(rejected).toEqual([{ record: { id: 2, amount: "much" }, reason: "amount is not a number" }]);
});
`;

const readme = (name: string): string => `# ${name}
A plugin for distributed_system.

    distributed_system plugin verify ${name}/index.ts
    distributed_system plugin test ${name}

Types of the SDK lie in node_modules; those of the test runner come with \`npm install --save-dev @types/bun\`.

In a pipeline file:

    ${name}|./${name}/index.ts|field=amount|true|RETRY_WITH_BACKOFF|3|10s
`;

const TSCONFIG = `${JSON.stringify(
  {
    compilerOptions: {
      target: "ESNext",
      module: "Preserve",
      moduleResolution: "bundler",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
    },
    include: ["*.ts"],
  },
  null,
  2,
)}
`;
