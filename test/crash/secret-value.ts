/** The secret of the crash workload; it must be nowhere at rest. */
export const secretValue = "correct-horse-battery-staple-7491";
