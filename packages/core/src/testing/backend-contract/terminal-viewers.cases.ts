import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { isTokenAlive, peek, rejectsWith, script } from "../contract-commands.ts";
import type { ContractCases } from "../contract-context.ts";
import { launch, scriptLaunch, type, view } from "./agent-helpers.ts";
import { loop } from "./scripts.ts";
import { echoAgent, sizeAgent, twoPartAgent } from "./terminal-agents.ts";
import { untilWritten } from "./until-written.ts";

export const terminalViewersCases: ContractCases = {
  "terminal:input": async (context) => {
    const made = await context.sandbox();
    await launch(made, echoAgent);
    const reader = await view(made);
    await context.until("ready", () => reader.text().includes("ready"));
    await type(reader, "hello-agent\r");
    await context.until("the answer", () => reader.text().includes("<hello-agent>"));
    assert.equal(await peek(made, "heard"), "hello-agent\n");
    await reader.stream.close();
  },

  "terminal:input:64-kibibytes": async (context) => {
    const made = await context.sandbox();
    await launch(made, 'stty raw -echo; printf "ready\\n"; head -c 65536 | sha256sum | cut -c 1-64 > sum');
    const reader = await view(made);
    await context.until("ready", () => reader.text().includes("ready"));
    const text = Array.from({ length: 65_536 }, (_, index) => "abcdefghijklmnopqrstuvwxyz"[(index * 7) % 26]).join("");
    await type(reader, text);
    const sum = createHash("sha256").update(text).digest("hex");
    assert.equal(await untilWritten(context, made, { path: "sum" }), `${sum}\n`);
    await reader.stream.close();
  },

  "terminal:input:interrupt": async (context) => {
    const made = await context.sandbox();
    await launch(made, 'trap "printf yes > interrupted; exit 3" INT; printf "ready\\n"; while :; do sleep 0.05; done');
    const reader = await view(made);
    await context.until("ready", () => reader.text().includes("ready"));
    await type(reader, "\u0003");
    assert.equal((await made.agentExit()).exit?.exitCode, 3);
    assert.equal(await peek(made, "interrupted"), "yes");
    await reader.stream.close();
  },

  "terminal:input:ended": async (context) => {
    const made = await context.sandbox();
    await launch(made, twoPartAgent);
    const reader = await view(made);
    await script(made, ": > go");
    await made.agentExit();
    await reader.stream.ended;
    await rejectsWith(type(reader, "too late\r"), "agent.ended");
    await reader.stream.close();
  },

  "terminal:resize": async (context) => {
    const made = await context.sandbox();
    await launch(made, sizeAgent);
    const reader = await view(made);
    await untilWritten(context, made, { path: "first" });
    await reader.stream.resize({ columns: 97, rows: 37 });
    await untilWritten(context, made, { path: "sizes", lastLine: "37 97" });
    await reader.stream.close();
  },

  "terminal:resize:once": async (context) => {
    const made = await context.sandbox();
    const size = { columns: 90, rows: 30 };
    await made.startAgent({ ...scriptLaunch(sizeAgent), size });
    const reader = await view(made, { size });
    const first = await untilWritten(context, made, { path: "first" });
    // A SIGWINCH of the beginning must be over: one that waits for the agent would bring it the next size.
    if (first !== "30 90\n") await untilWritten(context, made, { path: "sizes", lastLine: "30 90" });
    await context.until("ready", () => reader.text().includes("ready"));
    await reader.stream.resize({ columns: 97, rows: 37 });
    await untilWritten(context, made, { path: "sizes", lastLine: "37 97" });
    await reader.stream.resize({ columns: 97, rows: 37 });
    await reader.stream.resize({ columns: 98, rows: 38 });
    const sizes = (await untilWritten(context, made, { path: "sizes", lastLine: "38 98" })).split("\n");
    assert.deepEqual(
      sizes.filter((line) => !line.startsWith("30 90")),
      ["37 97", "38 98", ""],
    );
    await reader.stream.close();
  },

  "terminal:view:size": async (context) => {
    const made = await context.sandbox();
    await launch(made, sizeAgent);
    await untilWritten(context, made, { path: "first" });
    const reader = await view(made, { size: { columns: 93, rows: 33 } });
    await untilWritten(context, made, { path: "sizes", lastLine: "33 93" });
    await reader.stream.close();
  },

  "terminal:viewers:two": async (context) => {
    const made = await context.sandbox();
    await launch(made, echoAgent);
    const [one, two] = await Promise.all([view(made), view(made)]);
    await context.until("ready", () => one.text().includes("ready"));
    await type(one, "from-the-first\r");
    await type(two, "from-the-second\r");
    for (const reader of [one, two]) {
      await context.until("both lines", () => /<from-the-first>[^]*<from-the-second>/.test(reader.text()));
    }
    if (context.backend.capabilities.terminal === "bytes") {
      await context.until("the same bytes", () => one.bytes().equals(two.bytes()));
    }
    await Promise.all([one.stream.close(), two.stream.close()]);
  },

  "terminal:viewers:one-leaves": async (context) => {
    const made = await context.sandbox();
    await launch(made, echoAgent);
    const [one, two] = await Promise.all([view(made), view(made)]);
    await context.until("ready", () => two.text().includes("ready"));
    await one.stream.close();
    await type(two, "still-here\r");
    await context.until("the answer", () => two.text().includes("<still-here>"));
    await two.stream.close();
  },

  "terminal:viewers:all-leave": async (context) => {
    const made = await context.sandbox();
    const word = context.token();
    await made.startAgent({ ...scriptLaunch(echoAgent), argv: ["sh", "-c", echoAgent, word] });
    const first = await view(made);
    await context.until("ready", () => first.text().includes("ready"));
    await first.stream.close();
    assert.equal(await isTokenAlive(made, word), true);
    const second = await view(made);
    await type(second, "again\r");
    await context.until("the answer", () => second.text().includes("<again>"));
    await second.stream.close();
  },

  "terminal:backend:new-object": async (context) => {
    const { reopen } = context;
    const before = reopen();
    const asked = await context.spec();
    context.track(asked);
    const made = await before.create(asked);
    const told = await launch(made, echoAgent);
    const first = await view(made);
    await context.until("ready", () => first.text().includes("ready"));
    await before.close();
    const found = await reopen().open(asked.sandboxId);
    assert.ok(found);
    const { agent } = await found.inspect();
    assert.equal(agent.state, "running");
    assert.equal(agent.launchId, told.launchId);
    assert.equal(agent.processId, told.processId);
    const second = await view(found);
    await type(second, "after-restart\r");
    await context.until("the answer", () => second.text().includes("<after-restart>"));
    assert.equal(await peek(found, "heard"), "after-restart\n");
    await second.stream.close();
  },

  "terminal:close": async (context) => {
    const made = await context.sandbox();
    await launch(made, loop);
    const reader = await view(made);
    await reader.stream.close();
    await reader.stream.close();
    await reader.done;
    assert.equal(await reader.stream.ended, undefined);
    assert.equal((await made.inspect()).agent.state, "running");
  },
};
