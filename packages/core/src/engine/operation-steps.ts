import type { SessionOperation } from "../contract/session-state.ts";

export type OperationKind = SessionOperation["kind"];

/** One external effect; each leaves a receipt before the next begins. */
export type StepName = "workspace" | "proxy" | "sandbox" | "agent" | "files" | "result" | "checkpoint";

/** The steps of each operation in order, and what takes it back. Undo steps are idempotent and run without receipts. */
export const operationSteps: Readonly<
  Record<OperationKind, { readonly steps: readonly StepName[]; readonly undo: readonly StepName[] }>
> = {
  create: {
    steps: ["workspace", "proxy", "sandbox", "agent"],
    undo: ["sandbox", "proxy", "files", "workspace"],
  },
  start: { steps: ["proxy", "sandbox", "agent"], undo: ["sandbox", "proxy"] },
  stop: { steps: ["sandbox"], undo: [] },
  delete: { steps: ["sandbox", "proxy", "workspace", "files"], undo: [] },
  restore: { steps: ["workspace"], undo: [] },
  archive: { steps: ["sandbox", "proxy", "workspace"], undo: [] },
  unarchive: { steps: ["workspace"], undo: [] },
  merge: { steps: ["result"], undo: [] },
  apply: { steps: ["result"], undo: [] },
  rewind: { steps: ["checkpoint"], undo: [] },
};

const effect = (point: string): readonly string[] => [`${point}.before-effect`, `${point}.after-effect`];
const write = (point: string): readonly string[] => [`${point}.before-write`, `${point}.after-write`];

/** What reconcile may do outside (`effects`) and record (`writes`). */
export const reconcileActions = {
  effects: ["destroy-sandbox", "remove-workspace"],
  writes: ["mark-lost", "mark-drifted", "adopt"],
} as const;

/** The name of every place that `CrashPoints.reach` is called from, in the order of execution. */
export const crashPointNames: readonly string[] = [
  ...(Object.keys(operationSteps) as OperationKind[]).flatMap((kind) => {
    const { steps, undo } = operationSteps[kind];
    return [
      ...write(`${kind}.requested`),
      ...steps.flatMap((step) => [...effect(`${kind}.${step}`), ...write(`${kind}.${step}`)]),
      ...write(`${kind}.completed`),
      ...(undo.length === 0 ? [] : write(`${kind}.undo-requested`)),
      ...undo.flatMap((step) => effect(`${kind}.undo.${step}`)),
      ...(undo.length === 0 ? [] : write(`${kind}.undone`)),
    ];
  }),
  ...write("watch.agent-ended"),
  ...effect("access.proxy"),
  ...write("access.changed"),
  ...reconcileActions.effects.flatMap((action) => effect(`reconcile.${action}`)),
  ...reconcileActions.writes.flatMap((action) => write(`reconcile.${action}`)),
];
