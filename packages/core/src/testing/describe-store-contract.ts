import type { SessionEventBody, SessionState, SessionStore } from "../contract/index.ts";
import { sampleSessionState } from "./sample-session-state.ts";
import { vitestFunctions } from "./vitest-functions.ts";

/** What is checked, and how one is made: empty, for each case a new one. */
export interface StoreContractOptions {
  readonly name: string;
  create(): Promise<SessionStore>;
}

const AT = "2026-01-02T03:04:05.000Z";
const adopted: SessionEventBody = { type: "session.adopted" };

/** Registers the cases every `SessionStore` passes. */
export function describeStoreContract(options: StoreContractOptions): void {
  const { afterEach, beforeEach, describe, expect, test } = vitestFunctions();
  describe(`${options.name} keeps the store contract`, () => {
    let store: SessionStore;

    beforeEach(async () => {
      store = await options.create();
    });

    afterEach(async () => {
      await store.close();
    });

    const save = (state: SessionState, expectedRevision = 0) =>
      store.append({
        sessionId: state.id,
        sessionName: state.name,
        at: AT,
        events: [adopted],
        state,
        expectedRevision,
      });

    const remove = (state: SessionState, expectedRevision = state.revision) =>
      store.append({
        sessionId: state.id,
        sessionName: state.name,
        at: AT,
        events: [{ type: "session.deleted", kept: [] }],
        state: undefined,
        expectedRevision,
      });

    test("an empty store has nothing", async () => {
      expect(await store.list()).toEqual([]);
      expect(await store.get("x")).toBeUndefined();
      expect(await store.getByName("x")).toBeUndefined();
      expect(await store.getByIdempotencyKey("x")).toBeUndefined();
      expect(await store.getFact("x")).toBeUndefined();
      expect(await store.lastCursor()).toBe(0);
      expect(await store.events(0)).toEqual({ events: [], isGap: false });
    });

    test("a state is found by id, name and idempotency key, as it was stored", async () => {
      const state = sampleSessionState({
        idempotencyKey: "key-1",
        request: {
          prompt: "quotes ' \" `, newline\n, NUL \0, unicode 🙂 \ud800",
          isPlanMode: true,
          permissionMode: "bypass",
          isHeadless: true,
        },
        operation: { kind: "create", operationId: "operation-1", receipts: ["workspace", "sandbox"] },
        error: { code: "agent.ended", message: "it ended", fix: ["start it"], retryable: false },
      });
      await save(state);
      expect(await store.get(state.id)).toEqual(state);
      expect(await store.getByName(state.name)).toEqual(state);
      expect(await store.getByIdempotencyKey("key-1")).toEqual(state);
    });

    test("what is handed out is not the store's own", async () => {
      const notices = ["first"];
      await save(sampleSessionState({ notices }));
      notices.push("second");
      expect((await store.getByName("sample"))?.notices).toEqual(["first"]);
    });

    test("list is newest first, whatever the clocks say and whatever changes later", async () => {
      await save(sampleSessionState({ name: "one", createdAt: "2030-01-01T00:00:00.000Z" }));
      await save(sampleSessionState({ name: "two", createdAt: "2020-01-01T00:00:00.000Z" }));
      await save(sampleSessionState({ name: "three", createdAt: "2025-01-01T00:00:00.000Z" }));
      await save(sampleSessionState({ name: "one", revision: 2 }), 1);
      expect((await store.list()).map((state) => state.name)).toEqual(["three", "two", "one"]);
    });

    test("events get growing cursors over all sessions and come back as stored", async () => {
      const first = await save(sampleSessionState({ name: "one" }));
      const second = await store.append({
        sessionId: "id-of-one",
        sessionName: "one",
        at: AT,
        events: [{ type: "session.stopped", exitCode: 3 }, adopted],
        state: sampleSessionState({ name: "one", revision: 3 }),
        expectedRevision: 1,
      });
      const third = await save(sampleSessionState({ name: "two" }));
      const all = [...first, ...second, ...third];
      expect(all).toHaveLength(4);
      expect(all.map((event) => event.cursor)).toEqual(all.map((event) => event.cursor).toSorted((a, b) => a - b));
      expect(new Set(all.map((event) => event.cursor)).size).toBe(4);
      expect(all[1]).toMatchObject({ sessionId: "id-of-one", sessionName: "one", at: AT });
      expect(all[1]?.body).toEqual({ type: "session.stopped", exitCode: 3 });
      expect(await store.events(0)).toEqual({ events: all, isGap: false });
      expect(await store.lastCursor()).toBe(all.at(-1)?.cursor);
    });

    test("events are read from a cursor, at most as many as asked", async () => {
      const stored = [];
      for (const name of ["a", "b", "c", "d"]) stored.push(...(await save(sampleSessionState({ name }))));
      const [first, second, third, last] = stored.map((event) => event.cursor);
      const page = await store.events(first ?? 0, { limit: 2 });
      expect(page.events.map((event) => event.cursor)).toEqual([second, third]);
      expect((await store.events(last ?? 0)).events).toEqual([]);
    });

    test("a second session of the name is refused, nothing of it is stored", async () => {
      await save(sampleSessionState({ id: "first" }));
      const cursor = await store.lastCursor();
      await expect(save(sampleSessionState({ id: "second" }))).rejects.toMatchObject({ code: "session.name-taken" });
      expect(await store.get("second")).toBeUndefined();
      expect(await store.lastCursor()).toBe(cursor);
    });

    test("a row that exists already is not created again", async () => {
      await save(sampleSessionState());
      await expect(save(sampleSessionState({ agent: "codex" }))).rejects.toMatchObject({ code: "session.wrong-state" });
      expect((await store.getByName("sample"))?.agent).toBe("claude");
    });

    test.each([0, 1, 3])("revision %i expected where it is 2: refused, nothing is stored", async (expected) => {
      await save(sampleSessionState({ revision: 2 }));
      const cursor = await store.lastCursor();
      const next = sampleSessionState({ revision: 3, lifecycle: "stopped" });
      await expect(save(next, expected)).rejects.toMatchObject({ code: "session.wrong-state" });
      await expect(remove(next, expected)).rejects.toMatchObject({ code: "session.wrong-state" });
      expect((await store.getByName("sample"))?.lifecycle).toBe("running");
      expect(await store.lastCursor()).toBe(cursor);
    });

    test("a row that does not exist is not changed", async () => {
      await expect(save(sampleSessionState({ revision: 2 }), 1)).rejects.toMatchObject({ code: "session.wrong-state" });
      expect(await store.list()).toEqual([]);
    });

    test("of appends at once that expect the same revision, one wins", async () => {
      await save(sampleSessionState());
      const tries = Array.from({ length: 10 }, (_, index) =>
        save(sampleSessionState({ revision: 2, notices: [`writer ${index}`] }), 1),
      );
      const outcomes = await Promise.allSettled(tries);
      expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
      expect((await store.events(0)).events).toHaveLength(2);
    });

    test("without a state the row goes, its events stay and the name is free", async () => {
      const state = sampleSessionState({ idempotencyKey: "key" });
      await save(state);
      await remove(state);
      expect(await store.get(state.id)).toBeUndefined();
      expect(await store.getByIdempotencyKey("key")).toBeUndefined();
      expect((await store.events(0)).events.map((event) => event.body.type)).toEqual([
        "session.adopted",
        "session.deleted",
      ]);
      await save(sampleSessionState({ id: "another" }));
      expect((await store.getByName("sample"))?.id).toBe("another");
    });

    test("of two sessions with one idempotency key the first is found", async () => {
      await save(sampleSessionState({ name: "first", idempotencyKey: "key" }));
      await save(sampleSessionState({ name: "second", idempotencyKey: "key" }));
      expect((await store.getByIdempotencyKey("key"))?.name).toBe("first");
    });

    test("facts are set and replaced", async () => {
      await store.setFact("port", "1");
      await store.setFact("port", "3031");
      expect(await store.getFact("port")).toBe("3031");
    });

    test("what was seen is stored with the fact, in the order of all events; rows stay as they are", async () => {
      const state = sampleSessionState();
      await save(state);
      const exchange = { vendor: "anthropic", exchangeId: "e" } as const;
      const [text, tool] = [
        { type: "model.text", characters: 3, ...exchange },
        { type: "model.tool-used", tool: "Bash", ...exchange },
      ] as const;
      const seen = { sessionId: state.id, sessionName: state.name, at: AT, body: text };
      const ofGone = { sessionId: "gone", sessionName: "gone", at: "2026-01-02T03:04:06.000Z", body: tool };
      const stored = await store.record({ events: [seen, ofGone], fact: { key: "read", value: "7" } });
      expect(stored).toEqual([
        { cursor: 2, ...seen },
        { cursor: 3, ...ofGone },
      ]);
      expect((await store.events(1)).events).toEqual(stored);
      expect(await store.lastCursor()).toBe(3);
      expect(await store.getFact("read")).toBe("7");
      expect(await store.list()).toEqual([state]);
      expect(await store.record({ events: [], fact: { key: "read", value: "8" } })).toEqual([]);
      expect(await store.getFact("read")).toBe("8");
    });

    test("old events expire: the newest 20,000 stay and the gap is told", async () => {
      const state = sampleSessionState();
      for (let batch = 0; batch < 21; batch += 1) {
        await store.append({
          sessionId: state.id,
          sessionName: state.name,
          at: AT,
          events: Array.from({ length: 1_000 }, () => adopted),
          state: { ...state, revision: (batch + 1) * 1_000 },
          expectedRevision: batch * 1_000,
        });
      }
      const last = await store.lastCursor();
      const afterExpired = await store.events(0, { limit: 1 });
      expect(afterExpired.isGap).toBe(true);
      expect(afterExpired.events[0]?.cursor).toBe(last - 19_999);
      expect((await store.events(last - 20_000, { limit: 1 })).isGap).toBe(false);
      expect((await store.events(last - 20_001, { limit: 1 })).isGap).toBe(true);
      expect((await store.events(last)).isGap).toBe(false);
    });

    test("an aborted call rejects with the signal's reason and stores nothing", async () => {
      const reason = new Error("enough");
      const signal = AbortSignal.abort(reason);
      await expect(store.list({ signal })).rejects.toBe(reason);
      const state = sampleSessionState();
      const request = { sessionId: state.id, sessionName: state.name, at: AT, events: [], state, expectedRevision: 0 };
      await expect(store.append(request, { signal })).rejects.toBe(reason);
      expect(await store.list()).toEqual([]);
    });

    test("closing twice is fine; a closed store rejects", async () => {
      await store.close();
      await store.close();
      await expect(store.list()).rejects.toMatchObject({ code: "store.failed" });
      await expect(save(sampleSessionState())).rejects.toMatchObject({ code: "store.failed" });
      await expect(store.record({ events: [] })).rejects.toMatchObject({ code: "store.failed" });
    });
  });
}
