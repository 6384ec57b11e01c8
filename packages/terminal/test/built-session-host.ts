import { cpSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "tsdown";

/** The session host in one file, as it is published, with copies of what it needs, in a directory that can be deleted. Gives the program's path. */
export async function builtSessionHost(directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  await build({
    entry: ["src/session-host-main.ts"],
    platform: "node",
    fixedExtension: false,
    deps: { neverBundle: ["@lydell/node-pty"], alwaysBundle: [/^(?!node:)/], onlyBundle: false },
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    config: false,
    outDir: directory,
    dts: false,
    logLevel: "silent",
    inputOptions: { resolve: { conditionNames: ["@clauderon/source", "import", "node", "default"] } },
  });
  copyPty(directory);
  return join(directory, "session-host-main.js");
}

function copyPty(directory: string): void {
  const scope = join(directory, "node_modules", "@lydell");
  mkdirSync(scope, { recursive: true });
  const library = dirname(realpathSync(createRequire(import.meta.url).resolve("@lydell/node-pty")));
  cpSync(library, join(scope, "node-pty"), { recursive: true });
  const binary = `node-pty-${process.platform}-${process.arch}`;
  const found = dirname(createRequire(join(library, "index.js")).resolve(`@lydell/${binary}/package.json`));
  cpSync(found, join(scope, basename(binary)), { recursive: true });
}
