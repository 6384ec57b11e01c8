import { expectTypeOf, test } from "vitest";
import { z } from "zod";

import type { DeletedSession, DeleteSessionRequest, SessionSummary } from "../contract/session.ts";
import { exactly, type IsSame } from "./exactly.ts";
import type { sessionSummarySchema } from "./session-schema.ts";

test("a schema that lacks a member does not compile", () => {
  // @ts-expect-error -- `kept` is missing
  exactly<DeletedSession>()(z.object({ id: z.string(), name: z.string() }));
});

test("a schema that lacks an optional member does not compile", () => {
  // @ts-expect-error -- `keepWorktree` is missing
  exactly<DeleteSessionRequest>()(z.object({ discard: z.boolean().optional(), keepBranch: z.boolean().optional() }));
});

test("a schema with a member too many does not compile", () => {
  exactly<DeletedSession>()(
    // @ts-expect-error -- `extra` is unknown to the contract
    z.object({ id: z.string(), name: z.string(), kept: z.array(z.string()), extra: z.string().optional() }),
  );
});

test("a wider member does not compile", () => {
  // @ts-expect-error -- `kept` may be absent in the schema alone
  exactly<DeletedSession>()(z.object({ id: z.string(), name: z.string(), kept: z.array(z.string()).optional() }));
});

test("spelling does not matter, shape does", () => {
  expectTypeOf<IsSame<{ readonly a?: string | undefined }, { a?: string | undefined }>>().toEqualTypeOf<true>();
  expectTypeOf<IsSame<{ a: string } & { b: 1 }, { a: string; b: 1 }>>().toEqualTypeOf<true>();
  expectTypeOf<IsSame<{ a?: string | undefined }, { a: string | undefined }>>().toEqualTypeOf<false>();
  expectTypeOf<z.output<typeof sessionSummarySchema>>().toEqualTypeOf<SessionSummary>();
});
