/** How many requests there are to the peer at once. */
export const REQUESTS_MAX = 4;

/**
 * Does something with each item in order, a few at a time. After a failure nothing more begins, and what is under way
 * is waited for. @throws what failed first
 */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const run = async (): Promise<void> => {
    for (let item = next++; item < items.length && failure === undefined; item = next++) {
      try {
        await work(items[item] as T);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(REQUESTS_MAX, items.length) }, run));
  if (failure !== undefined) throw failure.error;
}
