/** Carried by every process of a sandbox; its value is `<instanceId>/<sandboxId>`. */
export const markerVariable = "CLAUDERON_SANDBOX_ID";

/** Carried by the daemon and by hosts of processes, whoever started them: what has it is never ended with a session. */
export const keeperVariable = "CLAUDERON_KEEPER";
