import { existsSync, readdirSync } from "node:fs";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation } from "./installation.ts";

/** What lies below, but for directories. */
function filesBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [] : [join(entry.parentPath, entry.name)]));
}

test("a creation that copies history says so; Ctrl-C leaves nothing of it, and the next one succeeds", async () => {
  await using here = await Installation.create();
  const module = fileURLToPath(new URL("box-backend.fixture.ts", import.meta.url));
  await appendFile(join(here.home, "config.toml"), `[backends.box]\nmodule = ${JSON.stringify(module)}\n`);
  const go = join(here.directory, "go");
  await here.shadow(
    "git",
    `#!/bin/sh\ncase " $* " in *" pack-objects "*) while [ ! -e "${go}" ]; do sleep 0.05; done;; esac\nexec {real} "$@"\n`,
  );
  const create = ["create", "one", "--backend", "box", "-p", "hello"];
  let told = "";
  let interrupt: () => boolean = () => false;
  const interrupted = here.cli(create, {
    onStart: (child) => {
      child.stderr?.on("data", (text: Buffer) => {
        told += text.toString();
      });
      interrupt = () => child.kill("SIGINT");
    },
  });
  await eventually(() => (told.includes("Copying the history…\n") ? true : undefined), "the line of what takes long");
  interrupt();
  const { code, stdout } = await interrupted;
  expect({ code, stdout, isDone: told.includes("Copied") }).toEqual({ code: 130, stdout: "", isDone: false });
  expect([filesBelow(join(here.home, "repositories")), await here.names()]).toEqual([[], []]);
  await writeFile(go, "");
  const again = await here.cli(create);
  expect([again.stderr, again.code, again.stdout]).toEqual([expect.any(String), 0, "one\n"]);
  expect(await here.names()).toEqual(["one"]);
}, 120_000);
