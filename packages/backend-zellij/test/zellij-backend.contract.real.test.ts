import { mkdtempSync } from "node:fs";
import { join } from "node:path";

import { describeBackendContract } from "@clauderon/core/testing";
import { afterAll } from "vitest";

import { createZellijBackend } from "../src/index.ts";
import { zellijGate } from "../src/zellij-gate.ts";
import { guardWorld } from "./guard-world.ts";
import { bringUpSession, endSession, runZellij, zellijMissing } from "./real-zellij.ts";

const program = process.env["CLAUDERON_TEST_ZELLIJ"] ?? "zellij";

// Short: with the longest name a socket's path has just 107 bytes.
const directory = mkdtempSync("/tmp/z");
const guard = guardWorld(directory);
process.env["ZELLIJ_SOCKET_DIR"] = directory;
afterAll(() => guard[Symbol.asyncDispose]());

describeBackendContract({
  name: "zellij",
  unavailable: zellijMissing,
  slowFactor: 3,
  concurrency: 3,
  create: (context) => createZellijBackend(context, { program }),
  samples: {
    foreign: async (name) => {
      const session = `clauderon-${name}`;
      const zellij = runZellij({ ...process.env, HOME: directory });
      // Whoever knocks at a session while it is being born ends it: neither do other cases' commands, nor these at theirs.
      await zellijGate.birth(() => bringUpSession(zellij, session));
      return {
        async [Symbol.asyncDispose]() {
          await zellijGate.command(() => endSession(zellij, join(directory, "contract_version_1", session)));
        },
      };
    },
  },
});
