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
    kindOf: wrap("kindOf", nodeFileSystem.kindOf),
    realPath: wrap("realPath", nodeFileSystem.realPath),
    stampOf: wrap("stampOf", nodeFileSystem.stampOf),
    readText: wrap("readText", nodeFileSystem.readText),
    names: wrap("names", nodeFileSystem.names),
    makeDirectory: wrap("makeDirectory", nodeFileSystem.makeDirectory),
    writeText: wrap("writeText", nodeFileSystem.writeText),
    replaceDurably: wrap("replaceDurably", nodeFileSystem.replaceDurably),
    rename: wrap("rename", nodeFileSystem.rename),
    remove: wrap("remove", nodeFileSystem.remove),
    removeIfEmpty: wrap("removeIfEmpty", nodeFileSystem.removeIfEmpty),
    link: wrap("link", nodeFileSystem.link),
    copyEntry: wrap("copyEntry", nodeFileSystem.copyEntry),
  };
}

export type FaultMode = "before" | "after" | "from-then-on";

/** Fails the n-th call (from 1): instead of it, after it, or it and all that follow. */
export function faultyFileSystem(
  failing: number,
  mode: FaultMode,
): { readonly fileSystem: WorkspaceFileSystem; readonly calls: () => number } {
  let count = 0;
  const fault = (name: string): Error => Object.assign(new Error(`EIO: injected into ${name}`), { code: "EIO" });
  const fileSystem = wrappedFileSystem(async (name, call) => {
    count += 1;
    const isHit = count === failing || (mode === "from-then-on" && count > failing);
    if (isHit && mode !== "after") throw fault(name);
    const result = await call();
    if (isHit) throw fault(name);
    return result;
  });
  return { fileSystem, calls: () => count };
}
