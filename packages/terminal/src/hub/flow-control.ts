/** Unacknowledged bytes of the controlling viewer above which the agent's output is paused. */
export const PAUSE_BYTES = 262_144;
/** … and below which it goes on: enough under way that the viewer does not wait while the agent is told so. */
export const RESUME_BYTES = 131_072;
/** A viewer that was left behind has caught up when less than this is not shown. */
export const CAUGHT_UP_BYTES = 5_000;
/** A viewer further behind gets no more output, and a snapshot when it has caught up. */
export const BEHIND_BYTES = 1_000_000;

/** What one viewer has been sent and has shown. Pure. */
export interface ViewerFlow {
  /** Sequence after the last byte sent. */
  readonly sent: number;
  readonly acknowledged: number;
  /** True from when too much was not shown until the next snapshot. */
  readonly isBehind: boolean;
}

export function startFlow(sequence: number): ViewerFlow {
  return { sent: sequence, acknowledged: sequence, isBehind: false };
}

/** Whether the next `bytes` may be sent, and the flow after that decision. */
export function flowSend(flow: ViewerFlow, bytes: number): { readonly isSending: boolean; readonly flow: ViewerFlow } {
  if (flow.isBehind || flow.sent + bytes - flow.acknowledged > BEHIND_BYTES) {
    return { isSending: false, flow: { ...flow, isBehind: true } };
  }
  return { isSending: true, flow: { ...flow, sent: flow.sent + bytes } };
}

/** An acknowledgement never goes back, nor beyond what was sent. */
export function flowAcknowledge(flow: ViewerFlow, sequence: number): ViewerFlow {
  return { ...flow, acknowledged: Math.max(flow.acknowledged, Math.min(sequence, flow.sent)) };
}

/** True when a viewer that was left behind has shown all it was sent: time for a snapshot. */
export function flowNeedsSnapshot(flow: ViewerFlow): boolean {
  return flow.isBehind && flow.sent - flow.acknowledged < CAUGHT_UP_BYTES;
}

/** Whether the agent's output is to be paused, given that it is or is not now. */
export function flowPauses(controller: ViewerFlow | undefined, isPaused: boolean): boolean {
  if (controller === undefined) return false;
  const unacknowledged = controller.sent - controller.acknowledged;
  return isPaused ? unacknowledged >= RESUME_BYTES : unacknowledged > PAUSE_BYTES;
}
