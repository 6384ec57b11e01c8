import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";

import { FileError } from "@clauderon/core/contract";
import { parseJson, replaceFile } from "@clauderon/core/host";

import { objectIn } from "./claude-files.ts";
import { directoryNames } from "./directory-names.ts";

const ATTEMPTS = 5;

/**
 * Answers Claude Code's question whether it may work in a folder, for this directory and all in it, as its own dialog would: one entry in
 * `<home>/.claude.json`. Everything else in that file stays. `homeOfUser` is the user's home, or `CLAUDE_CONFIG_DIR` where that is set. Says whether anything had to
 * be changed. Rejects with `file.failed` when the file is not what Claude Code writes; then it is left as it is.
 */
export async function trustClaudeWorktrees(
  homeOfUser: string,
  directory: string,
): Promise<{ readonly path: string; readonly isChanged: boolean }> {
  const path = join(homeOfUser, ".claude.json");
  const directories = await directoryNames(normalize(directory).replace(/(?<=.)\/$/, ""));
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const text = await readText(path);
    const trusted = withTrust(text ?? "{}", { path, directories });
    if (trusted === undefined) return { path, isChanged: false };
    // Claude Code writes the file too: what it wrote in between must not be lost.
    if ((await readText(path)) !== text) continue;
    await replaceFile(path, trusted);
    return { path, isChanged: true };
  }
  throw new FileError({
    message: `${path} keeps changing`,
    why: "Claude Code is writing it",
    fix: ["close Claude Code and repeat the command"],
    context: { path },
  });
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FileError({
      message: `${path} cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      fix: [`make it readable: ls -la ${path}`],
      context: { path },
      cause: error,
    });
  }
}

/** The file's text with the entry, `undefined` when it is there. */
function withTrust(
  text: string,
  place: { readonly path: string; readonly directories: readonly string[] },
): string | undefined {
  const { path, directories } = place;
  const state = parseJson(text, path);
  const projects: unknown = isObject(state) ? (state["projects"] ?? {}) : undefined;
  if (!isObject(state) || !isObject(projects)) {
    throw new FileError({
      message: `${path} is not as Claude Code writes it`,
      why: "it, or projects in it, is not an object",
      fix: [`answer Claude Code's own question instead`, `correct ${path}`],
      context: { path },
    });
  }
  const missing = directories.filter((directory) => objectIn(projects, directory)["hasTrustDialogAccepted"] !== true);
  if (missing.length === 0) return undefined;
  const added = missing.map((directory) => [
    directory,
    { ...objectIn(projects, directory), hasTrustDialogAccepted: true },
  ]);
  const changed = { ...projects, ...Object.fromEntries(added) };
  return `${JSON.stringify({ ...state, projects: changed }, undefined, 2)}\n`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
