/** Loaded before a program: ends it without a word before its n-th change of a file (KILL_AT), or with half of the text written. */
import fs from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

let left = Number(process.env["KILL_AT"]);

function step(): boolean {
  left -= 1;
  return left === -1;
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

type Work = (...args: unknown[]) => Promise<unknown>;

function guarded(work: Work): Work {
  return async (...args) => {
    if (step()) die();
    return work(...args);
  };
}

function guardHandle(handle: FileHandle): FileHandle {
  const methods = handle as unknown as Record<string, Work>;
  for (const name of ["chmod", "sync"]) methods[name] = guarded(methods[name]!.bind(handle));
  const write = methods["writeFile"]!.bind(handle);
  methods["writeFile"] = async (text) => {
    if (step()) die();
    if (step()) {
      await write(String(text).slice(0, String(text).length / 2));
      die();
    }
    return write(text);
  };
  return handle;
}

const functions = fs as unknown as Record<string, Work>;
for (const name of ["mkdir", "rename", "link", "rm", "chmod", "writeFile"])
  functions[name] = guarded(functions[name]!.bind(fs));
const open = functions["open"]!.bind(fs);
functions["open"] = async (...args) => {
  if (step()) die();
  return guardHandle((await open(...args)) as FileHandle);
};
syncBuiltinESMExports();
