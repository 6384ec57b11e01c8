import { caseId, isCompared, type AttackCase, type AttackGroup } from "../harness/attack-case.fixture.ts";
import { peerNames, type PeerName } from "../harness/peers.fixture.ts";
import { fuzzedInputs } from "./fuzzed-inputs.fixture.ts";
import { harmless } from "./harmless-cases.fixture.ts";
import type { PeerResults } from "./peer-results.fixture.ts";

/** What a run of the suite found. */
export interface ReportInput {
  readonly groups: readonly AttackGroup[];
  /** How many cases of a group got through, or were answered otherwise than they must be. */
  readonly problems: ReadonlyMap<string, number>;
  readonly peers: PeerResults;
}

/** `ATTACKS.md`, before it is formatted. */
export function renderReport(input: ReportInput): string {
  const { groups, peers } = input;
  const total = groups.reduce((sum, { cases }) => sum + cases.length, 0);
  const compared = groups.flatMap((group) => group.cases.filter((attack) => isCompared(group, attack)));
  const [mockttp, httpMitmProxy] = [peers.mockttp, peers["http-mitm-proxy"]];
  return `# Attacks on the proxy

${total} cases in ${groups.length} groups. Each sends what stands in its table, byte by byte, to the proxy's own process, and looks at recorders below HTTP that stand for the hosts with a rule, for a host of
the attacker and for the services of this machine. A case is held when no byte (or nothing of what it names) came there, when the client saw what it must see, and when no
credential stood in any encoding in what the client got. Those that need several connections, times or files are told in words.

**Through: ${sum(input.problems)} of ${total}.** The test run fails otherwise.

This file is written by the test run: \`CLAUDERON_WRITE_ATTACKS=1 vitest run packages/proxy/src/attacks/attacks.test.ts\`; without the variable the run fails when the file is stale. The columns of the
other proxies are written by \`CLAUDERON_WRITE_ATTACKS=1 CLAUDERON_TESTS=proof vitest run packages/proxy/src/attacks/peers.proof.test.ts\`.

The same bytes go to mockttp ${mockttp.version} and http-mitm-proxy ${httpMitmProxy.version}, each in a process of its own, set up for the same job as well as it can be: put the credential in for the hosts that have one, remove the
client's own, refuse every other host (\`tools/attack-peers\`). Both are tools for tests and make no promise of the kind; the columns say what it takes to make it. Neither has a
redactor, so that P26 is theirs by design. \`relay\` refuses nothing and reads nothing: it shows that a case can see what gets through. ${compared.length} cases are compared.

| group | attack | cases | clauderon | mockttp | http-mitm-proxy | relay |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
${groups.map((group) => groupRow(group, input)).join("\n")}

P12, packets that go around the proxy, is a matter of the sandbox's network and tested with the backends. P55, data in the text of a read to an allowed host, cannot be stopped by
a proxy. Nor can an allowed host be kept from telling a session the credential it was sent in an encoding of its own making (encrypted, reversed, a letter per event, a piece per
answer to a Range): the forms that are searched for are those of P26. A credential that the host itself cuts off, and goes on with other text, passes as far as it
stands there: what is looked for is the whole.

## Fuzzing

${fuzzedInputs.map(({ what, count }) => `- ${count.toLocaleString("en-US")} ${what}`).join("\n")}

0 differences, 0 crashes; \`CLAUDERON_TESTS=proof vitest run packages/proxy/src/policy\`.

## Cases that get through nowhere

Not even the relay shows them; each was looked at twice.

${[...harmless].map(([ids, reason]) => `- ${ids.join(", ")}: ${reason}`).join("\n")}

## The cases

A dot: held. A minus: not compared.
${groups.map((group) => groupSection(group, peers)).join("")}`;
}

function sum(problems: ReadonlyMap<string, number>): number {
  return [...problems.values()].reduce((total, count) => total + count, 0);
}

function groupRow(group: AttackGroup, { problems, peers }: ReportInput): string {
  const others = peerNames.map((name) => {
    if (group.alone !== undefined) return "–";
    return String(peers[name].failures.filter((id) => id.startsWith(group.id)).length);
  });
  return `| ${group.id} | ${group.title} | ${group.cases.length} | ${problems.get(group.id) ?? "?"} | ${others.join(" | ")} |`;
}

function groupSection(group: AttackGroup, peers: PeerResults): string {
  const { id, title, rule, source, alone, cases } = group;
  const compared = alone === undefined ? "" : `\n\nNot compared: ${alone}.`;
  const rows = cases.map((attack, index) => {
    const marks = peerNames.map((name) => markOf({ attack, group, id: caseId(group, index) }, peers[name]));
    return `| ${caseId(group, index)} | ${code(attack.what)} | ${sight(attack)} | ${marks.join(" | ")} |`;
  });
  return `
### ${id} ${title}

${rule}

Source: ${source}.${compared}

<details><summary>${cases.length} cases</summary>

| case | what is tried | the client sees | mockttp | http-mitm-proxy | relay |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

</details>
`;
}

function markOf(
  { attack, group, id }: { readonly attack: AttackCase; readonly group: AttackGroup; readonly id: string },
  { failures }: PeerResults[PeerName],
): string {
  if (!isCompared(group, attack)) return "–";
  return failures.includes(id) ? "through" : "·";
}

function sight(attack: AttackCase): string {
  return "run" in attack ? "told in words" : code(String(attack.sees));
}

const longest = 110;

/** Plain ASCII in a code span of a table. */
function code(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  const ascii = cut
    .replaceAll("`", "'")
    .replaceAll(/[^ -~…]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .replaceAll("|", "\\|");
  return `\`${ascii}\``;
}
