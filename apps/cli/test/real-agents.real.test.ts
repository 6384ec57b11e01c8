import { readFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { spawn as spawnPty } from "@lydell/node-pty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { mainProgram } from "./installation.ts";
import { eventually, modelRequests, RealAgentsWorld, whyMissing } from "./real-agents-world.ts";

const agents = ["claude", "codex", "gemini"] as const;
const backends = ["local", "zellij"] as const;
const required = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/);
const DETACH = "\u001c";
/** What a shell, a layout file or an option parser on the way would change. */
const AWKWARD = `--dash 'single' "double" $HOME \`id\` \\n {prompt} # // é 🙂 ;  %%`;

/** Where headless an agent may write; Claude Code as root does not bypass permissions. */
const headlessMode = { claude: "edits", codex: "bypass", gemini: "bypass" } as const;
const keyVariable = { claude: "ANTHROPIC_API_KEY", codex: "CODEX_API_KEY", gemini: "GEMINI_API_KEY" } as const;
const installHint = {
  claude: "npm install --global @anthropic-ai/claude-code",
  codex: "npm install --global @openai/codex",
  gemini: "npm install --global @google/gemini-cli",
} as const;

/** Whether a test runs: what is missing is told in a line, or fails when it is required. */
function whenThere(...needed: readonly string[]): typeof test | typeof test.skip {
  const missing = needed.find((what) => whyMissing(what) !== undefined);
  if (missing === undefined) return test;
  const isRequired = required.includes(missing) || (missing !== "zellij" && required.includes("agents"));
  if (!isRequired) process.stdout.write(`not run: ${needed.join(" on ")}: ${whyMissing(missing) ?? ""}\n`);
  return isRequired ? test : test.skip;
}

describe.each(backends)("on %s", (backend) => {
  let world: RealAgentsWorld;

  beforeAll(async () => {
    world = new RealAgentsWorld(backend);
    if (agents.some((agent) => whyMissing(agent) === undefined)) await world.prepare();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  describe.each(agents)("%s", (agent) => {
    const run = whenThere(agent, backend);

    run(
      "in a terminal: the prompt arrives once, stop and start resume the conversation, delete leaves nothing",
      async () => {
        const mark = `m${crypto.randomUUID().slice(0, 8)}`;
        const name = `${agent}-work`;
        const prompt = `${AWKWARD}\n%write hello.txt ${mark}\n%say done`;
        const options = ["--agent", agent, "--permission-mode", "edits", "--detach"];
        expect(await world.expect("create", name, "--prompt", prompt, ...options)).toBe(`${name}\n`);
        const { id, conversationId: planned } = await world.status(name);
        await eventually(async () => {
          const { stdout } = await world.cli(["exec", name, "--", "cat", "hello.txt"]);
          return stdout === `${mark}\n` ? true : undefined;
        }, "the agent wrote hello.txt").catch(async (error: unknown) => {
          throw new Error(await world.expect("logs", name), { cause: error });
        });
        expect(readFileSync(join(world.worktree(name), "hello.txt"), "utf8")).toBe(`${mark}\n`);
        expect(existsSync(join(world.repository, "hello.txt"))).toBe(false);
        const diff = await world.expect("diff", name);
        expect(diff).toContain("+++ b/hello.txt");
        expect(diff).toContain(`+${mark}`);
        // One turn for the file, one for the words after it.
        const asked = await eventually(async () => {
          const requests = await modelRequests(mark);
          return requests.length >= 2 ? requests : undefined;
        }, "the model was asked twice");
        expect(asked.map((request) => request.prompt?.trim())).toEqual([prompt, prompt]);
        expect(await world.status(name)).toMatchObject({ lifecycle: "running", agent, backend });
        expect(world.agentProcesses(String(id))).not.toEqual([]);
        // What the model said last stands in the agent's own file before it is stopped.
        await eventually(
          () => (world.conversations(mark).some(({ content }) => content.includes('"done"')) ? true : undefined),
          "the conversation is written",
        );

        await world.expect("stop", name);
        expect(await world.status(name)).toMatchObject({ lifecycle: "stopped" });
        expect(world.agentProcesses(String(id))).toEqual([]);

        await world.expect("start", name);
        const { conversationId } = await world.status(name);
        // Codex chooses the id itself: it is known from the first start after it.
        if (agent !== "codex") expect(conversationId).toBe(planned);
        const again = `a${crypto.randomUUID().slice(0, 8)}`;
        await type(world, name, { shown: mark, text: `%say ${again}` });
        await eventually(
          async () => ((await modelRequests(again)).length > 0 ? true : undefined),
          "the second prompt arrived",
        );
        expect(await modelRequests(mark)).toHaveLength(2);
        const files = await eventually(() => {
          const found = world.conversations(again);
          return found.length > 0 ? found : undefined;
        }, "the second prompt is written down");
        for (const { content } of [...files, ...world.conversations(mark)])
          expect(content).toContain(String(conversationId));
        expect(await world.status(name)).toMatchObject({ lifecycle: "running", conversationId });

        await world.expect("delete", name, "--discard", "--yes");
        await eventually(
          () => (world.agentProcesses(String(id)).length === 0 ? true : undefined),
          "the session's processes ended",
        );
        const left = world
          .agentProcesses()
          .filter(({ command }) => /codex|claude-code|gemini|\bclaude\b/.test(command));
        expect(left).toEqual([]);
        expect(existsSync(world.worktree(name))).toBe(false);
      },
    );

    run("headless: streams the answer, exits 0, has changed the file", async () => {
      const mark = `p${crypto.randomUUID().slice(0, 8)}`;
      const name = `${agent}-print`;
      const prompt = `%write printed.txt ${mark}\n%say done ${mark}`;
      const options = ["--agent", agent, "--permission-mode", headlessMode[agent], "--print"];
      const { code, stdout, stderr } = await world.cli(["create", name, "--prompt", prompt, ...options]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
      expect(stdout).toContain(`done ${mark}`);
      expect(await world.expect("diff", name)).toContain(`+${mark}`);
      expect(await modelRequests(mark)).toHaveLength(2);
      const status = await world.status(name);
      expect(status).toMatchObject({ lifecycle: "stopped", exitCode: 0 });
      await world.expect("delete", name, "--discard", "--yes");
      expect(world.agentProcesses(String(status["id"]))).toEqual([]);
    });

    run(
      "headless with a wrong key: exits as the agent did, the session is listed as failed with the reason",
      async () => {
        const name = `${agent}-refused`;
        const key = `${keyVariable[agent]}=wrong`;
        const ran = await world.cli(["create", name, "--prompt", "%say no", "--agent", agent, "--print", "--env", key]);
        expect(ran.code).toBeGreaterThan(0);
        const status = await world.status(name);
        expect(status).toMatchObject({
          lifecycle: "failed",
          error: { code: "agent.ended", why: expect.stringContaining(`code ${String(ran.code)}`) },
        });
        expect(JSON.parse(await world.expect("list", "--json"))).toContainEqual(
          expect.objectContaining({ name, state: "failed" }),
        );
        await world.expect("delete", name, "--discard", "--yes");
      },
    );

    run("not on PATH: the error names the command that installs it", async () => {
      const path = (world.environment["PATH"] ?? "").split(":").slice(1).join(":");
      const ran = await world.cli(["create", "missing", "--prompt", "x", "--agent", agent], { PATH: path });
      expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: "" });
      expect(ran.stderr).toContain(installHint[agent]);
      await world.cli(["delete", "missing", "--discard", "--yes"]);
    });
  });
});

interface Typed {
  /** What stands on the screen before anything is typed. */
  readonly shown: string;
  readonly text: string;
}

/** As a user does: attaches, waits for the conversation on the screen, writes a line, presses Enter, detaches. */
async function type(world: RealAgentsWorld, name: string, { shown, text }: Typed): Promise<void> {
  const [program, ...args] = mainProgram;
  const pty = spawnPty(program, [...args, "attach", name], {
    cols: 120,
    rows: 40,
    cwd: world.repository,
    env: world.environment,
  });
  let printed = "";
  pty.onData((data) => (printed += data));
  const exit = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode }) => {
      resolve(exitCode);
    });
  });
  const screen = () => stripVTControlCharacters(printed);
  try {
    await eventually(() => (screen().includes(shown) ? true : undefined), `${shown} on the screen`);
    // The agent takes keys once its input box is drawn; what it does not take is typed again.
    await eventually(async () => {
      printed = "";
      pty.write(`\u001b[200~${text}\u001b[201~`);
      await eventually(() => (screen().includes(text.slice(-6)) ? true : undefined), "the line is shown");
      return true;
    }, "the line in the input box");
    pty.write("\r");
    await eventually(async () => {
      if ((await modelRequests(text)).length > 0) return true;
      pty.write("\r");
      return undefined;
    }, "Enter was taken");
    pty.write(DETACH);
    expect(await exit).toBe(0);
  } catch (error) {
    throw new Error(`the terminal showed: ${screen().slice(-4000)}`, { cause: error });
  } finally {
    pty.kill();
  }
}
