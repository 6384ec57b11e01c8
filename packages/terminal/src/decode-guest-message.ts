import { decode } from "./decode-host-message.ts";
import {
  guestLimits,
  type EgressProbe,
  type EgressResult,
  type GuestInfo,
  type GuestReport,
  type GuestReports,
} from "./guest-protocol.ts";
import { count, instant, list, object, oneOf, optional, refusal, text } from "./read-value.ts";

const outcomes = ["reached", "refused", "unreachable", "silent", "failed"] as const;
const eventName = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/u;
const longestName = 64;

/** Reads of what only guests send. */
export const decodeGuest = {
  info(value: unknown): GuestInfo {
    return { ...decode.info(value), guest: text(object(value, "a guest's information")["guest"]) };
  },

  /** Of the reports after a sequence. A guest that began anew tells of smaller ones. */
  reports(value: unknown): GuestReports {
    const { reports, lost } = object(value, "an answer with reports");
    const read = list(reports, guestLimits.reports, report);
    for (const [index, { sequence }] of read.entries()) {
      if (index > 0 && sequence !== (read[index - 1]?.sequence ?? 0) + 1) throw refusal("reports in order");
    }
    return { reports: read, lost: count(lost) };
  },

  /** Each target has exactly one result. */
  probe(value: unknown, targets: readonly string[]): EgressProbe {
    const { atMs, interfaces, results } = object(value, "an answer with results");
    const read = list(results, guestLimits.targets, egressResult);
    if (read.length !== targets.length) throw refusal("a result for each target");
    return {
      at: new Date(instant(atMs)),
      interfaces: list(interfaces, guestLimits.interfaces, networkInterface),
      results: targets.map((target, index) => {
        const result = read[index];
        if (result?.target !== target) throw refusal("a result for each target");
        return result;
      }),
    };
  },
};

function report(value: unknown): GuestReport {
  const { sequence, atMs, event, payload, omitted } = object(value, "a report");
  const members = object(payload, "a report's content");
  const name = text(event);
  if (!eventName.test(name)) throw refusal("the name of an event");
  if (Object.keys(members).length > guestLimits.payloadMembers || depthOf(members) > guestLimits.payloadDepth)
    throw refusal("a report's content");
  if (Buffer.byteLength(JSON.stringify(members)) > guestLimits.reportBytes) throw refusal("a report's content");
  return {
    sequence: positive(sequence),
    at: new Date(instant(atMs)),
    event: name,
    payload: members,
    omitted: optional(omitted, (names) => list(names, guestLimits.omitted, memberName)) ?? [],
  };
}

function egressResult(value: unknown): EgressResult {
  const { target, outcome, detail, elapsedMs } = object(value, "a result");
  return {
    target: text(target),
    outcome: oneOf(outcome, outcomes),
    detail: optional(detail, text),
    elapsedMs: count(elapsedMs),
  };
}

function networkInterface(value: unknown): EgressProbe["interfaces"][number] {
  const { name, isLoopback, isUp, addresses } = object(value, "an interface");
  return {
    name: text(name),
    isLoopback: isLoopback === true,
    isUp: isUp === true,
    addresses: optional(addresses, (all) => list(all, guestLimits.addresses, text)) ?? [],
  };
}

function memberName(value: unknown): string {
  const name = text(value);
  if (name.length > longestName) throw refusal("a member's name");
  return name;
}

function positive(value: unknown): number {
  const number = count(value);
  if (number === 0) throw refusal("a number from 1 on");
  return number;
}

/** Levels of a value, counted no further than one too many. */
function depthOf(value: unknown): number {
  let level: unknown[] = [value];
  for (let depth = 0; ; depth += 1) {
    if (level.length === 0 || depth > guestLimits.payloadDepth) return depth;
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
}
