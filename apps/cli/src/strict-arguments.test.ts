import { ClauderonError } from "@clauderon/core/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { Arguments } from "./command/command.ts";
import { parseArguments, splitTail, withoutValues } from "./strict-arguments.ts";

const args = {
  name: { type: "positional", description: "" },
  rest: { type: "positional", description: "", repeatable: true },
  backend: { type: "string", alias: "b", valueHint: "NAME", description: "" },
  env: { type: "string", alias: "e", valueHint: "K=V", repeatable: true, description: "" },
  mode: { type: "enum", options: ["ask", "auto"], description: "" },
  interactive: { type: "boolean", alias: "i", description: "" },
  tty: { type: "boolean", alias: "t", description: "" },
  wait: { type: "boolean", default: true, description: "" },
} as const satisfies Arguments;

const parse = (...tokens: string[]): ReturnType<typeof parseArguments> => parseArguments("test", tokens, { args });

function refusal(...tokens: string[]): ClauderonError {
  try {
    parse(...tokens);
  } catch (error) {
    if (ClauderonError.isInstance(error)) return error;
    throw error;
  }
  throw new Error(`accepted: ${tokens.join(" ")}`);
}

describe("parseArguments", () => {
  test("takes values in every written form", () => {
    for (const tokens of [["--backend", "x"], ["--backend=x"], ["-b", "x"], ["-bx"], ["-b=x"]]) {
      expect(parse(...tokens).values["backend"]).toBe("x");
    }
  });

  test("groups short flags; a valued one ends the group", () => {
    expect(parse("-it").values).toMatchObject({ interactive: true, tty: true });
    expect(parse("-itbx").values).toMatchObject({ interactive: true, tty: true, backend: "x" });
    expect(parse("-itb", "x").values).toMatchObject({ backend: "x" });
    expect(parse("-iq").globals.has("quiet")).toBe(true);
  });

  test("collects repeatable flags in order and refuses a single one twice", () => {
    expect(parse("--env", "A=1", "-e", "B=2", "-eC=3").values["env"]).toEqual(["A=1", "B=2", "C=3"]);
    expect(refusal("--backend", "x", "--backend", "y")).toMatchObject({
      code: "usage.invalid",
      message: "--backend is given more than once",
    });
  });

  test("--json takes its fields with = alone and never the next word", () => {
    expect(parse("--json", "a")).toMatchObject({ jsonFields: undefined, values: { name: "a" } });
    expect(parse("--json=a,b").jsonFields).toEqual(["a", "b"]);
    expect(refusal("--json=").code).toBe("usage.invalid");
    expect(refusal("--json=a", "--json=b").code).toBe("usage.invalid");
  });

  test("flags that are on by default exist as --no-… only", () => {
    expect(parse().values["wait"]).toBe(true);
    expect(parse("--no-wait").values["wait"]).toBe(false);
    expect(refusal("--wait").message).toContain("no option --wait");
    expect(refusal("--no-tty").message).toContain("no option --no-tty");
  });

  test.each([
    [["--backnd", "x"], "did you mean --backend?"],
    [["--mode", "aks"], "did you mean ask?"],
    [["--modus", "ask"], "did you mean --mode?"],
    [["-x"], "see: clauderon test --help"],
    [["-ix"], "see: clauderon test --help"],
    [["--backend"], "write --backend=NAME"],
    [["--tty", "--backend"], "write --backend=NAME"],
    [["--backend", ""], "write --backend=NAME"],
    [["-it", "-b"], "write --backend=NAME"],
    [["--mode", "--tty"], "choose one of: ask, auto"],
    [["--backend="], "write --backend=NAME"],
    [["-b"], "write --backend=NAME"],
    [["--tty=yes"], "write --tty alone"],
  ])("refuses %j", (tokens, fix) => {
    const error = refusal(...tokens);
    expect(error.code).toBe("usage.invalid");
    expect(error.fix).toContain(fix);
  });

  test("positionals: extra and missing ones are errors", () => {
    const one = { name: { type: "positional", description: "", required: true } } as const;
    expect(() => parseArguments("one", ["a", "b"], { args: one })).toThrow('does not take "b"');
    expect(() => parseArguments("one", [], { args: one })).toThrow("needs NAME");
    expect(() => parseArguments("exec", ["a", "ls"], { args: one, tail: "COMMAND" })).toThrow('does not take "ls"');
  });

  test("what is given with = arrives whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (value) => {
        expect(parse(`--backend=${value}`).values["backend"]).toBe(value);
      }),
    );
  });

  test.each([
    [["--backend", "--tty"], { backend: "--tty", tty: false }],
    [["--backend", "--backend"], { backend: "--backend" }],
    [["--backend", "--text with = and spaces", "--tty"], { backend: "--text with = and spaces", tty: true }],
    [["-b", "-i"], { backend: "-i", interactive: false }],
    [["-itb", "-1"], { backend: "-1", interactive: true, tty: true }],
    [["--env", "-A=1", "--env", "--help"], { env: ["-A=1", "--help"] }],
    [["--backend", "-", "-"], { backend: "-", name: "-" }],
  ])("%j: what follows an option with a value is its value", (tokens, values) => {
    const parsed = parse(...tokens);
    expect(parsed.values).toMatchObject(values);
    expect([...parsed.globals]).toEqual([]);
  });

  test("what is given with a blank arrives whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.constantFrom("--backend", "-b", "-itb"), (value, flag) => {
        expect(parse(flag, value).values["backend"]).toBe(value);
        expect(withoutValues([flag, value, "word", "--tty"], args)).toEqual([flag, "word", "--tty"]);
      }),
    );
  });

  test("environment pairs survive any text and order", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("A", "B"), fc.string())), (pairs) => {
        const written = pairs.map(([key, value]) => `${key}=${value}`);
        const { values } = parse(...written.flatMap((pair) => ["--env", pair]));
        expect(values["env"]).toEqual(written);
      }),
    );
  });

  test("never does anything but parse or refuse with a fix", () => {
    const token = fc.oneof(
      fc.string(),
      fc.constantFrom("--backend", "--env", "-e", "-it", "--json", "--json=a", "-", "--no-wait", "-q", "--mode=ask"),
    );
    fc.assert(
      fc.property(fc.array(token), (tokens) => {
        const { head, tail } = splitTail(tokens);
        expect([...head, ...(tail === undefined ? [] : ["--", ...tail])]).toEqual(tokens);
        try {
          parse(...head);
        } catch (error) {
          expect(ClauderonError.isInstance(error, "usage.invalid")).toBe(true);
          expect((error as ClauderonError).fix.join("").trim()).not.toBe("");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a flag's place among the words makes no difference", () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(["--tty", "--backend=x", "--mode=auto", "-q", "--env=A=1", "--json=name"], {
          minLength: 6,
        }),
        fc.nat(6),
        (flags, place) => {
          const { values, globals, jsonFields } = parse(...flags.toSpliced(place, 0, "word"));
          expect(values).toMatchObject({ name: "word", tty: true, backend: "x", mode: "auto", env: ["A=1"] });
          expect([...globals].toSorted()).toEqual(["json", "quiet"]);
          expect(jsonFields).toEqual(["name"]);
        },
      ),
    );
  });
});

describe("splitTail", () => {
  test("cuts at the first --", () => {
    expect(splitTail(["exec", "s", "--", "ls", "--", "--help"])).toEqual({
      head: ["exec", "s"],
      tail: ["ls", "--", "--help"],
    });
    expect(splitTail(["a"])).toEqual({ head: ["a"] });
  });
});
