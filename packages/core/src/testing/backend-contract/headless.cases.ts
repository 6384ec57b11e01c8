import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";

import { peek, rejectsWith, script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { scriptLaunch, view } from "./agent-helpers.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export const headlessCases: ContractCases = {
  "headless:streams": async ({ sandbox }) => {
    const made = await sandbox();
    const asked = { ...scriptLaunch("printf out; printf err >&2; exit 6"), mode: "headless" as const };
    await made.startAgent(asked);
    assert.equal((await made.agentExit()).exit?.exitCode, 6);
    const reader = await view(made);
    await reader.done;
    assert.equal(reader.bytes("stdout").toString(), "out");
    assert.equal(reader.bytes("stderr").toString(), "err");
    assert.equal((await reader.stream.ended)?.exitCode, 6);
  },

  "headless:output": async ({ sandbox }) => {
    const made = await sandbox();
    const text = "head -c 196608 /dev/urandom | base64 -w 0 | tee big; printf end >&2";
    await made.startAgent({ ...scriptLaunch(text), mode: "headless" });
    const reader = await view(made);
    await reader.done;
    const sum = await script(made, "sha256sum < big | cut -c 1-64");
    assert.equal(sha256(reader.bytes("stdout")), sum.trim());
    assert.equal(reader.bytes("stderr").toString(), "end");
  },

  "headless:no-terminal": async ({ sandbox }) => {
    const made = await sandbox();
    const text = "if [ -t 0 ] || [ -t 1 ] || [ -t 2 ]; then printf yes > is; else printf no > is; fi";
    await made.startAgent({ ...scriptLaunch(text), mode: "headless" });
    await made.agentExit();
    assert.equal(await peek(made, "is"), "no");
  },

  "headless:no-input": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({ ...scriptLaunch("cat > input; printf ended >> input"), mode: "headless" });
    await made.agentExit();
    assert.equal(await peek(made, "input"), "ended");
  },

  "headless:missing-program": async ({ sandbox }) => {
    const made = await sandbox();
    const argv = ["clauderon-no-such-program"] as const;
    await rejectsWith(made.startAgent({ launchId: randomUUID(), argv, mode: "headless" }), "command.not-found");
  },

  "headless:text": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({ ...scriptLaunch("printf 'said-this\\n'"), mode: "headless" });
    await made.agentExit();
    const text = await made.agentText();
    assert.ok(text.includes("said-this"), text);
  },
};
