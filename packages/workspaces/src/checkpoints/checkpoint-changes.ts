import { bytesOf } from "../results/paths.ts";
import type { FileChange, TreeEntry } from "../results/result-record.ts";
import type { WorkspaceTools } from "../workspace-tools.ts";
import { checkpointDamaged } from "./checkpoint-errors.ts";
import { type CheckpointManifest, type CheckpointRecord, parseManifest } from "./checkpoint-record.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";

interface ReadCall {
  readonly store: CheckpointStore;
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/** A checkpoint with what its commit says. */
export interface ReadState {
  readonly record: CheckpointRecord;
  readonly manifest: CheckpointManifest;
  /** Paths are bytes, held one per character (`latin1`). */
  readonly files: ReadonlyMap<string, TreeEntry>;
  readonly hasIndex: boolean;
  readonly hasState: boolean;
}

export async function readState(
  { git }: WorkspaceTools,
  record: CheckpointRecord,
  { store, cwd, signal }: ReadCall,
): Promise<ReadState> {
  const call = { cwd, environment: store.environment({}), signal };
  try {
    const names = (await git.inspect(["ls-tree", "--name-only", record.commit], call)).stdout.split("\n");
    const { stdout } = await git.inspect(["cat-file", "blob", `${record.commit}:manifest`], call);
    const manifest = parseManifest(stdout);
    if (manifest === undefined) throw checkpointDamaged(record.id, "what it says of its files cannot be read");
    const listed = await git.inspectBytes(["ls-tree", "-r", "-z", `${record.commit}:tree`], call);
    return {
      record,
      manifest,
      files: parseTree(listed.toString("latin1")),
      hasIndex: names.includes("index"),
      hasState: names.includes("state"),
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw checkpointDamaged(record.id, String(error));
  }
}

/** Of `ls-tree -r -z`. */
export function parseTree(text: string): ReadonlyMap<string, TreeEntry> {
  const files = new Map<string, TreeEntry>();
  for (const line of text.split("\0")) {
    const tab = line.indexOf("\t");
    const [mode = "", , hash = ""] = line.slice(0, tab).split(" ");
    if (tab > 0) files.set(line.slice(tab + 1), { mode, hash });
  }
  return files;
}

/** Files that differ in content, kind or permissions. */
export function changesBetween(before: ReadState, after: ReadState): readonly FileChange[] {
  const paths = new Set([...before.files.keys(), ...after.files.keys()]);
  return [...paths].flatMap((path) => {
    const [from, to] = [before.files.get(path), after.files.get(path)];
    const isSame =
      from?.mode === to?.mode && from?.hash === to?.hash && before.manifest.modes[path] === after.manifest.modes[path];
    return isSame ? [] : [{ path, before: from, after: to }];
  });
}

interface StageCall extends ReadCall {
  /** Gets `tree/`, `state/`, `index`. */
  readonly directory: string;
  /** Of which files. */
  readonly changes: readonly FileChange[];
}

/** Writes files of a checkpoint, its index and its state beside; gives the changes with what each file is. */
export async function stageState(
  { git, fileSystem }: WorkspaceTools,
  { record, manifest, hasIndex, hasState }: ReadState,
  { store, directory, changes, signal }: StageCall,
): Promise<readonly FileChange[]> {
  await fileSystem.makeDirectory(`${directory}/tree`);
  const environment = store.environment({ index: `${directory}/.index`, workTree: directory });
  const call = { cwd: directory, environment, signal };
  await git.inspect(["read-tree", record.commit], call);
  const wanted = changes.flatMap(({ path, after }) => (after === undefined ? [] : [`tree/${path}`]));
  const state = hasState
    ? (await git.inspectBytes(["ls-files", "-z", "--", "state"], call)).toString("latin1").split("\0")
    : [];
  const paths = [...wanted, ...state.filter((path) => path !== ""), ...(hasIndex ? ["index"] : [])];
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1");
  if (paths.length > 0) await git.inspect(["checkout-index", "--quiet", "-z", "--stdin"], { ...call, input });
  await fileSystem.remove(`${directory}/.index`);
  const staged: FileChange[] = [];
  for (const change of changes) {
    if (change.after === undefined) {
      staged.push(change);
      continue;
    }
    const file = bytesOf(`${directory}/tree`, change.path);
    const mode = manifest.modes[change.path] ?? (change.after.mode === "100755" ? 0o755 : 0o644);
    if (change.after.mode !== "120000") {
      await fileSystem.sync(file);
      await fileSystem.setMode(file, mode);
    }
    const face = await fileSystem.faceOf(file);
    if (!/^(?:file|program|link) /u.test(face)) throw checkpointDamaged(record.id, "files that it holds are missing");
    staged.push({ ...change, face });
  }
  return staged;
}
