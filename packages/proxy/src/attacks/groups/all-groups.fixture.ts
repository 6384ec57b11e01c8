import type { AttackGroup } from "../harness/attack-case.fixture.ts";
import { answerGroups } from "./answers.fixture.ts";
import { atRestGroups } from "./at-rest.fixture.ts";
import { authorityGroups } from "./authority.fixture.ts";
import { credentialGroups } from "./credentials.fixture.ts";
import { parsingGroups } from "./parsing.fixture.ts";
import { reachGroups } from "./reach.fixture.ts";
import { readOnlyGroups } from "./read-only.fixture.ts";

/** Every group in the order of its number; the files are looked at when all else was tried. */
export const allGroups: readonly AttackGroup[] = [
  ...reachGroups,
  ...authorityGroups,
  ...answerGroups,
  ...credentialGroups,
  ...parsingGroups,
  ...readOnlyGroups,
  ...atRestGroups,
].toSorted((one, other) => Number(one.id.slice(1)) - Number(other.id.slice(1)));
