import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Rolldown } from "tsdown";

interface BundledManifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
}

const RULE = `\n${"-".repeat(80)}\n\n`;

/** Writes the licence texts of the packages whose code is in the bundle: they must travel with it. */
export function bundledLicences(fileName: string): Rolldown.Plugin {
  return {
    name: "clauderon:bundled-licences",
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((output) => (output.type === "chunk" ? output.moduleIds : []));
      const directories = new Set(modules.flatMap((id) => packageDirectory(id) ?? []));
      const notices = new Set([...directories].map((directory) => notice(directory)).toSorted());
      if (notices.size > 0) {
        this.emitFile({ type: "asset", fileName, source: [...notices].join(RULE) });
      }
    },
  };
}

/** The nearest directory above a module in node_modules whose package.json has a name and a version. */
function packageDirectory(id: string): string | undefined {
  const file = id.replace(/^\0/, "").replace(/\?.*$/, "");
  if (!file.includes("/node_modules/")) {
    return undefined;
  }
  for (let directory = dirname(file); !directory.endsWith("node_modules"); directory = dirname(directory)) {
    const manifest = join(directory, "package.json");
    if (existsSync(manifest) && readBundledManifest(directory).version !== undefined) {
      return directory;
    }
    if (directory === dirname(directory)) {
      return undefined;
    }
  }
  return undefined;
}

function readBundledManifest(directory: string): BundledManifest {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as BundledManifest;
}

function notice(directory: string): string {
  const { name, version, license } = readBundledManifest(directory);
  const texts = readdirSync(directory)
    .filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
    .map((file) => readFileSync(join(directory, file), "utf8").trim());
  return `${name}@${version} (${license ?? "no licence stated"})\n\n${texts.join("\n\n")}\n`;
}
