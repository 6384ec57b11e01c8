import { expect, it } from "vitest";

import { soundSecret, startFaultyHome } from "./secret-faults.fixture.ts";

it("E a vault that does not answer: the client waits for it no longer than ten seconds, others not at all", async () => {
  await using home = await startFaultyHome({ op: "exec sleep 3600" });
  const slow = home.ask("anthropic");
  const first = await Promise.race([slow, home.ask("openai")]);
  expect(first).toMatchObject({ status: 200 });
  expect(home.keys).toEqual([`Bearer ${soundSecret}`]);
  const { status, text } = await slow;
  expect(status).toBe(503);
  expect(text).toContain(
    'clauderon: The credential "anthropic" could not be read\nfix: clauderon config credentials test anthropic\n',
  );
  expect(text).not.toContain("op://");
  expect(home.log()).toContain("did not answer within 10 s");
  expect(home.log()).toContain("unlock 1Password");
});
