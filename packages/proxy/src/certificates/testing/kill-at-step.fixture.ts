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

/** What the object does under a name, as it is before it is replaced. */
function workOf(object: Record<string, Work>, name: string): Work {
  const work = object[name];
  if (work === undefined) throw new TypeError(`there is no ${name}`);
  return work.bind(object);
}

function guardHandle(handle: FileHandle): FileHandle {
  const methods = handle as unknown as Record<string, Work>;
  for (const name of ["chmod", "sync"]) methods[name] = guarded(workOf(methods, name));
  const write = workOf(methods, "writeFile");
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
  functions[name] = guarded(workOf(functions, name));
const open = workOf(functions, "open");
functions["open"] = async (...args) => {
  if (step()) die();
  return guardHandle((await open(...args)) as FileHandle);
};
syncBuiltinESMExports();
