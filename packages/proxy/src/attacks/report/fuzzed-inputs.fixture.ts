/** How many inputs each property is given. */
export const fuzzRuns = 100_000;

/** The properties, for the report. */
export const fuzzedInputs: readonly { readonly what: string; readonly count: number }[] = [
  { count: fuzzRuns, what: "targets of CONNECT: accepted, and written, as a plain reference does" },
  { count: fuzzRuns, what: "paths: accepted, and written, as a plain reference does" },
  {
    count: fuzzRuns,
    what: "requests with their Host lines, inside tunnels and outside: read as a plain reference does",
  },
  { count: fuzzRuns, what: "decisions on requests: those of a plain reference" },
];
