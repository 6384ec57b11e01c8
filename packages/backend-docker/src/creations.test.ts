import type { Sandbox } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { Creations } from "./creations.ts";

function world() {
  const log: string[] = [];
  const finish = Promise.withResolvers<void>();
  const sandbox = { destroy: async () => void log.push("destroyed") } as unknown as Sandbox;
  const make = async (signal: AbortSignal) => {
    log.push("begun");
    await Promise.race([
      finish.promise,
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ]);
    return { sandbox, isNew: true };
  };
  return { log, finish, sandbox, make, creations: new Creations() };
}

describe("Creations of one sandbox", () => {
  it("are one however many ask", async () => {
    const { creations, finish, log, make, sandbox } = world();
    const both = [creations.run("s", make, undefined), creations.run("s", make, undefined)];
    finish.resolve();
    expect(await Promise.all(both)).toEqual([sandbox, sandbox]);
    expect(log).toEqual(["begun"]);
    await creations.run("s", make, undefined);
    expect(log).toEqual(["begun", "begun"]);
  });

  it("go on for those who still wait", async () => {
    const { creations, finish, log, make, sandbox } = world();
    const one = new AbortController();
    const left = creations.run("s", make, one.signal);
    const stays = creations.run("s", make, undefined);
    one.abort(new Error("enough"));
    await expect(left).rejects.toThrow("enough");
    finish.resolve();
    expect(await stays).toBe(sandbox);
    expect(log).toEqual(["begun"]);
  });

  it("are broken off when nobody waits, and the next begins after that", async () => {
    const { creations, finish, log, make, sandbox } = world();
    const one = new AbortController();
    const taken = Promise.withResolvers<void>();
    const slow = async (signal: AbortSignal) => {
      try {
        return await make(signal);
      } catch (error) {
        await taken.promise;
        log.push("taken back");
        throw error;
      }
    };
    const left = creations.run("s", slow, one.signal);
    one.abort(new Error("enough"));
    const next = creations.run("s", make, undefined);
    finish.resolve();
    taken.resolve();
    await expect(left).rejects.toThrow("enough");
    expect(await next).toBe(sandbox);
    expect(log).toEqual(["begun", "taken back", "begun"]);
  });

  it("that were faster than their end are destroyed", async () => {
    const { creations, log, sandbox } = world();
    const one = new AbortController();
    const made = Promise.withResolvers<void>();
    const deaf = async () => {
      await made.promise;
      return { sandbox, isNew: true };
    };
    const left = creations.run("s", deaf, one.signal);
    one.abort(new Error("enough"));
    made.resolve();
    await expect(left).rejects.toThrow("enough");
    expect(log).toEqual(["destroyed"]);
    const found = creations.run("s", async () => ({ sandbox, isNew: false }), AbortSignal.abort(new Error("before")));
    await expect(found).rejects.toThrow("before");
  });
});
