import fc from "fast-check";
import { expect, test } from "vitest";

import { AgentHome, agentNamed } from "./agent-home.ts";

const hard = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    "--",
    "-",
    "--resume",
    "resume",
    "=",
    "''",
    '"',
    "\n",
    "\\",
    "$(id)",
    "`id`",
    "@file",
    "/exit",
    "{prompt}",
    "%say x\n--model=y",
  ),
);
const prompts = fc
  .array(hard, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""))
  .filter((text) => text !== "" && !text.includes("\0"));

/** The prompt as the agent's own reading of its command line gives it. */
const readPrompt: Readonly<Record<string, (argv: readonly string[]) => readonly string[]>> = {
  claude: (argv) => argv.slice(argv.indexOf("--") + 1),
  codex: (argv) => argv.slice(argv.indexOf("--") + 1),
  gemini: (argv) => argv.flatMap((argument) => /^--prompt(?:-interactive)?=([^]*)$/.exec(argument)?.slice(1) ?? []),
  mine: (argv) => argv.slice(2),
};

test.each(Object.keys(readPrompt))("%s gets any prompt as one argument, unchanged", async (name) => {
  using home = new AgentHome();
  home.program(name);
  const agent = agentNamed(name, { mine: { command: ["mine", "--run"] } });
  await fc.assert(
    fc.asyncProperty(prompts, fc.boolean(), async (prompt, isHeadless) => {
      const { argv } = await agent.plan(home.request({ prompt, isHeadless }));
      const words = argv.slice(0, -1);
      expect(readPrompt[name]?.(argv)).toEqual([prompt]);
      expect(words.filter((word) => word === "--").length).toBe(name === "claude" || name === "codex" ? 1 : 0);
      const without = await agent.plan(home.request({ isHeadless }));
      expect(words.filter((word) => word !== "--")).toEqual(without.argv);
    }),
    { numRuns: 60 },
  );
});
