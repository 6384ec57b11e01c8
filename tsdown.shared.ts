import type { UserConfig } from "tsdown";

import { bundledLicences } from "./tools/bundled-licences.ts";

/** Output name → source file. */
type Entries = Readonly<Record<string, string>>;

const shared = {
  platform: "node",
  target: "node24",
  format: "esm",
  fixedExtension: false,
  failOnWarn: true,
  exports: false,
} satisfies UserConfig;

/** A package whose dependencies stay imports; only the named ones are bundled. */
export function library(entry: Entries, options: { readonly bundled?: readonly string[] } = {}): UserConfig {
  return {
    ...shared,
    entry: { ...entry },
    dts: { sourcemap: true, oxc: true },
    sourcemap: true,
    deps: { onlyBundle: [...(options.bundled ?? [])] },
    plugins: [bundledLicences("THIRD_PARTY_LICENSES.txt")],
  };
}

/** An app: `dependencies` stay imports, `devDependencies` are bundled, so that starting it reads few files. */
export function application(entry: Entries): UserConfig {
  return {
    ...shared,
    entry: { ...entry },
    dts: { sourcemap: true, oxc: true },
    sourcemap: true,
    deps: { onlyBundle: false },
    plugins: [bundledLicences("THIRD_PARTY_LICENSES.txt")],
  };
}

/**
 * One file that imports nothing of ours at run time. It keeps running while an upgrade replaces the installed files,
 * so a lazy import would load another version. `external` lists what cannot be bundled (native modules).
 */
export function bundledProgram(source: string, external: readonly string[]): UserConfig {
  return {
    ...shared,
    entry: [source],
    dts: { oxc: true },
    clean: false,
    deps: { neverBundle: [...external], alwaysBundle: [/^(?!node:)/], onlyBundle: false },
    plugins: [bundledLicences("PROGRAM_THIRD_PARTY_LICENSES.txt")],
    outputOptions: { codeSplitting: false },
  };
}
