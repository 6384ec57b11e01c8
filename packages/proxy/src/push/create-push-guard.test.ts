import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createPushGuard, type PushGuard, type PushGuardResult } from "./create-push-guard.ts";
import { commitOf, GIT_CAPABILITIES, packOf, pushBody, scope, ZERO } from "./push-body.fixture.ts";

const old = commitOf([], "old");
const middle = commitOf([old.id], "middle");
const tip = commitOf([middle.id], "tip");
const OTHER = "a".repeat(40);
const fastForward = packOf([tip, middle], Buffer.from("a file"));

const create = (ref: string = scope.ref): string => `${ZERO} ${tip.id} ${ref}\0${GIT_CAPABILITIES}`;
const update = (from: string = old.id, to: string = tip.id): string =>
  `${from} ${to} ${scope.ref}\0${GIT_CAPABILITIES}`;

interface Verdict {
  readonly verdict: string;
  readonly forwarded: Buffer;
  readonly text: string;
}

/** Feeds the pieces and stops at a refusal, as the transport does. */
function run(pieces: readonly Uint8Array[], guard: PushGuard = createPushGuard(scope)): Verdict {
  const forwarded: Uint8Array[] = [];
  const steps: (() => PushGuardResult)[] = [...pieces.map((piece) => () => guard.write(piece)), () => guard.end()];
  for (const step of steps) {
    const result = step();
    if (result.kind === "refuse") {
      const text = `${Buffer.from(result.answer.body).toString("latin1")}\n${result.refusal.message}\n${result.refusal.fix}`;
      return { verdict: result.refusal.code, forwarded: Buffer.concat(forwarded), text };
    }
    forwarded.push(...result.chunks.map((chunk) => Buffer.from(chunk)));
  }
  return { verdict: "forward", forwarded: Buffer.concat(forwarded), text: "" };
}

const certificate = (
  commands: readonly string[],
  signature: readonly string[] = ["iQFz+/=", ""],
): readonly string[] => [
  `push-cert\0${GIT_CAPABILITIES}`,
  ...["certificate version 0.1", "pusher A U Thor <a@example.com> 1790000000 +0000", "nonce 1790000000-abc", ""].map(
    line,
  ),
  ...commands.map(line),
  ...["-----BEGIN PGP SIGNATURE-----", ...signature, "-----END PGP SIGNATURE-----"].map(line),
  "push-cert-end\n",
];
const line = (text: string): string => `${text}\n`;

interface Case {
  readonly name: string;
  readonly lines: readonly string[];
  readonly options?: readonly string[];
  readonly pack?: Uint8Array;
  readonly verdict: string;
  readonly says?: RegExp;
}

const cases: readonly Case[] = [
  { name: "creates the branch", lines: [create()], pack: fastForward, verdict: "forward" },
  { name: "creates it with lines that end in LF", lines: [line(create())], pack: fastForward, verdict: "forward" },
  { name: "creates it from what the remote has", lines: [create()], pack: packOf([]), verdict: "forward" },
  { name: "moves it forward", lines: [update()], pack: fastForward, verdict: "forward" },
  { name: "moves it forward, parents first", lines: [update()], pack: packOf([middle, tip]), verdict: "forward" },
  { name: "moves it nowhere", lines: [update(old.id, old.id)], pack: packOf([]), verdict: "forward" },
  { name: "comes from a shallow clone", lines: [`shallow ${OTHER}`, create()], pack: fastForward, verdict: "forward" },
  { name: "is signed", lines: certificate([`${ZERO} ${tip.id} ${scope.ref}`]), pack: fastForward, verdict: "forward" },
  { name: "only asks whether it must authenticate", lines: [], verdict: "forward" },
  {
    name: "names another branch",
    lines: [create("refs/heads/main")],
    pack: fastForward,
    verdict: "push-ref-not-allowed",
    says: /may push only clauderon\/fix/,
  },
  {
    name: "names a tag",
    lines: [create("refs/tags/v1")],
    pack: fastForward,
    verdict: "push-ref-not-allowed",
    says: /may not push tags/,
  },
  {
    name: "names a branch below",
    lines: [create(`${scope.ref}/x`)],
    pack: fastForward,
    verdict: "push-ref-not-allowed",
  },
  {
    name: "names it in capitals",
    lines: [create("refs/heads/CLAUDERON/fix")],
    pack: fastForward,
    verdict: "push-ref-not-allowed",
  },
  {
    name: "names it with a space behind",
    lines: [create(`${scope.ref} `)],
    pack: fastForward,
    verdict: "push-ref-not-allowed",
  },
  { name: "names a note", lines: [create("refs/notes/commits")], pack: fastForward, verdict: "push-ref-not-allowed" },
  {
    name: "deletes the branch",
    lines: [update(old.id, ZERO)],
    verdict: "push-ref-not-allowed",
    says: /may not delete/,
  },
  {
    name: "deletes another",
    lines: [`${old.id} ${ZERO} refs/heads/main\0 report-status`],
    verdict: "push-ref-not-allowed",
  },
  {
    name: "updates a second ref too",
    lines: [create(), `${ZERO} ${tip.id} refs/heads/main`],
    pack: fastForward,
    verdict: "push-ref-not-allowed",
    says: /together with the others/,
  },
  {
    name: "updates the branch twice",
    lines: [create(), `${ZERO} ${middle.id} ${scope.ref}`],
    pack: fastForward,
    verdict: "push-ref-not-allowed",
    says: /named twice/,
  },
  {
    name: "hides a command behind a signature",
    lines: certificate([`${ZERO} ${tip.id} ${scope.ref}`], [`${ZERO} ${tip.id} refs/heads/main`]),
    pack: fastForward,
    verdict: "push-malformed",
  },
  {
    name: "signs two commands",
    lines: certificate([`${ZERO} ${tip.id} ${scope.ref}`, `${ZERO} ${tip.id} refs/heads/main`]),
    pack: fastForward,
    verdict: "push-ref-not-allowed",
  },
  {
    name: "has commands after a certificate",
    lines: [...certificate([`${ZERO} ${tip.id} ${scope.ref}`]), `${ZERO} ${tip.id} refs/heads/main`],
    pack: fastForward,
    verdict: "push-malformed",
  },
  {
    name: "has a certificate after commands",
    lines: [create(), ...certificate([`${ZERO} ${tip.id} refs/heads/main`])],
    pack: fastForward,
    verdict: "push-malformed",
  },
  {
    name: "has a certificate without capabilities after commands",
    lines: [create(), "push-cert\n", ...certificate([`${ZERO} ${tip.id} refs/heads/main`]).slice(1)],
    pack: fastForward,
    verdict: "push-malformed",
  },
  {
    name: "has two lines in one packet of a certificate",
    lines: certificate([`${ZERO} ${tip.id} ${scope.ref}\n${ZERO} ${tip.id} refs/heads/main`]),
    verdict: "push-malformed",
  },
  {
    name: "has capabilities in a second line",
    lines: [create(), `${ZERO} ${tip.id} ${scope.ref}\0push-options`],
    verdict: "push-malformed",
  },
  {
    name: "has two lines in one command",
    lines: [`${ZERO} ${tip.id} ${scope.ref}\n${ZERO} ${tip.id} refs/heads/main`],
    verdict: "push-malformed",
  },
  {
    name: "has an old name of another length",
    lines: [`${"0".repeat(64)} ${tip.id} ${scope.ref}`],
    verdict: "push-malformed",
  },
  { name: "has a pack without commands", lines: [], pack: fastForward, verdict: "push-malformed" },
  {
    name: "has push options",
    lines: [`${create()} push-options`],
    options: ["merge_request.create"],
    pack: fastForward,
    verdict: "push-options-not-allowed",
    says: /--push-option/,
  },
  {
    name: "announces push options and has none",
    lines: [`${create()} push-options`],
    options: [],
    pack: fastForward,
    verdict: "forward",
  },
  {
    name: "rewrites the branch",
    lines: [update()],
    pack: packOf([commitOf([OTHER])]),
    verdict: "push-not-fast-forward",
  },
  {
    name: "rewinds the branch",
    lines: [update()],
    pack: packOf([]),
    verdict: "push-not-fast-forward",
    says: /no force/,
  },
  {
    name: "hides the rewritten tip behind a good chain",
    lines: [update(old.id, OTHER)],
    pack: fastForward,
    verdict: "push-not-fast-forward",
  },
  {
    name: "names the old tip in a message only",
    lines: [update(old.id, commitOf([OTHER], `parent ${old.id}`).id)],
    pack: packOf([commitOf([OTHER], `parent ${old.id}`)]),
    verdict: "push-not-fast-forward",
  },
  {
    name: "has rubbish for a pack",
    lines: [update()],
    pack: Buffer.from("PACX\0\0\0\u0002\0\0\0\u0001rubbish"),
    verdict: "push-not-fast-forward",
  },
];

describe("A push", () => {
  for (const { name, lines, options, pack, verdict, says } of cases) {
    it(`${verdict === "forward" ? "passes" : "is refused"} that ${name}`, () => {
      const body = pushBody({ lines, ...(options && { options }), ...(pack && { pack }) });
      const result = run([body]);
      expect(result).toMatchObject({ verdict });
      if (verdict === "forward") expect(result.forwarded.equals(body)).toBe(true);
      else expect(result.forwarded.includes("PACK") && result.forwarded.length > body.length - 20).toBe(false);
      if (says !== undefined) expect(result.text).toMatch(says);
    });
  }

  it.each(["0001", "0002", "0003", "0004", "fff1", "zzzz", "+012", " 012"])(
    "is refused that holds the packet length %s",
    (length) => {
      expect(run([Buffer.from(`${length}${create()}`)]).verdict).toBe("push-malformed");
    },
  );

  it("is refused that ends within its commands", () => {
    expect(run([pushBody({ lines: [create()] }).subarray(0, 90)]).verdict).toBe("push-malformed");
  });

  it("P44 is refused with more than 1 MiB of commands, and holds no more than that", () => {
    const endless = pushBody({ lines: Array.from({ length: 10_000 }, () => `${ZERO} ${tip.id} ${scope.ref}`) });
    const guard = createPushGuard(scope);
    let written = 0;
    for (
      let result = guard.write(endless.subarray(0, 4096));
      result.kind === "forward";
      result = guard.write(endless.subarray(written, written + 4096))
    ) {
      written += 4096;
    }
    expect(written).toBeLessThanOrEqual(1024 * 1024 + 4096);
  });

  it("gets the same verdict however its bytes are split", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
        ({ lines, options, pack, verdict }, sizes) => {
          const body = pushBody({ lines, ...(options && { options }), ...(pack && { pack }) });
          const pieces: Buffer[] = [];
          for (let at = 0, index = 0; at < body.length; index++) {
            const size = sizes[index % sizes.length] ?? 1;
            pieces.push(body.subarray(at, at + size));
            at += size;
          }
          const result = run(pieces);
          expect(result.verdict).toBe(verdict);
          if (verdict === "forward") expect(result.forwarded.equals(body)).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("never forwards what random bytes make of a good one", () => {
    const body = pushBody({ lines: [update()], pack: fastForward });
    fc.assert(
      fc.property(fc.nat({ max: body.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(body);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        const { verdict, forwarded } = run([damaged]);
        const command = forwarded.toString("latin1", 4, 4 + 40 + 1 + 40 + 1 + scope.ref.length);
        if (verdict === "forward") expect(command.endsWith(` ${scope.ref}`)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
