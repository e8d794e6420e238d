// What nobody waits for and nobody can mend: it is told once, as a warning of the process.

export function warn(message: string, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  process.emitWarning(`${message}: ${why}`, { type: 'FwLimitsWarning' });
}
