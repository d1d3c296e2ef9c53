const SOMEONE = 54_321;

/** Does the work as a user whom the modes of files bind: root for a moment becomes someone else. */
export async function asUser<T>(work: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process;
  if (geteuid?.() !== 0 || seteuid === undefined) return work();
  seteuid(SOMEONE);
  try {
    return await work();
  } finally {
    seteuid(0);
  }
}
