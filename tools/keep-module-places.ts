import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

import type { Rolldown } from "tsdown";

/**
 * For programs of tests: modules in one file still find what lies beside their sources (`import.meta.url`), and the modules that stay imports are
 * found from the source that imports them.
 */
export function keepModulePlaces(externals: readonly string[]): Rolldown.Plugin {
  return {
    name: "keep-module-places",
    resolveId: {
      order: "pre",
      handler(id, importer) {
        if (importer === undefined || !externals.includes(id)) return undefined;
        return { id: createRequire(importer).resolve(id), external: true };
      },
    },
    transform: {
      filter: { code: "import.meta.url" },
      handler(code, id) {
        return code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href));
      },
    },
  };
}
