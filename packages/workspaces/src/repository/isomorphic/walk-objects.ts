import type { ObjectStore, ReadObject } from "./object-store.ts";
import { isGitlink, parseCommit, parseTag, parseTree } from "./parse-object.ts";

export interface WalkOptions {
  readonly tips: readonly string[];
  /** Commits whose parents are not there. */
  readonly shallow: ReadonlySet<string>;
}

/** The commits that the tips reach, themselves among them. */
export async function commitsOf(store: ObjectStore, { tips, shallow }: WalkOptions): Promise<ReadonlySet<string>> {
  const commits = new Set<string>();
  const open = [...tips];
  const seen = new Set<string>();
  for (let object = open.pop(); object !== undefined; object = open.pop()) {
    if (seen.has(object)) continue;
    seen.add(object);
    const { type, content } = await store.read(object);
    if (type === "tag") open.push(parseTag(content));
    if (type !== "commit") continue;
    commits.add(object);
    if (!shallow.has(object)) open.push(...parseCommit(content).parents);
  }
  return commits;
}

/** What a name stands for, through tags; `undefined` when it is no commit. */
export async function commitOf(store: ObjectStore, object: string): Promise<string | undefined> {
  for (let name = object; ;) {
    const { type, content } = await store.read(name);
    if (type === "commit") return name;
    if (type !== "tag") return undefined;
    name = parseTag(content);
  }
}

/** What an object names itself. */
function named({ type, content }: ReadObject, isShallow: boolean): readonly string[] {
  if (type === "tag") return [parseTag(content)];
  if (type === "tree")
    return parseTree(content)
      .filter((entry) => !isGitlink(entry))
      .map(({ object }) => object);
  if (type === "blob") return [];
  const { tree, parents } = parseCommit(content);
  return isShallow ? [tree] : [tree, ...parents];
}

export interface EveryOptions extends WalkOptions {
  /** What it names is not looked at. */
  readonly isKnown: (object: string) => boolean;
  /** Called once for every other object; with its content. */
  readonly onObject: (object: string, read: ReadObject) => Promise<void>;
}

/** Everything that the tips reach: each object is read, and so known to be there and whole. */
export async function walkObjects(store: ObjectStore, options: EveryOptions): Promise<void> {
  const seen = new Set<string>();
  const open = [...options.tips];
  for (let object = open.pop(); object !== undefined; object = open.pop()) {
    if (seen.has(object) || options.isKnown(object)) continue;
    seen.add(object);
    const read = await store.read(object);
    await options.onObject(object, read);
    for (const name of named(read, options.shallow.has(object))) if (!seen.has(name)) open.push(name);
  }
}
