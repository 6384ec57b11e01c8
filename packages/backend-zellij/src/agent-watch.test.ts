import { describe, expect, it } from "vitest";

import { AgentWatch } from "./agent-watch.ts";

describe("the watch", () => {
  it("resolves without a look later when it is so already", async () => {
    let looks = 0;
    await new AgentWatch().until(() => ++looks > 0);
    expect(looks).toBe(1);
  });

  it("resolves each who waits by its own probe", async () => {
    const watch = new AgentWatch();
    const done: string[] = [];
    let [first, second] = [false, false];
    const waits = [
      watch.until(() => first).then(() => done.push("first")),
      watch.until(() => second).then(() => done.push("second")),
    ];
    second = true;
    await waits[1];
    expect(done).toEqual(["second"]);
    first = true;
    await waits[0];
    expect(done).toEqual(["second", "first"]);
  });

  it("rejects with the reason of an abort, and looks no more", async () => {
    const controller = new AbortController();
    let looks = 0;
    const watch = new AgentWatch();
    const wait = watch.until(() => ++looks < 0, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(wait).rejects.toBe(reason);
    const atAbort = looks;
    await watch.until(() => ++looks > atAbort + 1);
    expect(looks).toBe(atAbort + 2);
  });

  it("rejects at once with a signal that has aborted", async () => {
    const signal = AbortSignal.abort(new Error("before"));
    await expect(new AgentWatch().until(() => true, { signal })).rejects.toThrow("before");
  });

  it("rejects with the probe's own error and goes on for the others", async () => {
    const watch = new AgentWatch();
    let [isBroken, isDone] = [false, false];
    const broken = watch.until(() => {
      if (isBroken) throw new Error("broken probe");
      return false;
    });
    const other = watch.until(() => isDone);
    isBroken = true;
    await expect(broken).rejects.toThrow("broken probe");
    isDone = true;
    await other;
  });
});
