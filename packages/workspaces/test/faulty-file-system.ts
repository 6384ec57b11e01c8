import { nodeFileSystem, type WorkspaceFileSystem } from "../src/index.ts";

/** The real file system with something around each call. */
export function wrappedFileSystem(
  around: (name: string, call: () => Promise<unknown>) => Promise<unknown>,
): WorkspaceFileSystem {
  const wrap =
    <Arguments extends readonly unknown[], Result>(name: string, method: (...args: Arguments) => Promise<Result>) =>
    (...args: Arguments): Promise<Result> =>
      around(name, () => method(...args)) as Promise<Result>;
  return {
    kindOf: wrap("kindOf", (...args: Parameters<WorkspaceFileSystem["kindOf"]>) => nodeFileSystem.kindOf(...args)),
    modeOf: wrap("modeOf", (...args: Parameters<WorkspaceFileSystem["modeOf"]>) => nodeFileSystem.modeOf(...args)),
    statusOf: wrap("statusOf", (...args: Parameters<WorkspaceFileSystem["statusOf"]>) =>
      nodeFileSystem.statusOf(...args),
    ),
    isReadable: wrap("isReadable", (...args: Parameters<WorkspaceFileSystem["isReadable"]>) =>
      nodeFileSystem.isReadable(...args),
    ),
    writtenAt: wrap("writtenAt", (...args: Parameters<WorkspaceFileSystem["writtenAt"]>) =>
      nodeFileSystem.writtenAt(...args),
    ),
    setWrittenAt: wrap("setWrittenAt", (...args: Parameters<WorkspaceFileSystem["setWrittenAt"]>) =>
      nodeFileSystem.setWrittenAt(...args),
    ),
    setMode: wrap("setMode", (...args: Parameters<WorkspaceFileSystem["setMode"]>) => nodeFileSystem.setMode(...args)),
    realPath: wrap("realPath", (...args: Parameters<WorkspaceFileSystem["realPath"]>) =>
      nodeFileSystem.realPath(...args),
    ),
    stampOf: wrap("stampOf", (...args: Parameters<WorkspaceFileSystem["stampOf"]>) => nodeFileSystem.stampOf(...args)),
    readText: wrap("readText", (...args: Parameters<WorkspaceFileSystem["readText"]>) =>
      nodeFileSystem.readText(...args),
    ),
    names: wrap("names", (...args: Parameters<WorkspaceFileSystem["names"]>) => nodeFileSystem.names(...args)),
    byteNames: wrap("byteNames", (...args: Parameters<WorkspaceFileSystem["byteNames"]>) =>
      nodeFileSystem.byteNames(...args),
    ),
    makeDirectory: wrap("makeDirectory", (...args: Parameters<WorkspaceFileSystem["makeDirectory"]>) =>
      nodeFileSystem.makeDirectory(...args),
    ),
    writeText: wrap("writeText", (...args: Parameters<WorkspaceFileSystem["writeText"]>) =>
      nodeFileSystem.writeText(...args),
    ),
    replaceDurably: wrap("replaceDurably", (...args: Parameters<WorkspaceFileSystem["replaceDurably"]>) =>
      nodeFileSystem.replaceDurably(...args),
    ),
    rename: wrap("rename", (...args: Parameters<WorkspaceFileSystem["rename"]>) => nodeFileSystem.rename(...args)),
    remove: wrap("remove", (...args: Parameters<WorkspaceFileSystem["remove"]>) => nodeFileSystem.remove(...args)),
    removeIfEmpty: wrap("removeIfEmpty", (...args: Parameters<WorkspaceFileSystem["removeIfEmpty"]>) =>
      nodeFileSystem.removeIfEmpty(...args),
    ),
    link: wrap("link", (...args: Parameters<WorkspaceFileSystem["link"]>) => nodeFileSystem.link(...args)),
    shareFile: wrap("shareFile", (...args: Parameters<WorkspaceFileSystem["shareFile"]>) =>
      nodeFileSystem.shareFile(...args),
    ),
    copyEntry: wrap("copyEntry", (...args: Parameters<WorkspaceFileSystem["copyEntry"]>) =>
      nodeFileSystem.copyEntry(...args),
    ),
    copyTree: wrap("copyTree", (...args: Parameters<WorkspaceFileSystem["copyTree"]>) =>
      nodeFileSystem.copyTree(...args),
    ),
    sync: wrap("sync", (...args: Parameters<WorkspaceFileSystem["sync"]>) => nodeFileSystem.sync(...args)),
    faceOf: wrap("faceOf", (...args: Parameters<WorkspaceFileSystem["faceOf"]>) => nodeFileSystem.faceOf(...args)),
    place: wrap("place", (...args: Parameters<WorkspaceFileSystem["place"]>) => nodeFileSystem.place(...args)),
    claim: wrap("claim", (...args: Parameters<WorkspaceFileSystem["claim"]>) => nodeFileSystem.claim(...args)),
    bytesOf: wrap("bytesOf", (...args: Parameters<WorkspaceFileSystem["bytesOf"]>) => nodeFileSystem.bytesOf(...args)),
    copyHeld: wrap("copyHeld", (...args: Parameters<WorkspaceFileSystem["copyHeld"]>) =>
      nodeFileSystem.copyHeld(...args),
    ),
    lookAtHeld: wrap("lookAtHeld", (...args: Parameters<WorkspaceFileSystem["lookAtHeld"]>) =>
      nodeFileSystem.lookAtHeld(...args),
    ),
    holdFiles: wrap("holdFiles", (...args: Parameters<WorkspaceFileSystem["holdFiles"]>) =>
      nodeFileSystem.holdFiles(...args),
    ),
    writeBeside: wrap("writeBeside", (...args: Parameters<WorkspaceFileSystem["writeBeside"]>) =>
      nodeFileSystem.writeBeside(...args),
    ),
  };
}

export type FaultMode = "before" | "after" | "from-then-on";

/** Calls that change nothing: failing one after it is failing it before. */
const reads: ReadonlySet<string> = new Set<keyof WorkspaceFileSystem>([
  "kindOf",
  "modeOf",
  "isReadable",
  "writtenAt",
  "realPath",
  "stampOf",
  "readText",
  "names",
  "byteNames",
  "faceOf",
  "bytesOf",
  "lookAtHeld",
]);

/** Fails the n-th call (from 1): instead of it, after it, or it and all that follow. With `countsReads: false` of those that change something. */
export function faultyFileSystem(
  failing: number,
  mode: FaultMode,
  { countsReads = true }: { readonly countsReads?: boolean } = {},
): {
  readonly fileSystem: WorkspaceFileSystem;
  /** How many calls there were before it was healed. */
  readonly calls: () => number;
  /** From then on nothing fails any more. */
  readonly heal: <Value>(work: () => Promise<Value>) => Promise<Value>;
} {
  let count = 0;
  let isHealed = false;
  const fault = (name: string): Error => Object.assign(new Error(`EIO: injected into ${name}`), { code: "EIO" });
  const fileSystem = wrappedFileSystem(async (name, call) => {
    if (isHealed || (!countsReads && reads.has(name))) return call();
    count += 1;
    const isHit = count === failing || (mode === "from-then-on" && count > failing);
    if (isHit && mode !== "after") throw fault(name);
    const result = await call();
    if (isHit) throw fault(name);
    return result;
  });
  const heal = <Value>(work: () => Promise<Value>): Promise<Value> => {
    isHealed = true;
    return work();
  };
  return { fileSystem, calls: () => count, heal };
}
