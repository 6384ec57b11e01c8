import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { peek, rejectsWith, script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { launch, scriptLaunch } from "./agent-helpers.ts";
import { loop } from "./scripts.ts";
import { twoPartAgent } from "./terminal-agents.ts";
import { untilWritten } from "./until-written.ts";

export const terminalLaunchCases: ContractCases = {
  "terminal:launch:status": async ({ sandbox }) => {
    const made = await sandbox();
    const asked = scriptLaunch(loop);
    const told = await made.startAgent(asked);
    assert.equal(told.state, "running");
    assert.equal(told.launchId, asked.launchId);
    const { agent } = await made.inspect();
    assert.equal(agent.state, "running");
    assert.equal(agent.launchId, asked.launchId);
    if (told.startedAt !== undefined) assert.ok(told.startedAt instanceof Date);
  },

  "terminal:launch:idempotent": async (context) => {
    const made = await context.sandbox();
    const asked = scriptLaunch('printf "x\\n" >> starts; while ! [ -e go ]; do sleep 0.05; done');
    const first = await made.startAgent(asked);
    const second = await made.startAgent(asked);
    assert.equal(second.launchId, first.launchId);
    assert.equal(second.processId, first.processId);
    await untilWritten(context, made, { path: "starts" });
    await script(made, ": > go");
    await made.agentExit();
    assert.equal(await peek(made, "starts"), "x\n");
  },

  "terminal:launch:idempotent:ended": async ({ sandbox }) => {
    const made = await sandbox();
    const asked = scriptLaunch('printf "x\\n" >> starts; exit 3');
    await made.startAgent(asked);
    await made.agentExit();
    const again = await made.startAgent(asked);
    assert.equal(again.state, "exited");
    assert.equal(again.launchId, asked.launchId);
    assert.equal((await made.agentExit()).exit?.exitCode, 3);
    assert.equal(await peek(made, "starts"), "x\n");
  },

  "terminal:launch:concurrent": async ({ backend, reopen, spec, track }) => {
    const wanted = await spec();
    track(wanted);
    const made = await backend.create(wanted);
    const other = await reopen().open(wanted.sandboxId);
    assert.ok(other);
    const asked = scriptLaunch('printf "x\\n" >> starts; exit 0');
    const told = await Promise.all([made, other, made, other].map((each) => each.startAgent(asked)));
    for (const each of told) assert.equal(each.launchId, asked.launchId);
    await made.agentExit();
    assert.equal(await peek(made, "starts"), "x\n");
  },

  "terminal:launch:refused-while-running": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, loop);
    await rejectsWith(launch(made, 'printf "x" > second'), "session.wrong-state");
    assert.equal(await peek(made, "second"), "");
  },

  "terminal:launch:next": async (context) => {
    const made = await context.sandbox();
    await launch(made, "printf first; exit 1");
    await made.agentExit();
    const told = await launch(made, "printf second > second; printf 'second-start\\n'; exit 2");
    const ended = await made.agentExit();
    assert.equal(ended.launchId, told.launchId);
    assert.equal(ended.exit?.exitCode, 2);
    assert.equal(await peek(made, "second"), "second");
    const text = await made.agentText();
    assert.ok(text.includes("second-start"), text);
  },

  "terminal:launch:missing-program": async ({ sandbox }) => {
    const made = await sandbox();
    const launchId = randomUUID();
    await rejectsWith(
      made.startAgent({ launchId, argv: ["clauderon-no-such-program"], mode: "terminal" }),
      "command.not-found",
    );
    assert.notEqual((await made.inspect()).agent.state, "running");
  },

  "terminal:launch:after-missing": async ({ sandbox }) => {
    const made = await sandbox();
    const argv = ["clauderon-no-such-program"] as const;
    await made.startAgent({ launchId: randomUUID(), argv, mode: "terminal" }).catch(() => undefined);
    await launch(made, "exit 5");
    assert.equal((await made.agentExit()).exit?.exitCode, 5);
  },

  "terminal:launch:argv": async ({ sandbox }) => {
    const made = await sandbox();
    const values = ["two words", "it's", '"', "a\nb", "--", "", "$(echo no)", "`echo no`", "-n", "ünï→😀", "\\", "*"];
    await launch(made, 'for value in "$@"; do printf "%s\\0" "$value"; done > arguments', ...values);
    await made.agentExit();
    const seen = await script(made, 'tr "\\000" "\\001" < arguments');
    assert.deepEqual(seen.split("\u0001").slice(0, -1), values);
  },

  "terminal:launch:environment": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({
      ...scriptLaunch('printf "%s|%s" "$CONTRACT_SPEC" "$CONTRACT_LAUNCH" > seen'),
      environment: { CONTRACT_LAUNCH: "from the launch" },
    });
    await made.agentExit();
    assert.equal(await peek(made, "seen"), "from the spec|from the launch");
  },

  "terminal:launch:environment:override": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({
      ...scriptLaunch('printf "%s" "$CONTRACT_SPEC" > seen'),
      environment: { CONTRACT_SPEC: "from the launch" },
    });
    await made.agentExit();
    assert.equal(await peek(made, "seen"), "from the launch");
  },

  "terminal:launch:cwd": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "pwd -P > place");
    await made.agentExit();
    assert.equal(await script(made, 'cat "$1/place"', made.workspacePath), `${made.workspacePath}\n`);
  },

  "terminal:launch:is-terminal": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then printf yes > is; else printf no > is; fi");
    await made.agentExit();
    assert.equal(await peek(made, "is"), "yes");
  },

  "terminal:launch:size": async ({ sandbox }) => {
    const made = await sandbox();
    await made.startAgent({ ...scriptLaunch("stty size > size"), size: { columns: 101, rows: 31 } });
    await made.agentExit();
    assert.equal(await peek(made, "size"), "31 101\n");
  },

  "terminal:none": async ({ shared }) => {
    await rejectsWith((await shared()).agentTerminal(), "agent.ended");
  },

  "terminal:exit:code": async ({ sandbox }) => {
    const made = await sandbox();
    const told = await launch(made, "exit 7");
    const ended = await made.agentExit();
    assert.equal(ended.state, "exited");
    assert.equal(ended.launchId, told.launchId);
    assert.equal(ended.exit?.exitCode, 7);
    const { agent, state } = await made.inspect();
    assert.equal(agent.state, "exited");
    assert.equal(agent.exit?.exitCode, 7);
    assert.equal(state, "running", "the sandbox goes on without its agent");
  },

  "terminal:exit:signal": async ({ sandbox }) => {
    const made = await sandbox();
    await launch(made, "kill -KILL $$");
    assert.equal((await made.agentExit()).exit?.exitCode, 137);
  },

  "terminal:exit:waits": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    let isOver = false;
    const exit = made.agentExit().then((status) => {
      isOver = true;
      return status;
    });
    await script(made, "true");
    assert.equal(isOver, false, "agentExit waits for the end");
    await script(made, ": > go");
    assert.equal((await exit).exit?.exitCode, 0);
  },

  "terminal:exit:new-object": async ({ sandbox, reopen }) => {
    const made = await sandbox();
    await launch(made, "exit 9");
    await made.agentExit();
    const again = await reopen().open(made.sandboxId);
    assert.equal((await again?.agentExit())?.exit?.exitCode, 9);
  },
};
