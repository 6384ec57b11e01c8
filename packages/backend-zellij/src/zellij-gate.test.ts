import { expect, it } from "vitest";

import { ZellijGate } from "./zellij-gate.ts";

it("runs commands together, births alone and in turn, and goes on after a failure", async () => {
  const gate = new ZellijGate();
  const events: string[] = [];
  const release = Promise.withResolvers<void>();
  const note = (name: string, wait?: Promise<void>) => async () => {
    events.push(`${name} in`);
    await wait;
    events.push(`${name} out`);
  };
  const first = gate.command(note("a", release.promise));
  const second = gate.command(note("b", release.promise));
  const birth = gate.birth(note("birth"));
  const failing = gate.birth(() => Promise.reject(new Error("stillborn")));
  const last = gate.command(note("c"));
  release.resolve();
  await expect(failing).rejects.toThrow("stillborn");
  await Promise.all([first, second, birth, last]);
  expect(events.slice(0, 2)).toEqual(["a in", "b in"]);
  expect(events.slice(4)).toEqual(["birth in", "birth out", "c in", "c out"]);
});
