import { join } from "node:path";

import type { ConfinedFiles } from "./confined-files.ts";

export interface PlainRef {
  readonly name: string;
  /** Absent where a symbolic one names nothing that is there. */
  readonly object?: string | undefined;
  /** Empty for all that are not symbolic. */
  readonly target: string;
}

const MAX_DEPTH = 32;
const MAX_LINKS = 5;

/**
 * The references below these spaces, sorted by name. isomorphic-git's own listing reads the whole file of packed ones anew for each of them.
 */
export async function readRefs(
  files: ConfinedFiles,
  gitDirectory: string,
  spaces: readonly string[],
): Promise<readonly PlainRef[]> {
  const texts = new Map<string, string>();
  for (const line of (await readText(files, join(gitDirectory, "packed-refs"))).split("\n")) {
    const [, object, name] = /^([0-9a-f]{40}) (refs\/.+)$/u.exec(line) ?? [];
    if (object !== undefined && name !== undefined && isRefName(name)) texts.set(name, object);
  }
  for (const space of ["refs"]) await visit(files, { gitDirectory, name: space, texts, depth: 0 });
  const found: PlainRef[] = [];
  for (const [name, text] of texts) {
    if (!spaces.some((space) => name.startsWith(`${space}/`))) continue;
    const target = targetOf(text);
    const object = follow(texts, name);
    if (target !== "" || object !== undefined) found.push({ name, object, target });
  }
  return found.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** What HEAD, or any other name, stands for; `undefined` on a branch without commits. */
export async function readHead(
  files: ConfinedFiles,
  gitDirectory: string,
  commonDirectory: string,
): Promise<string | undefined> {
  const text = (await readText(files, join(gitDirectory, "HEAD"))).trim();
  const target = targetOf(text);
  if (target === "") return isObject(text) ? text : undefined;
  return (await readRefs(files, commonDirectory, ["refs"])).find(({ name }) => name === target)?.object;
}

interface Visit {
  readonly gitDirectory: string;
  readonly name: string;
  readonly texts: Map<string, string>;
  readonly depth: number;
}

async function visit(files: ConfinedFiles, { gitDirectory, name, texts, depth }: Visit): Promise<void> {
  if (depth > MAX_DEPTH) return;
  for (const entry of await namesIn(files, join(gitDirectory, name))) {
    const inner = `${name}/${entry}`;
    if (!isRefName(inner)) continue;
    const status = await files.promises.lstat(join(gitDirectory, inner)).catch(absent);
    if (status === undefined) continue;
    if (status.isDirectory()) await visit(files, { gitDirectory, name: inner, texts, depth: depth + 1 });
    else {
      const text = (await readText(files, join(gitDirectory, inner))).trim();
      if (isObject(text) || targetOf(text) !== "") texts.set(inner, text);
    }
  }
}

async function namesIn(files: ConfinedFiles, directory: string): Promise<readonly string[]> {
  return (await files.promises.readdir(directory).catch(absent)) ?? [];
}

async function readText(files: ConfinedFiles, path: string): Promise<string> {
  return String((await files.promises.readFile(path, "utf8").catch(absent)) ?? "");
}

function absent(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EISDIR") throw error;
}

function follow(texts: ReadonlyMap<string, string>, name: string): string | undefined {
  let text = texts.get(name);
  for (let count = 0; count < MAX_LINKS && text !== undefined; count += 1) {
    if (isObject(text)) return text;
    text = texts.get(targetOf(text));
  }
  return undefined;
}

/** Only what lies where references lie. */
function targetOf(text: string): string {
  const target = /^ref:\s*(refs\/.+)$/u.exec(text)?.[1] ?? "";
  return isRefName(target) ? target : "";
}

function isObject(text: string): boolean {
  return /^[0-9a-f]{40}$/u.test(text);
}

/** git-check-ref-format(1). */
export function isRefName(name: string): boolean {
  if (!name.startsWith("refs") || /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$/u.test(name)) return false;
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}
