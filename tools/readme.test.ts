import { readFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");

describe("the README", () => {
  it.each(["with-daemon", "embedded"])("shows the example %s as it is type-checked", (name) => {
    const source = readFileSync(path.join(root, "apps/daemon/test/examples", `${name}.examples.ts`), "utf8");
    expect(readme).toContain(`<!-- example: ${name} -->\n\n\`\`\`ts\n${source}\`\`\``);
    expect(source.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(12);
  });

  it.each(["demo", "test"])("has one command that installs and runs pnpm %s", (script) => {
    expect(readme.match(new RegExp(`^npx .*pnpm install --frozen-lockfile && pnpm ${script}'$`, "gm"))?.length).toBe(1);
  });
});
