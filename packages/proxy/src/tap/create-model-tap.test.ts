import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { promptHash } from "./prompt-hash.ts";
import {
  vendors,
  recording,
  contextOf,
  watch,
  replay,
  pieces,
  types,
  find,
  merged,
  characters,
  tools,
} from "./tap-exchange.fixture.ts";

describe.each(vendors)("The tap on %s", (vendor) => {
  it("tells a plain answer: started with the prompt's hash, text, usage, ended", () => {
    const say = recording(`${vendor}-say`);
    const events = replay(vendor, say);
    expect(types(events)).toEqual(["turn.started", "text", "usage", "turn.ended"]);
    expect(find(events, "turn.started")).toMatchObject({
      promptHash: promptHash(say.prompt),
      cause: "prompt",
      isSideCall: false,
    });
    expect(characters(events)).toBe('Grüße, "friend"'.length);
    expect(find(events, "usage")?.usage).toEqual({
      inputTokens: 1200,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      longCacheWriteTokens: 0,
      outputTokens: 34,
      isEstimated: false,
    });
    expect(find(events, "usage")?.model).toBe(
      { anthropic: "claude-sonnet-5", openai: "gpt-5.1-codex", gemini: "gemini-3.8-flash" }[vendor],
    );
    expect(find(events, "turn.ended")?.reason).toBe("end");
  });

  it.each(["", "-whole"])("tells a tool's name and that the agent goes on (run%s)", (suffix) => {
    const events = replay(vendor, recording(`${vendor}-run${suffix}`));
    expect(types(events)).toEqual(["turn.started", "text", "tool.use", "usage", "turn.ended"]);
    expect(find(events, "tool.use")?.name).toBe(tools[vendor]);
    expect(find(events, "turn.ended")?.reason).toBe("tool-use");
    expect(find(events, "usage")?.usage).toMatchObject({ inputTokens: 900, outputTokens: 55, isEstimated: false });
  });

  it("tells an overload by its class", () => {
    const events = replay(vendor, recording(`${vendor}-overload`));
    expect(types(events)).toEqual(["turn.started", "error", "turn.ended"]);
    expect(find(events, "error")).toMatchObject({ class: "overloaded", status: 529 });
    expect(find(events, "turn.ended")?.reason).toBe("failed");
  });

  it("tells the same however the bytes are split", () => {
    const names = ["say", "run", "run-whole", "ask", "overload", "stream"].map((name) =>
      recording(`${vendor}-${name}`),
    );
    const whole = new Map(names.map((one) => [one, merged(replay(vendor, one))]));
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
        (one, sizes) => {
          expect(merged(replay(vendor, one, sizes))).toEqual(whole.get(one));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("never throws on garbage", () => {
    const { path, contentType, request, answer } = recording(`${vendor}-run`);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(answer.length), (garbage, at) => {
        const bytes = Buffer.concat([Buffer.from(answer.slice(0, at)), garbage, Buffer.from(answer.slice(at))]);
        const events = watch({
          context: contextOf(vendor, path),
          request: [garbage, Buffer.from(request)],
          headers: { "content-type": contentType },
          answer: pieces(bytes, [50]),
        });
        expect(events.filter(({ type }) => type === "turn.ended").length).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  it("estimates what an answer cost that the user stopped", () => {
    const { path, contentType, request, answer } = recording(`${vendor}-stream`);
    const events = watch({
      context: contextOf(vendor, path),
      request: [Buffer.from(request)],
      headers: { "content-type": contentType },
      answer: [Buffer.from(answer.slice(0, answer.length / 2))],
      outcome: "aborted-by-client",
    });
    expect(find(events, "turn.ended")?.reason).toBe("aborted");
    expect(find(events, "usage")?.usage).toMatchObject({ isEstimated: true });
    expect(find(events, "usage")?.usage.outputTokens).toBeGreaterThanOrEqual(Math.ceil(characters(events) / 4));
  });

  it("tells a stream that broke", () => {
    const { path, contentType, request, answer } = recording(`${vendor}-stream`);
    const events = watch({
      context: contextOf(vendor, path),
      request: [Buffer.from(request)],
      headers: { "content-type": contentType },
      answer: [Buffer.from(answer.slice(0, 400))],
      outcome: "failed-upstream",
    });
    expect(find(events, "error")?.class).toBe("network");
    expect(find(events, "turn.ended")?.reason).toBe("failed");
  });
});
