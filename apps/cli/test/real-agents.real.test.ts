import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { AttachedView } from "./attached-view.ts";
import { eventually, modelRequests, RealAgentsWorld, whyMissing } from "./real-agents-world.ts";

const agents = ["claude", "codex", "gemini"] as const;
const backends = ["local", "zellij"] as const;
const required = (process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/);
/** What a shell, a layout file or an option parser on the way would change. */
const AWKWARD = `--dash 'single' "double" $HOME \`id\` \\n {prompt} # // é 🙂 ;  %%`;

/** How an agent may write without a terminal; Claude Code as root does not bypass permissions. */
const headlessMode = { claude: "edits", codex: "bypass", gemini: "bypass" } as const;
const keyVariable = { claude: "ANTHROPIC_API_KEY", codex: "CODEX_API_KEY", gemini: "GEMINI_API_KEY" } as const;
const model = { claude: "claude-haiku-4-5", codex: "gpt-5.1-codex", gemini: "gemini-2.5-pro" } as const;
const installHint = {
  claude: "npm install --global @anthropic-ai/claude-code",
  codex: "npm install --global @openai/codex",
  gemini: "npm install --global @google/gemini-cli",
} as const;

const newMark = (): string => `m${crypto.randomUUID().slice(0, 8)}`;

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

    /** A session whose agent has done what its prompt says: wrote a file with the mark, and ended its turn. */
    const work = async (name: string, mark: string): Promise<void> => {
      const prompt = `${AWKWARD}\n%write hello.txt ${mark}\n%say done`;
      const options = ["--agent", agent, "--permission-mode", "edits", "--detach"];
      expect(await world.expect("create", name, `--prompt=${prompt}`, ...options)).toBe(`${name}\n`);
      await eventually(async () => {
        const { stdout } = await world.cli(["exec", name, "--", "cat", "hello.txt"]);
        return stdout === `${mark}\n` ? true : undefined;
      }, "the agent wrote hello.txt").catch(async (error: unknown) => {
        throw new Error(await world.expect("logs", name), { cause: error });
      });
      await writtenDown(mark);
      // One turn for the file, one for the words after it.
      const asked = (await modelRequests(mark)).map((request) => request.prompt?.trim());
      expect(asked).toEqual([prompt, prompt]);
    };

    /** The model's last words stand in the agent's own file. */
    const writtenDown = async (mark: string): Promise<void> => {
      await eventually(
        () => (world.conversations(mark).some(({ content }) => content.includes('"done"')) ? true : undefined),
        "the conversation is written down",
      );
    };

    /** Starts it again: what was said is on the screen, what is written now belongs to the same conversation. Resolves with its id. */
    const resume = async (name: string, mark: string): Promise<unknown> => {
      await world.expect("start", name);
      const { conversationId } = await world.status(name);
      const next = newMark();
      using view = new AttachedView(world, name);
      await view.until(mark);
      await view.prompt(`%say ${next}`);
      expect(await view.detach()).toBe(0);
      const files = await eventually(() => {
        const found = world.conversations(next);
        return found.length > 0 ? found : undefined;
      }, "the second prompt is written down");
      for (const { content } of [...files, ...world.conversations(mark)])
        expect(content).toContain(String(conversationId));
      expect(await modelRequests(mark)).toHaveLength(2);
      expect(await world.status(name)).toMatchObject({ lifecycle: "running", conversationId });
      return conversationId;
    };

    run("in a terminal: the prompt arrives once, stop and start resume, delete leaves nothing", async () => {
      const mark = newMark();
      const name = `${agent}-work`;
      await work(name, mark);
      const { id, conversationId: planned } = await world.status(name);
      expect(existsSync(join(world.repository, "hello.txt"))).toBe(false);
      const diff = await world.expect("diff", name);
      expect(diff).toContain("+++ b/hello.txt");
      expect(diff).toContain(`+${mark}`);
      expect(await world.status(name)).toMatchObject({ lifecycle: "running", agent, backend });
      expect(world.agentProcesses(String(id))).not.toEqual([]);

      await world.expect("stop", name);
      expect(await world.status(name)).toMatchObject({ lifecycle: "stopped" });
      expect(world.agentProcesses(String(id))).toEqual([]);

      const conversationId = await resume(name, mark);
      // Codex chooses the id itself: it is known from the first start after it.
      if (agent !== "codex") expect(conversationId).toBe(planned);

      await world.expect("delete", name, "--discard", "--yes");
      expect(world.agentProcesses(String(id))).toEqual([]);
      // Nor does anything stay that has dropped the session's marks.
      const left = world.agentProcesses().filter(({ command }) => /claude(?!ron)|codex|gemini/.test(command));
      expect(left).toEqual([]);
      expect(existsSync(world.worktree(name))).toBe(false);
    });

    if (backend === "zellij") {
      run("killed with zellij: is listed as failed, start resumes the conversation", async () => {
        const mark = newMark();
        const name = `${agent}-killed`;
        await work(name, mark);
        await world.zellij("kill-session", `clauderon-${name}`);
        await world.expect("wait", name, "--for", "status=failed", "--timeout", "120s");
        const { id, error } = await world.status(name);
        expect(JSON.stringify(error)).toContain(`clauderon start ${name}`);
        expect(world.agentProcesses(String(id))).toEqual([]);
        await resume(name, mark);
        await world.expect("delete", name, "--discard", "--yes");
        expect(world.agentProcesses(String(id))).toEqual([]);
      });
    }

    run("stopped in the middle of an answer: start resumes without the prompt", async () => {
      const mark = newMark();
      const name = `${agent}-interrupted`;
      const prompt = `%stream 600 100\n%say done ${mark}`;
      await world.expect("create", name, `--prompt=${prompt}`, "--agent", agent, "--detach");
      await eventually(
        async () => (/tick 5\b/.test(await world.expect("logs", name)) ? true : undefined),
        "the answer has begun",
      );
      await world.expect("stop", name);
      const { id } = await world.status(name);
      expect(world.agentProcesses(String(id))).toEqual([]);
      await world.expect("start", name);
      const next = newMark();
      using view = new AttachedView(world, name);
      await view.until(mark);
      await view.prompt(`%say ${next}`);
      expect(await view.detach()).toBe(0);
      // Gemini puts an unanswered prompt and the next one into one request; the first alone was sent once.
      const alone = (await modelRequests(mark)).filter((request) => request.prompt?.trim() === prompt);
      expect(alone).toHaveLength(1);
      await world.expect("delete", name, "--discard", "--yes");
    });

    run("goes on while the daemon is killed, and is not asked again by the next one", async () => {
      const mark = newMark();
      const name = `${agent}-alone`;
      const prompt = `%stream 20 100\n%write late.txt ${mark}\n%say done`;
      const options = ["--agent", agent, "--permission-mode", "edits", "--detach"];
      await world.expect("create", name, `--prompt=${prompt}`, ...options);
      await eventually(async () => ((await modelRequests(mark)).length > 0 ? true : undefined), "the model is asked");
      process.kill(await world.daemonPid(), "SIGKILL");
      const path = join(world.worktree(name), "late.txt");
      await eventually(
        () => (existsSync(path) && readFileSync(path, "utf8") !== "" ? true : undefined),
        "the agent wrote late.txt",
      );
      expect(readFileSync(path, "utf8")).toBe(`${mark}\n`);
      expect(await world.status(name)).toMatchObject({ lifecycle: "running" });
      await writtenDown(mark);
      expect(await modelRequests(mark)).toHaveLength(2);
      await world.expect("delete", name, "--discard", "--yes");
    });

    run("headless: streams the answer of the model that was chosen, exits 0, has changed the file", async () => {
      const mark = newMark();
      const name = `${agent}-print`;
      const prompt = `%write printed.txt ${mark}\n%say done ${mark}`;
      const options = ["--agent", agent, "--permission-mode", headlessMode[agent], "--model", model[agent], "--print"];
      // Throws with what was said when it does not exit 0.
      const answer = await world.expect("create", name, "--prompt", prompt, ...options);
      expect(answer).toContain(`done ${mark}`);
      expect(await world.expect("diff", name)).toContain(`+${mark}`);
      expect((await modelRequests(mark)).map((request) => request.model)).toEqual([model[agent], model[agent]]);
      const status = await world.status(name);
      expect(status).toMatchObject({ lifecycle: "stopped", exitCode: 0 });
      expect(world.agentProcesses(String(status["id"]))).toEqual([]);
      // Started again, it goes on in a terminal.
      await resume(name, mark);
      await world.expect("delete", name, "--discard", "--yes");
      expect(world.agentProcesses(String(status["id"]))).toEqual([]);
    });

    if (backend === "local") {
      run("headless with the prompt of standard input: arrives byte for byte", async () => {
        const mark = newMark();
        const name = `${agent}-stdin`;
        const prompt = `${AWKWARD}\n\n\tsecond ${mark}\n%say done ${mark}`;
        const argv = ["create", name, "--prompt-file", "-", "--agent", agent, "--print"];
        const ran = await world.cli(argv, { input: prompt });
        expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining(`done ${mark}`) });
        expect((await modelRequests(mark)).map((request) => request.prompt)).toEqual([prompt]);
        await world.expect("delete", name, "--discard", "--yes");
      });

      // The control is the test before: with the same permissions and without --plan-mode the file is written.
      run("headless in plan mode: answers, writes nothing", async () => {
        const mark = newMark();
        const name = `${agent}-plan`;
        const prompt = `%write planned.txt ${mark}\n%say done ${mark}`;
        const options = ["--agent", agent, "--permission-mode", headlessMode[agent], "--plan-mode", "--print"];
        const ran = await world.cli(["create", name, "--prompt", prompt, ...options]);
        expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining(`done ${mark}`) });
        // It was asked to write, and its refusal went back to the model.
        expect(await modelRequests(mark)).toHaveLength(2);
        expect(existsSync(join(world.worktree(name), "planned.txt"))).toBe(false);
        expect(await world.expect("diff", name)).toBe("");
        if (agent === "codex") expect(ran.stderr).toContain("Codex has no flag for plan mode");
        expect(await world.status(name)).toMatchObject({ lifecycle: "stopped", exitCode: 0, isPlanMode: true });
        await world.expect("delete", name, "--discard", "--yes");
      });
    }

    run("headless with a wrong key: exits as the agent did, is listed as failed with the reason", async () => {
      const name = `${agent}-refused`;
      const key = `${keyVariable[agent]}=wrong`;
      const ran = await world.cli(["create", name, "--prompt", "%say no", "--agent", agent, "--print", "--env", key]);
      expect(ran.code).toBeGreaterThan(0);
      const status = await world.status(name);
      expect(status).toMatchObject({
        lifecycle: "failed",
        error: { code: "agent.ended", why: expect.stringContaining(`code ${String(ran.code)}`) },
      });
      const listed: unknown = JSON.parse(await world.expect("list", "--json"));
      expect(listed).toContainEqual(expect.objectContaining({ name, state: "failed" }));
      await world.expect("delete", name, "--discard", "--yes");
    });

    run("not on PATH: the error names the command that installs it", async () => {
      const path = (world.environment["PATH"] ?? "").split(":").slice(1).join(":");
      const ran = await world.cli(["create", "missing", "--prompt", "x", "--agent", agent], {
        environment: { PATH: path },
      });
      expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: "" });
      expect(ran.stderr).toContain(installHint[agent]);
      await world.cli(["delete", "missing", "--discard", "--yes"]);
    });
  });

  whenThere("claude", backend)(
    "Claude Code's question about trust waits, its answer lets the prompt through",
    async () => {
      const mark = newMark();
      const name = "trust";
      const stranger = { environment: { CLAUDE_CONFIG_DIR: world.claudeDirectory("unanswered") } };
      const created = await world.cli(["create", name, `--prompt=%say ${mark}`, "--detach"], stranger);
      expect(created).toMatchObject({ code: 0, stderr: expect.stringContaining("clauderon init") });
      const isAsking = async (): Promise<void> => {
        await eventually(
          async () => (/Yes, I trust/.test(await world.expect("logs", name)) ? true : undefined),
          "the question",
        );
        expect(await world.status(name)).toMatchObject({ lifecycle: "running" });
        expect(await modelRequests(mark)).toEqual([]);
      };
      await isAsking();
      await world.expect("stop", name);
      // It never began its conversation: starting it again is a start with the prompt.
      expect((await world.cli(["start", name], stranger)).code).toBe(0);
      await isAsking();
      using view = new AttachedView(world, name);
      await view.until("Yes, I trust");
      await view.enterUntilAsked(mark);
      expect(await view.detach()).toBe(0);
      expect(await modelRequests(mark)).toHaveLength(1);
      await world.expect("delete", name, "--discard", "--yes");
    },
  );
});
