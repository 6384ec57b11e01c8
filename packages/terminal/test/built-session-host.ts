import { cpSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const sources = fileURLToPath(new URL("../src/", import.meta.url));

/** The session host as plain JavaScript with copies of what it needs, in a directory that can be deleted. Gives the program's path. */
export function builtSessionHost(directory: string): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  const waiting = ["session-host-main.ts"];
  const done = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (done.has(name)) continue;
    done.add(name);
    const script = stripTypeScriptTypes(readFileSync(join(sources, name), "utf8"));
    for (const [, imported = ""] of script.matchAll(/from "\.\/([a-z-]+\.ts)"/g)) waiting.push(imported);
    writeFileSync(
      join(directory, name.replace(/\.ts$/, ".js")),
      script.replaceAll(/(from "\.\/[a-z-]+)\.ts"/g, '$1.js"'),
    );
  }
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
